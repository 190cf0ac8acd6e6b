"""The page to paint on, in a browser."""

import math
import re
import shutil

import numpy as np
import pytest
from conftest import astronaut, draw_faces, needs_chromium
from page_server import repeated, serving, until
from PIL import Image

pytest.importorskip("uvicorn", reason="what the page needs is not there: make paint installs it")
playwright = pytest.importorskip(
    "playwright.sync_api",
    reason="Playwright is not there: pip install -r paint/requirements-test.txt")
pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def served(lively, tmp_path_factory):
    with serving(lively, tmp_path_factory.mktemp("sent")) as (page, port):
        yield page, f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"),
                                         args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(browser, served):
    """The page in a window, which has no network but the machine itself. Anything that goes wrong
    in it, and anything that it asks another for, fails the test."""
    tab = browser.new_page(viewport={"width": 1100, "height": 760})
    wrong = []

    def ours_alone(route):
        if route.request.url.startswith(served[1]):
            route.continue_()
        else:
            wrong.append(route.request.url)
            route.abort()

    tab.route(re.compile("^(?!data:|blob:)"), ours_alone)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda message: message.type == "error" and "400" not in message.text
           and wrong.append(message.text))
    tab.goto(served[1])
    tab.wait_for_selector("#samples img")
    tab.wait_for_load_state("networkidle")  # a test may take the samples away
    yield tab
    tab.close()
    assert not wrong


@pytest.fixture
def photo(tmp_path):
    """A photograph of 300x240 with a drawn face."""
    path = tmp_path / "photo.png"
    face = Image.open(draw_faces(tmp_path / "drawn", 1, size=64) / "face_0.png").convert("RGB")
    wide = Image.new("RGB", (300, 240), "#3a6")
    wide.paste(face.resize((160, 160)), (80, 30))
    wide.save(path)
    return path


def choose(tab, path, frame=None):
    """Choose a picture and, if it is not the one that the page takes, its frame by what it says."""
    send(tab, path)
    if frame:
        tab.click(f"#frames label:has-text('{frame}')")


def send(tab, path):
    """Choose a picture, and wait until it is there, with its frames."""
    tab.evaluate("document.getElementById('frames').replaceChildren()")  # of the one before
    tab.set_input_files("#file", [])  # a file that is chosen already would be no change
    tab.set_input_files("#file", path)
    tab.wait_for_selector("#frames label")


def stroke(tab, *points):
    """Paint along points, in shares of the canvas."""
    box = tab.locator("#canvas").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    tab.mouse.move(*places[0])
    tab.mouse.down()
    for place in places[1:]:
        tab.mouse.move(*place, steps=4)
    tab.mouse.up()


def setting(tab, **values):
    tab.evaluate("document.getElementById('settings').open = true")
    for name, value in values.items():
        tab.fill(f"#form [name={name}]", str(value))


def complete(tab, **values):
    """Search with these settings, to the end."""
    setting(tab, **values)
    tab.click("#complete")
    tab.wait_for_selector("body[data-state=done]")


def keep(tab, link, path):
    with tab.expect_download() as download:
        tab.click(link)
    download.value.save_as(path)
    return download.value.suggested_filename


def test_what_is_downloaded_is_what_complete_py_makes(tab, photo, tmp_path):
    choose(tab, photo, "Whole picture")
    stroke(tab, (0.4, 0.5), (0.6, 0.5), (0.5, 0.6))
    complete(tab, nIter=6, nCandidates=2)
    tab.evaluate("document.getElementById('repeat').open = true")
    assert keep(tab, "#maskFile", tmp_path / "mask.png") == "mask.png"
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    assert mask.shape[:2] == (240, 300) and set(np.unique(mask[..., 0])) == {0, 255}
    assert 500 < (mask[..., 0] == 255).sum() < 20_000
    assert keep(tab, "#download", tmp_path / "kept.png") == "photo.png"
    expected = repeated(tab.inner_text("#command"), photo, tmp_path)
    assert (tmp_path / "kept.png").read_bytes() == expected["photo.png"]
    known = np.asarray(Image.open(photo))[mask[..., 0] == 0]
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "kept.png"))[mask[..., 0] == 0], known)


def test_three_points_are_dragged_onto_a_face(tab, photo, tmp_path):
    choose(tab, photo, "Three points")
    handle = tab.locator(".handle").nth(2)
    before = handle.bounding_box()
    tab.mouse.move(before["x"] + 14, before["y"] + 14)
    tab.mouse.down()
    tab.mouse.move(before["x"] + 34, before["y"] + 44, steps=5)
    tab.mouse.up()
    after = handle.bounding_box()
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((20, 30), abs=0.6)
    tab.locator(".handle").nth(0).press("Shift+ArrowLeft")
    tab.check("[name=tool][value=brush]", force=True)
    stroke(tab, (0.45, 0.45), (0.55, 0.55))
    complete(tab, nIter=4, nCandidates=1)
    tab.evaluate("document.getElementById('repeat').open = true")
    keep(tab, "#maskFile", tmp_path / "mask.png")
    keep(tab, "#pointsFile a", tmp_path / "landmarks.txt")
    keep(tab, "#download", tmp_path / "kept.png")
    command = tab.inner_text("#command")
    assert "--align --landmarks landmarks.txt" in command
    expected = repeated(command, photo, tmp_path)
    assert (tmp_path / "kept.png").read_bytes() == expected["photo.png"]


def test_the_face_that_is_clicked_is_meant(tab, photo, monkeypatch):
    two = [[[100.0, 60.0], [130.0, 60.0], [115.0, 110.0]],
           [[200.0, 160.0], [220.0, 160.0], [210.0, 195.0]]]
    monkeypatch.setattr("paint.uploads.Picture.faces", lambda picture: two)
    choose(tab, photo)
    assert tab.locator("#overlay .chosen, #overlay .other").count() == 2
    assert tab.is_checked("#frames [value='0']")
    tab.click(".chip:not(.chosen)")
    assert tab.is_checked("#frames [value='1']")
    tab.check("[name=tool][value=brush]", force=True)
    tab.locator("#overlay .hit").evaluate("shape => shape.dispatchEvent(new MouseEvent('click'))")
    assert tab.is_checked("#frames [value='0']")
    tab.evaluate("document.querySelector('#frames [value=\"1\"]').click()")
    stroke(tab, (0.7, 0.7), (0.7, 0.75))
    setting(tab, nIter=1, nCandidates=1)
    with tab.expect_request("**/search") as asked:
        tab.click("#complete")
    np.testing.assert_allclose(asked.value.post_data_json["points"], two[1], atol=1e-6)


def test_a_result_shows_the_points_and_they_can_be_dragged(tab, tmp_path, monkeypatch):
    """The box stands where the search has put it; and, dragged, where the user has."""
    image, face = astronaut()
    truth = face[[39, 42, 57]]
    off = (truth + [[0, 0], [0, 0], [0, 14]]).tolist()
    monkeypatch.setattr("paint.uploads.Picture.faces", lambda picture: [off])
    Image.fromarray(image).save(tmp_path / "astronaut.png")
    choose(tab, tmp_path / "astronaut.png")
    before = corners_of(tab)
    box, (x, y) = tab.locator("#canvas").bounding_box(), face[36:48].mean(axis=0)
    scale = min(box["width"], box["height"]) / 512
    middle = (np.array([x, y]) - 256) * scale + (box["width"] / 2, box["height"] / 2)
    place = middle / (box["width"], box["height"])
    stroke(tab, place - (0.02, 0), place + (0.02, 0))
    with tab.expect_request("**/search") as asked:
        complete(tab, nIter=1, nCandidates=1)
    assert asked.value.post_data_json["by_hand"] is False
    found = corners_of(tab)
    assert np.abs(found - before).max() > 2 * scale
    tab.click("#again")
    tab.check("[name=tool][value=points]", force=True)
    tab.locator(".handle >> nth=2").press("Shift+ArrowDown")
    assert np.abs(corners_of(tab) - found).max() > 5
    with tab.expect_request("**/search") as asked:
        complete(tab, nIter=1, nCandidates=1)
    assert asked.value.post_data_json["by_hand"] is True


def test_the_box_is_what_the_network_sees(tab):
    """The corners as dcgan.faces.alignment has them."""
    from dcgan.faces.alignment import ALIGNMENTS, LANDMARK_TEMPLATE, face_transform

    indices = ALIGNMENTS["innerEyesAndBottomLip"]
    points = {i: p for i, p in zip(indices, [(40.0, 50.0), (73.0, 41.0), (60.0, 110.0)])}
    transform = face_transform(points, indices, 1)
    expected = [np.linalg.solve(transform[:, :2], np.array(corner) - transform[:, 2])
                for corner in ((0, 0), (1, 0), (1, 1), (0, 1))]
    found = tab.evaluate(
        "async ([points, template]) => "
        "(await import('/page/faces.js')).corners(points, template)",
        [list(points.values()), [LANDMARK_TEMPLATE[i] for i in indices]])
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_paint_is_undone_and_erased(tab, photo):
    choose(tab, photo, "Whole picture")
    assert tab.is_disabled("#complete") and tab.is_visible("#why")
    stroke(tab, (0.4, 0.5), (0.5, 0.5))
    assert tab.is_enabled("#complete")
    tab.keyboard.press("Control+z")
    assert tab.is_disabled("#complete") and tab.is_enabled("#redo")
    tab.keyboard.press("Control+Shift+Z")
    assert tab.is_enabled("#complete")
    tab.keyboard.press("e")
    tab.evaluate("document.getElementById('size').value = 200")
    stroke(tab, (0.4, 0.5), (0.5, 0.5))
    assert tab.is_disabled("#complete")
    tab.click("#clear")
    assert tab.is_disabled("#undo")


def test_the_keyboard_alone(tab, photo):
    choose(tab, photo)
    tab.check("#frames [value=null]", force=True)
    tab.focus("#canvas")
    for key in ("Space", "ArrowRight", "ArrowRight", "ArrowDown", "Space", "+", "]"):
        tab.keyboard.press(key)
    assert tab.is_enabled("#complete")
    setting(tab, nIter=2, nCandidates=1)
    tab.focus("#complete")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("body[data-state=done]")
    assert tab.evaluate("document.activeElement.id") == "download"
    tab.focus("#split")
    before = tab.input_value("#split")
    tab.keyboard.press("ArrowRight")
    assert int(tab.input_value("#split")) == int(before) + 1


def test_another_one_stands_beside_the_first(tab, photo, tmp_path):
    choose(tab, photo, "Whole picture")
    stroke(tab, (0.45, 0.45), (0.55, 0.55))
    complete(tab, nIter=3, nCandidates=2)
    assert tab.locator("#tiles button").count() == 3
    tab.click("#another")
    tab.wait_for_selector("#tiles h3 >> text=Seed 1")
    assert tab.locator("#tiles button").count() == 6
    pressed = tab.locator("#tiles button[aria-pressed=true]")
    assert pressed.count() == 1
    keep(tab, "#download", tmp_path / "second.png")
    tab.locator("#tiles section").nth(1).locator("button").nth(2).click()
    keep(tab, "#download", tmp_path / "candidate.png")
    assert "candidate=1" in tab.get_attribute("#download", "href")
    first, second = (np.asarray(Image.open(tmp_path / f"{name}.png"))
                     for name in ("candidate", "second"))
    assert first.shape == second.shape and (first != second).any()


def test_it_is_seen_as_it_goes_on_and_stopped(tab, served, photo):
    choose(tab, photo, "Whole picture")
    stroke(tab, (0.45, 0.45), (0.55, 0.55))
    setting(tab, nIter=5000, nCandidates=2)
    tab.click("#complete")
    tab.wait_for_selector("#G[src]")
    tab.wait_for_selector("#curve path.best[d*=L]")
    first = tab.get_attribute("#G", "src")
    until(lambda: tab.get_attribute("#G", "src") != first)
    tab.click("#stop")
    tab.wait_for_selector("body[data-state=done]")
    assert re.fullmatch(r"Stopped after \d+ s", tab.inner_text("#result"))
    assert tab.is_hidden("#repeat")


def test_a_closed_tab_ends_its_search(browser, served, photo):
    page, address = served
    tab = browser.new_page()
    tab.goto(address)
    tab.wait_for_selector("#samples img")
    choose(tab, photo, "Whole picture")
    stroke(tab, (0.45, 0.45), (0.55, 0.55))
    setting(tab, nIter=5000, nCandidates=8)
    tab.click("#complete")
    tab.wait_for_selector("#G[src]")
    identity, = list(page.uploads.pictures)[-1:]
    tab.close(run_before_unload=False)
    until(lambda: not page.waiting and page.uploads.get(identity) is None)
    page.searcher.submit(lambda: None).result(timeout=60)  # it has ended


def test_what_is_no_picture_is_refused(tab, tmp_path):
    (tmp_path / "letter.png").write_text("Dear reader")
    tab.set_input_files("#file", tmp_path / "letter.png")
    tab.wait_for_selector("#startError:not([hidden])")
    assert tab.inner_text("#startError").startswith("letter.png: ")
    assert tab.get_attribute("body", "data-state") == "empty"


def test_a_sample_is_tried(tab):
    tab.click("#samples button >> nth=2")
    tab.wait_for_selector("#frames label")
    assert tab.inner_text("#where") == "sample_002.png, 64 × 64"


def test_zoom_keeps_what_is_under_the_pointer(tab, photo):
    choose(tab, photo)
    box = tab.locator("#canvas").bounding_box()
    tab.mouse.move(box["x"] + 200, box["y"] + 150)
    corner = tab.locator("#overlay polygon.chosen").first
    before = [tuple(map(float, p.split(","))) for p in corner.get_attribute("points").split()]
    tab.mouse.wheel(0, -400)
    until(lambda: corner.get_attribute("points") != " ".join(f"{x},{y}" for x, y in before))
    tab.wait_for_timeout(200)
    after = [tuple(map(float, p.split(","))) for p in corner.get_attribute("points").split()]
    factor = math.dist(after[0], after[1]) / math.dist(before[0], before[1])
    assert factor == pytest.approx(math.exp(0.8), rel=1e-3)
    np.testing.assert_allclose(
        np.array(after) - (200, 150), factor * (np.array(before) - (200, 150)), atol=0.1)


# Gestures


def place(tab, x, y):
    """Where a pixel of the photograph is in the window, while all of it is seen."""
    box = tab.locator("#canvas").bounding_box()
    scale = min((box["width"] - 24) / 300, (box["height"] - 24) / 240)
    return (box["x"] + box["width"] / 2 + (x - 150) * scale,
            box["y"] + box["height"] / 2 + (y - 120) * scale)


def begin(tab, *points):
    """Press the mouse and move it along pixels of the photograph."""
    tab.mouse.move(*place(tab, *points[0]))
    tab.mouse.down()
    for point in points[1:]:
        tab.mouse.move(*place(tab, *point), steps=3)


def marked(tab):
    """`[240, 300]` bool, which pixels of the photograph are painted over, while all of it is seen;
    one of four is looked at. Only outside of the face: the paint is told from the photograph's
    green."""
    (x0, y0), (x1, y1) = place(tab, 0, 0), place(tab, 300, 240)
    box = tab.locator("#canvas").bounding_box()
    told = tab.evaluate(
        """async ([x0, y0, x1, y1]) => {
          const canvas = document.getElementById("canvas");
          canvas.dispatchEvent(new PointerEvent("pointerleave"));  // or the brush is seen
          for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
          const { width, height } = canvas;
          const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
          const [across, down] = [width / canvas.clientWidth, height / canvas.clientHeight];
          let marked = "";
          for (let v = 1; v < 240; v += 2) for (let u = 1; u < 300; u += 2) {
            const x = Math.floor((x0 + u * (x1 - x0) / 300) * across);
            const y = Math.floor((y0 + v * (y1 - y0) / 240) * down);
            marked += data[4 * (y * width + x)] > 100 ? "1" : "0";
          }
          return marked;
        }""", [x0 - box["x"], y0 - box["y"], x1 - box["x"], y1 - box["y"]])
    found = np.array([*told]).reshape(120, 150).repeat(2, axis=0).repeat(2, axis=1) == "1"
    found[25:195, 75:245] = False  # the face
    return found


ROW = ((20, 215), (120, 215))  # two strokes that do not meet
COLUMN = ((270, 20), (270, 100))


@pytest.fixture
def painting(tab, photo):
    """The photograph, ready to be painted on."""
    choose(tab, photo, "Whole picture")
    tab.evaluate("document.getElementById('size').value = 20")
    assert not marked(tab).any()
    return tab


def on(tab, *lines):
    """Whether all pixels of lines, and none that is far from them, are painted over."""
    found = marked(tab)
    near = np.zeros_like(found)
    for (x0, y0), (x1, y1) in lines:
        near[max(y0 - 9, 0):y1 + 10, max(x0 - 9, 0):x1 + 10] = True
        if not found[y0:y1 + 1, x0:x1 + 1].all():
            return False
    return not (found & ~near).any()


def click(tab, name):
    """Press a button by another pointer than the mouse."""
    tab.evaluate("name => document.getElementById(name).click()", name)


@pytest.mark.parametrize("end,left", [
    (lambda tab, photo: tab.keyboard.press("Control+z"), [ROW]),
    (lambda tab, photo: click(tab, "undo"), [ROW]),
    (lambda tab, photo: (click(tab, "undo"), click(tab, "redo")), [ROW, COLUMN]),
    (lambda tab, photo: click(tab, "clear"), []),
    (lambda tab, photo: tab.keyboard.press("e"), [ROW, COLUMN])])
def test_a_stroke_belongs_to_its_gesture(painting, photo, end, left):
    begin(painting, *ROW)
    painting.mouse.up()
    begin(painting, *COLUMN)
    end(painting, photo)
    painting.mouse.move(*place(painting, 270, 225), steps=4)
    painting.mouse.up()
    assert on(painting, *left)
    assert painting.is_enabled("#complete") == bool(left)
    painting.keyboard.press("b")
    begin(painting, *ROW)  # the next one is painted
    painting.mouse.up()
    assert on(painting, *{ROW, *left})


def test_a_new_picture_ends_the_stroke(painting, photo):
    begin(painting, *COLUMN)
    assert on(painting, COLUMN)
    send(painting, photo)
    painting.mouse.move(*place(painting, 270, 225), steps=4)
    assert not marked(painting).any()
    painting.mouse.up()
    assert not marked(painting).any() and painting.is_disabled("#complete")
    begin(painting, *ROW)
    painting.mouse.up()
    assert on(painting, ROW)


def test_without_a_picture_nothing_is_compared(painting):
    """The pointer that drags the line between before and after is still down."""
    begin(painting, *ROW)
    painting.mouse.up()
    complete(painting, nIter=1, nCandidates=1)
    begin(painting, (100, 120), (120, 120))
    farther = place(painting, 150, 150)
    click(painting, "new")
    painting.mouse.move(*farther, steps=3)
    painting.mouse.up()


def test_a_stroke_does_not_follow_the_zoom(painting):
    begin(painting, *COLUMN)
    painting.keyboard.press("+")
    painting.mouse.move(*place(painting, 260, 120))
    painting.mouse.up()
    painting.keyboard.press("0")
    assert on(painting, COLUMN)


def to_again(tab, photo):
    complete(tab, nIter=1, nCandidates=1)
    tab.click("#again")


def mouse_stroke(tab, photo):
    begin(tab, *ROW)
    tab.mouse.up()


@pytest.mark.parametrize("leave", [
    to_again, mouse_stroke,
    lambda tab, photo: choose(tab, photo, "Whole picture"),
    lambda tab, photo: tab.focus("#fit"),
    lambda tab, photo: (tab.keyboard.press("e"), tab.keyboard.press("b")),
    lambda tab, photo: tab.keyboard.press("Control+z"),
    lambda tab, photo: (click(tab, "clear"), click(tab, "undo"))])
def test_the_keyboards_brush_is_lifted(painting, photo, leave):
    painting.focus("#canvas")
    painting.mouse.move(*place(painting, 20, 215))
    for key in ("Space", "ArrowRight", "ArrowRight"):
        painting.keyboard.press(key)
    assert marked(painting).any()
    leave(painting, photo)
    before = marked(painting)
    painting.focus("#canvas")
    painting.mouse.move(*place(painting, 20, 100))
    for _ in range(3):
        painting.keyboard.press("ArrowUp")
    np.testing.assert_array_equal(marked(painting), before)


def test_the_keyboards_stroke_stays_where_it_is_on_the_picture(painting):
    painting.focus("#canvas")
    painting.mouse.move(*place(painting, 20, 215))
    painting.keyboard.press("Space")
    for key in (*["ArrowRight"] * 3, *["Shift+ArrowUp"] * 4, *["ArrowRight"] * 3, "Space"):
        painting.keyboard.press(key)
    click(painting, "fit")
    found = marked(painting)
    assert found[215, 20] and not found[:200].any() and found[:, 40:].sum() == 0


class Fingers:
    """Fingers and a pen on a touch screen, each by its number."""

    def __init__(self, tab):
        self.tab, self.devtools, self.down = tab, tab.context.new_cdp_session(tab), {}

    def touch(self, **points):
        """Put down, or move, fingers by their names: `a=(x, y)`, pixels of the photograph."""
        for name, point in points.items():
            kind = "touchMove" if name in self.down else "touchStart"
            self.down[name] = point
            self._tell(kind)

    def lift(self, *names):
        for name in names:
            del self.down[name]
            self._tell("touchEnd")

    def _tell(self, kind):
        self.devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [
            {"x": x, "y": y, "id": ord(name)} for name, (x, y) in
            ((name, place(self.tab, *point)) for name, point in self.down.items())]})

    def pen(self, kind, point):
        x, y = place(self.tab, *point)
        self.devtools.send("Input.dispatchMouseEvent", {
            "type": kind, "x": x, "y": y, "button": "left", "buttons": int(kind != "mouseReleased"),
            "pointerType": "pen", "clickCount": 1})


@pytest.mark.parametrize("palm", ["before", "during"])
def test_the_palm_beside_a_pen_does_nothing(painting, palm):
    fingers = Fingers(painting)
    begin(painting, *ROW)
    painting.mouse.up()
    painting.keyboard.press("Control+z")  # which can be made again, whatever the palm does
    if palm == "before":
        fingers.touch(a=(30, 100))
        fingers.touch(a=(32, 110))
    fingers.pen("mousePressed", COLUMN[0])
    fingers.pen("mouseMoved", (270, 50))
    if palm == "during":
        fingers.touch(a=(30, 100), b=(60, 120))
    fingers.touch(a=(34, 150))
    fingers.pen("mouseMoved", COLUMN[1])
    fingers.lift("a")
    fingers.pen("mouseReleased", COLUMN[1])
    assert on(painting, COLUMN)
    painting.keyboard.press("Control+z")
    assert on(painting) and painting.is_disabled("#undo")


def test_fingers_beyond_two_do_not_paint(painting):
    fingers = Fingers(painting)
    begin(painting, *ROW)
    painting.mouse.up()
    painting.keyboard.press("Control+z")
    fingers.touch(a=(30, 100))
    fingers.touch(a=(30, 110))
    fingers.touch(b=(250, 100))
    fingers.touch(c=(270, 220))
    fingers.touch(c=(200, 220))
    fingers.lift("c", "a", "b")
    click(painting, "fit")
    assert on(painting) and painting.is_disabled("#undo")
    assert painting.is_enabled("#redo")  # the pinch took back what it had begun, and no more
    fingers.touch(a=COLUMN[0])  # one alone paints
    fingers.touch(a=COLUMN[1])
    fingers.lift("a")
    assert on(painting, COLUMN)


# Other screens


def test_on_another_screen_paint_is_under_the_pointer(painting):
    devtools = painting.context.new_cdp_session(painting)
    for density, line in ((2, ROW), (1.25, COLUMN)):
        devtools.send("Emulation.setDeviceMetricsOverride", {
            "width": 1100, "height": 760, "deviceScaleFactor": density, "mobile": False})
        begin(painting, *line)
        painting.mouse.up()
        assert on(painting, line)
        assert painting.evaluate("canvas.width / canvas.clientWidth") == pytest.approx(
            density, abs=0.01)
        painting.keyboard.press("Control+z")


def corners_of(tab):
    """Those of the chosen box in the window."""
    tab.wait_for_timeout(200)
    points = tab.locator("#overlay polygon.chosen").first.get_attribute("points").split()
    return np.array([list(map(float, point.split(","))) for point in points])


def test_a_resized_window_keeps_the_zoom(tab, photo):
    choose(tab, photo, "Three points")
    fitted = corners_of(tab)
    tab.set_viewport_size({"width": 900, "height": 600})
    smaller = corners_of(tab)  # all of it is seen, as before
    assert math.dist(*smaller[:2]) < 0.9 * math.dist(*fitted[:2])
    tab.set_viewport_size({"width": 1100, "height": 760})
    np.testing.assert_allclose(corners_of(tab), fitted, atol=1)
    box = tab.locator("#canvas").bounding_box()
    tab.mouse.move(box["x"] + 200, box["y"] + 150)
    tab.mouse.wheel(0, -500)
    before = corners_of(tab) - (box["width"] / 2, box["height"] / 2)
    tab.set_viewport_size({"width": 900, "height": 600})
    now = tab.locator("#canvas").bounding_box()
    assert now["width"] < box["width"] - 100
    np.testing.assert_allclose(
        corners_of(tab) - (now["width"] / 2, now["height"] / 2), before, atol=1)


# Other keyboards


USUAL = [20, "brush", True, False]  # the brush's size, the tool, whether undo and redo are on
SMALLER, ERASE = [16, *USUAL[1:]], [20, "erase", True, False]
UNDONE = [20, "brush", False, True]
# Keys as browsers tell them: what they type, where they are, what is held; and what follows.
LAYOUTS = [
    *[(*each, USUAL) for each in (  # which are no shortcuts
        ("ü", "BracketLeft", ""), ("∫", "KeyB", "alt"), ("w", "KeyZ", "ctrl"), ("п", "KeyG", ""),
        ("ż", "KeyZ", "ctrl alt"), ("e", "KeyE", "ctrl"), ("e", "KeyE", "alt"),
        ("[", "BracketLeft", "meta"), ("¡", "Minus", ""))],
    ("[", "Digit8", "alt", SMALLER), ("]", "Digit9", "alt", USUAL),  # Alt on a Mac
    ("[", "Digit8", "ctrl alt", SMALLER), ("]", "Digit9", "ctrl alt", USUAL),  # AltGr on Windows
    ("[", "Digit8", "", SMALLER), ("]", "Digit9", "", USUAL),  # AltGr on Linux
    ("х", "BracketLeft", "", SMALLER), ("ъ", "BracketRight", "", USUAL),
    ("Х", "BracketLeft", "", SMALLER), ("Ъ", "BracketRight", "", USUAL),
    ("บ", "BracketLeft", "", SMALLER), ("ล", "BracketRight", "", USUAL),
    ("ج", "BracketLeft", "", SMALLER), ("د", "BracketRight", "", USUAL),
    ("z", "KeyZ", "ctrl", UNDONE), ("y", "KeyY", "ctrl", USUAL),
    ("Z", "KeyZ", "ctrl", UNDONE), ("Y", "KeyY", "ctrl", USUAL),  # caps lock
    ("я", "KeyZ", "ctrl", UNDONE), ("н", "KeyY", "ctrl", USUAL),
    ("я", "KeyZ", "meta", UNDONE), ("Я", "KeyZ", "meta shift", USUAL),
    ("z", "KeyY", "ctrl", UNDONE), ("y", "KeyZ", "ctrl", USUAL),  # German
    ("ζ", "KeyZ", "ctrl", UNDONE), ("Ζ", "KeyZ", "ctrl shift", USUAL),
    ("ㅋ", "KeyZ", "ctrl", UNDONE), ("z", "KeyZ", "ctrl shift", USUAL),
    ("E", "KeyE", "", ERASE), ("B", "KeyB", "", USUAL),
    ("у", "KeyE", "", ERASE), ("и", "KeyB", "", USUAL),
    ("ث", "KeyE", "", ERASE), ("لا", "KeyB", "", USUAL),
    ("ำ", "KeyE", "", ERASE), ("ิ", "KeyB", "", USUAL)]


def test_shortcuts_of_other_layouts(painting):
    begin(painting, *ROW)
    painting.mouse.up()
    states = painting.evaluate(
        """(keys) => keys.map(([key, code, held]) => {
          const byId = (name) => document.getElementById(name);
          byId("canvas").dispatchEvent(new KeyboardEvent("keydown", {
            key, code, bubbles: true, cancelable: true, altKey: held.includes("alt"),
            ctrlKey: held.includes("ctrl"), metaKey: held.includes("meta"),
            shiftKey: held.includes("shift") }));
          return [Number(byId("size").value), document.querySelector("[name=tool]:checked").value,
            !byId("undo").disabled, !byId("redo").disabled];
        })""", [key[:3] for key in LAYOUTS])
    for key, state in zip(LAYOUTS, states):
        assert state == key[3], key


def test_what_keys_do_buttons_do(painting):
    for key in ("[", "]", "+", "−", "0", "B", "E", "P", "M", "Ctrl+Z", "Ctrl+Y"):
        named = painting.locator(f"#bar [title='{key}'], #bar [title^='{key},']")
        assert named.count() == 1 and named.is_visible(), key
    painting.click("#coarser")
    assert painting.input_value("#size") == "25"
    painting.click("#finer")
    assert painting.input_value("#size") == "20"
    painting.click("#bar label:has-text('Move')")
    begin(painting, *ROW)
    painting.mouse.up()
    assert painting.is_disabled("#undo")
    painting.click("#fit")
    assert on(painting)


# What is dropped


def drop(tab, paths=(), items=()):
    devtools = tab.context.new_cdp_session(tab)
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": {
            "items": [{"mimeType": kind, "data": data} for kind, data in items],
            "files": list(map(str, paths)), "dragOperationsMask": 1}})


def test_what_cannot_be_dropped_is_said(tab, photo, tmp_path):
    (tmp_path / "folder").mkdir()
    draw_faces(tmp_path / "folder", 1)
    (tmp_path / "other.png").write_bytes(photo.read_bytes())
    web = "https://faces.example.org/face.png"
    for place_, state in (("#startError", "empty"), ("#error", "painting")):
        for paths, items, words in (
                ([tmp_path / "folder"], (), "folder: is a folder"),
                ([photo, tmp_path / "other.png"], (), "These are 2 files."),
                ([photo, tmp_path / "folder"], (), "These are 2 files."),
                ((), [("text/uri-list", web), ("text/html", f"<img src='{web}'>")],
                 "This is not a file."),
                ((), [("text/plain", "a face")], "This is not a file.")):
            drop(tab, paths, items)
            tab.wait_for_selector(f"{place_}:has-text('{words}')", timeout=5000)
            assert tab.get_attribute("body", "data-state") == state
            tab.evaluate("name => document.querySelector(name).textContent = ''", place_)
        if state == "empty":
            drop(tab, [photo])
            tab.wait_for_selector("body[data-state=painting]")
            tab.wait_for_selector("#frames label")
    assert tab.inner_text("#where").startswith("photo.png")


def test_what_is_too_large_is_not_sent(tab, tmp_path):
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(2**28)
    tab.set_input_files("#file", tmp_path / "huge.png")
    tab.wait_for_selector("#startError:has-text('huge.png: is larger than 64 MB')")


def test_samples_of_any_name(tab, tmp_path, monkeypatch):
    draw_faces(tmp_path / "more", 1)
    (tmp_path / "more" / "face_0.png").rename(tmp_path / "more" / "a#1 %?.png")
    (tmp_path / ".DS_Store").write_bytes(b"none")
    monkeypatch.setattr("paint.server.SAMPLES", str(tmp_path))
    tab.reload()
    tab.wait_for_selector("#samples img")
    assert tab.locator("#samples img").count() == 1
    tab.click("#samples button")
    tab.wait_for_selector("#frames label")
    assert tab.inner_text("#where") == "a#1 %?.png, 16 × 16"
