"""The page to paint on, in a browser."""

import math
import re
import shutil

import numpy as np
import pytest
from conftest import draw_faces, needs_chromium
from page_server import repeated, serving, until
from PIL import Image

pytest.importorskip("uvicorn", reason="what the page needs is not there: make paint installs it")
playwright = pytest.importorskip(
    "playwright.sync_api",
    reason="Playwright is not there: pip install -r paint/requirements-test.txt")
pytestmark = needs_chromium


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
    tab.set_input_files("#file", path)
    tab.wait_for_selector("body[data-state=painting]")
    tab.wait_for_selector("#frames label")
    if frame:
        tab.click(f"#frames label:has-text('{frame}')")


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
