"""The server of the page to paint on."""

import base64
import io
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from conftest import ROOT, assert_one_line_error, astronaut, draw_faces, load_script, run_script
from page_server import Client, repeated, serving, until
from PIL import Image
from profiles import p3_as_srgb, rgb_profile

import utils
from dcgan.inpainting.gaussian import Gaussian
from paint.uploads import Picture

pytestmark = pytest.mark.slow
pytest.importorskip("uvicorn", reason="what the page needs is not there: make paint installs it")
pytest.importorskip("starlette", reason="what the page needs is not there: make paint installs it")

FEW = {"nIter": 4, "nCandidates": 2}
MANY = {"nIter": 5000, "nCandidates": 24}


@pytest.fixture(scope="module")
def served(lively, tmp_path_factory):
    with serving(lively, tmp_path_factory.mktemp("sent")) as (page, port):
        yield page, Client(port)


@pytest.fixture
def page(served):
    return served[0]


@pytest.fixture
def client(served):
    return served[1]


@pytest.fixture
def photo(tmp_path):
    """A photograph of 90x70 with a face, JPEG."""
    path = tmp_path / "photo.jpg"
    with Image.open(draw_faces(tmp_path / "drawn", 1, size=64) / "face_0.png") as face:
        wide = Image.new("RGB", (90, 70), "#3a6")
        wide.paste(face.convert("RGB"), (10, 3))
        wide.save(path, quality=90)
    return path


def painted(width, height, box=(30, 30, 50, 45)):
    """A mask with a box painted, as the page sends it."""
    mask = np.zeros((height, width), np.uint8)
    x0, y0, x1, y1 = box
    mask[y0:y1, x0:x1] = 255
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


MASK = painted(90, 70)


@pytest.mark.parametrize("points", [None, [[31.0, 17.5], [48.5, 17.0], [40.0, 50.25]]])
def test_the_result_is_that_of_complete_py(client, photo, points):
    sent = client.send(photo)[1]
    told = client.search(sent["id"], MASK, points=points, settings=FEW | {"seed": 3})
    done = told[-1]
    assert done["files"] == ["photo.jpg", "photo.png"] and not done["stopped"]
    address = f"/pictures/{sent['id']}/results/0"
    for name in ("mask.png", *(["landmarks.txt"] if points else [])):
        (photo.parent / name).write_bytes(client.ask("GET", f"{address}/{name}")[2])
    expected = repeated(done["command"], photo, photo.parent)
    for suffix in ("jpg", "png"):
        status, headers, body = client.ask("GET", f"{address}/{suffix}")
        assert status == 200 and body == expected[f"photo.{suffix}"]
        assert f'filename="photo.{suffix}"' in headers["Content-Disposition"]
    candidate = client.ask("GET", f"{address}/png?candidate=1")[2]
    assert candidate != expected["photo.png"]
    assert Image.open(io.BytesIO(candidate)).size == (90, 70)


@pytest.mark.parametrize("by_hand", [False, True])
def test_points_that_nobody_moved_are_found_again_under_the_mask(client, tmp_path, by_hand):
    """What the mask hides may be no mouth: here it is white paint, and the points were far off."""
    image, face = astronaut()
    truth = face[[39, 42, 57]]
    (left, top), (right, bottom) = face[48:68].min(axis=0) - 6, face[48:68].max(axis=0) + 6
    box = int(left), int(top), int(right), int(bottom)
    image[box[1]:box[3], box[0]:box[2]] = 255
    Image.fromarray(image).save(tmp_path / "astronaut.png")
    sent = client.send(tmp_path / "astronaut.png")[1]
    given = (truth + [[0, 0], [0, 0], [0, 12]]).tolist()
    told = client.search(sent["id"], painted(512, 512, box), points=given, by_hand=by_hand,
                         settings=FEW)
    file = client.ask("GET", f"/pictures/{sent['id']}/results/0/landmarks.txt")[2]
    used = np.loadtxt(io.BytesIO(file), delimiter=",")
    found = [each for each in told if "points" in each]
    if by_hand:
        assert not found and np.allclose(used, given, atol=0.01)
    else:
        assert found[0]["by"] == "the part of the face that the mask leaves"
        np.testing.assert_array_equal(found[0]["points"], used)
        assert np.abs(used - truth).max() < 5


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_mask_beside_the_box_is_on_another_face(client, tmp_path, by_hand):
    """Damage may hide the face, so that the page's box is around something that looks like one."""
    image, face = astronaut()
    (left, top), (right, bottom) = face[48:68].min(axis=0) - 6, face[48:68].max(axis=0) + 6
    box = int(left), int(top), int(right), int(bottom)
    image[box[1]:box[3], box[0]:box[2]] = 255
    Image.fromarray(image).save(tmp_path / "astronaut.png")
    sent = client.send(tmp_path / "astronaut.png")[1]
    badge = [[400.0, 400.0], [420.0, 400.0], [410.0, 425.0]]
    told = client.search(sent["id"], painted(512, 512, box), points=badge, by_hand=by_hand,
                         settings=FEW)
    if by_hand:
        assert "its mask hides nothing of the face" in told[-1]["error"]
        assert "Three points" in told[-1]["error"]
    else:
        found = [each["points"] for each in told if "points" in each]
        assert np.abs(found[0] - face[[39, 42, 57]]).max() < 5
        assert "done" in told[-1]


def test_a_name_that_looks_like_a_flag_is_none_in_the_command(client, photo):
    path = photo.rename(photo.with_name("-a.jpg"))
    sent = client.send(path)[1]
    done = client.search(sent["id"], MASK, settings=FEW)[-1]
    mask = f"/pictures/{sent['id']}/results/0/mask.png"
    (photo.parent / "mask.png").write_bytes(client.ask("GET", mask)[2])
    assert repeated(done["command"], path, photo.parent).keys() == {"-a.jpg", "-a.png"}


def test_of_the_networks_size_it_is_that_in_images(client, lively, tmp_path):
    face = draw_faces(tmp_path / "drawn", 1, size=16) / "face_0.png"
    sent = client.send(face)[1]
    assert json.loads(client.ask("GET", f"/pictures/{sent['id']}/faces")[2])["fits"]
    mask = painted(16, 16, (4, 4, 12, 12))
    client.search(sent["id"], mask, settings=FEW)
    address = f"/pictures/{sent['id']}/results/0"
    (tmp_path / "mask.png").write_bytes(client.ask("GET", f"{address}/mask.png")[2])
    load_script("complete.py").main(
        [str(face), "--mask", str(tmp_path / "mask.png"), "--preset", "best", "--nIter", "4",
         "--nCandidates", "2", "--checkpointDir", lively, "--outDir", str(tmp_path / "out")])
    assert (client.ask("GET", f"{address}/png")[2]
            == (tmp_path / "out" / "images" / face.name).read_bytes())


def test_a_search_tells_of_itself(client, photo):
    sent = client.send(photo)[1]
    told = client.search(sent["id"], MASK, settings={"nIter": 8, "nCandidates": 3})
    assert told[0] == {"number": 0}
    steps = [each for each in told if "iteration" in each]
    assert steps[0]["iteration"] == 0 and 58 < steps[-1]["iteration"] <= 60  # 52 of them deeper
    assert all(step["of"] == 60 and len(step["losses"]) == 3 for step in steps)
    lowest = [min(step["losses"]) for step in steps[1:]]
    assert len(lowest) > 5 and sorted(lowest, reverse=True) == lowest and lowest[0] > lowest[-1]
    first, = [each for each in steps if "patch" in each][:1]
    assert first["iteration"] == 0
    patch = first["patch"]  # the hole, and the pixel around it
    np.testing.assert_allclose(
        [patch[k] for k in ("x", "y", "width", "height")],
        [29 / 90, 29 / 70, 22 / 90, 17 / 70], atol=1e-9)
    assert first["G"].startswith("data:image/png") and patch["png"].startswith("data:image/png")
    assert len(told[-1]["tiles"]) == 1 + 3


def test_what_is_most_likely_is_shown_at_once(page, client, photo, monkeypatch):
    """Before the search has begun, which may take seconds."""
    dcgan = page.dcgan.result()
    x = np.random.default_rng(3).uniform(-1, 1, (30, dcgan.image_size**2 * 3)).astype(np.float32)
    monkeypatch.setattr(dcgan, "gaussian", Gaussian.fit(x, 5, 0.5))
    sent = client.send(photo)[1]
    for preset, first in (("fast", "patch"), ("article", "iteration")):
        told = client.search(sent["id"], MASK, settings=FEW | {"preset": preset})
        shown = [each for each in told if "patch" in each or "iteration" in each]
        assert first in shown[0] and ("iteration" in shown[0]) == (first == "iteration")


def test_what_is_warned_of_is_told(client, photo):
    sent = client.send(photo)[1]
    mask = painted(90, 70, (0, 0, 90, 45))
    told = client.search(sent["id"], mask, settings=FEW,
                         points=[[31.0, 37.5], [48.5, 37.0], [40.0, 60.25]])
    note, = told[-1]["notes"]
    assert re.fullmatch(r"\d+% of the hole lies outside the face; that part is filled smoothly "
                        "from its surroundings", note)


def test_stopped_it_has_a_result(client, photo):
    sent = client.send(photo)[1]
    connection, answer = client.begin(sent["id"], MASK, settings=MANY)
    told = []
    for line in answer:
        told.append(json.loads(line))
        if told[-1].get("iteration", -1) >= 0 and not any("asked" in each for each in told):
            told.append({"asked": True})
            assert client.ask("POST", f"/pictures/{sent['id']}/results/0/stop")[0] == 204
    connection.close()
    assert told[-1]["stopped"] and told[-1]["files"] == ["photo.jpg", "photo.png"]
    assert max(each.get("iteration", 0) for each in told) < 5000


def test_one_after_the_other_and_who_leaves_ends_it(page, client, photo):
    sent = client.send(photo)[1]
    first, answer = client.begin(sent["id"], MASK, settings=MANY)
    while "iteration" not in json.loads(answer.readline()):
        pass
    second, other = client.begin(sent["id"], MASK, settings=MANY)
    assert [json.loads(other.readline()) for _ in range(2)] == [{"number": 1}, {"ahead": 1}]
    third, last = client.begin(sent["id"], MASK, settings=FEW)
    assert [json.loads(last.readline()) for _ in range(2)] == [{"number": 2}, {"ahead": 2}]
    for connection, each in ((first, answer), (second, other)):  # both tabs are closed
        each.close()
        connection.close()
    told = [json.loads(line) for line in last]
    assert {"ahead": 0} in told and "done" in told[-1]
    third.close()
    until(lambda: not page.waiting)


def test_what_left_is_gone(page, client, photo):
    sent = client.send(photo)[1]
    client.search(sent["id"], MASK, settings=FEW)
    folder = page.uploads.get(sent["id"]).folder
    assert os.path.exists(os.path.join(folder, "picture", "photo.jpg"))
    assert client.ask("DELETE", f"/pictures/{sent['id']}")[0] == 204
    assert not os.path.exists(folder)
    status, _, body = client.ask("GET", f"/pictures/{sent['id']}/shown.png")
    assert (status, json.loads(body)) == (404, {
        "error": "the picture is no longer here; choose it again"})


def bomb():
    """A PNG of a few hundred bytes with ten thousand million pixels."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


@pytest.mark.parametrize("name,data,status,words", [
    ("notes.txt", b"no picture", 400, "notes.txt: "),
    ("bomb.png", bomb(), 400, "bomb.png: has over 89,478,485 pixels"),
    ("huge.png", bytes(64 * 2**20 + 1), 413, "huge.png: is larger than 64 MB"),
    ("phone.heic", b"\0\0\0\x18ftypheic", 400, "phone.heic: HEIC is not supported"),
    ("cut.png", bomb()[:60], 400, "cut.png: "),
    ("empty.png", b"", 400, "empty.png: ")])
def test_what_is_no_picture_is_refused(page, client, tmp_path, name, data, status, words):
    (tmp_path / name).write_bytes(data)
    before = set(os.listdir(page.uploads.folder))
    found, said = client.send(tmp_path / name)
    assert found == status and said["error"].startswith(words) and "\n" not in said["error"]
    assert set(os.listdir(page.uploads.folder)) == before


@pytest.mark.parametrize("asked,words", [
    ({"settings": {"nIter": "many"}}, "--nIter many: must be a whole number"),
    ({"settings": {"nIter": 10**9}}, "--nIter 1000000000: must be a whole number, at most 5000 on"),
    ({"settings": {"nIter": True}}, "--nIter True: must be a whole number"),
    ({"settings": {"lam": -1}}, "--lam -1: must be at least 0"),
    ({"settings": {"lam": "1"}}, "--lam 1: must be a number"),
    ({"settings": {"blend": "magic"}}, "--blend magic: must be one of paste, poisson"),
    ({"settings": {"preset": ["best"]}}, "--preset ['best']: must be one of article, fast, best"),
    ({"settings": {"outDir": "/"}}, "settings: must be among preset"),
    ({"points": [[0, 0], [1, 1]]}, "points: must be three"),
    ({"points": [[0, 0], [1, 1], [2, 2]]}, "photo.jpg: its landmarks are in one place"),
    ({"mask": "data:text/html,x"}, "mask: must be a PNG"),
    ({"mask": painted(90, 70, (0, 0, 0, 0))}, "photo.jpg: its mask hides nothing"),
    ({"mask": "data:image/png;base64,AAAA"}, "photo.jpg: its mask ")])
def test_what_cannot_be_done_is_said(client, photo, asked, words):
    sent = client.send(photo)[1]
    *_, told = client.search(sent["id"], **({"mask": MASK} | asked))
    assert told["error"].startswith(words), told


def test_no_other_page_may_ask(client, photo):
    sent = client.send(photo)[1]
    shown = f"/pictures/{sent['id']}/shown.png"
    for path, headers in ((shown, {"Host": "evil.example"}),
                          (shown, {"Host": f"evil.example:{client.port}"}),
                          (shown, {"Origin": "https://evil.example"}),
                          (shown, {"Sec_Fetch_Site": "cross-site"}),
                          ("/", {"Host": "127.0.0.1.evil.example"})):
        assert client.ask("GET", path, **headers)[0] == 403, headers
    assert client.ask("DELETE", f"/pictures/{sent['id']}", Origin="null")[0] == 403
    for host in (f"localhost:{client.port}", f"[::1]:{client.port}", f"127.0.0.1:{client.port}"):
        status, headers, _ = client.ask("GET", shown, Host=host, Origin=f"http://{host}")
        assert status == 200
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")


# What goes wrong with the disk


def test_after_a_search_that_was_refused_the_next_one_is_done(page, client, photo):
    sent = client.send(photo)[1]
    folder = page.uploads.get(sent["id"]).folder
    before = set(os.listdir(folder))
    for wrong in ({"lam": -1}, {"blend": "magic"}):  # refused at once
        client.search(sent["id"], MASK, settings=wrong)
    empty = painted(90, 70, (0, 0, 0, 0))
    client.search(sent["id"], empty, settings=FEW)  # refused when it is its turn
    assert set(os.listdir(folder)) == before
    done = client.search(sent["id"], MASK, settings=FEW)[-1]
    assert done["files"] == ["photo.jpg", "photo.png"]
    assert client.ask("GET", f"/pictures/{sent['id']}/results/{done['done']}/png")[0] == 200
    assert client.ask("GET", f"/pictures/{sent['id']}/results/0/mask.png")[0] == 404


def full(monkeypatch, module):
    """Have a module write all files to a disk that is full."""
    monkeypatch.setattr(f"{module}.open", lambda path, mode: open("/dev/full", mode),
                        raising=False)


FULL = "the server cannot keep files in its temporary folder: No space left on device"


def test_a_full_disk_is_said_and_what_is_half_made_goes(page, client, photo, monkeypatch):
    before = set(os.listdir(page.uploads.folder))
    with monkeypatch.context() as patch:
        full(patch, "paint.uploads")
        assert client.send(photo) == (507, {"error": FULL})
    assert set(os.listdir(page.uploads.folder)) == before
    sent = client.send(photo)[1]
    folder = page.uploads.get(sent["id"]).folder
    before = set(os.listdir(folder))
    with monkeypatch.context() as patch:
        full(patch, "paint.searching")
        assert client.search(sent["id"], MASK, settings=FEW) == [{"error": FULL}]
    assert set(os.listdir(folder)) == before

    def no_room(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("paint.searching.save_photo", no_room)
        assert client.search(sent["id"], MASK, settings=FEW)[-1] == {"error": FULL}
    assert set(os.listdir(folder)) == before
    assert "done" in client.search(sent["id"], MASK, settings=FEW)[-1]


def test_a_temporary_folder_that_was_cleaned(page, client, photo):
    sent, other = client.send(photo)[1], client.send(photo)[1]
    done = client.search(other["id"], MASK, settings=FEW)[-1]["done"]
    kept = client.ask("GET", f"/pictures/{other['id']}/results/{done}/png")[2]
    search = page.uploads.get(other["id"]).results[done]
    shutil.rmtree(os.path.join(search.folder, "photos"))
    address = f"/pictures/{other['id']}/results/{done}"
    assert client.ask("GET", f"{address}/png")[2] == kept  # the search still knows it
    shutil.rmtree(search.folder)
    status, _, body = client.ask("GET", f"{address}/mask.png")
    assert (status, json.loads(body)["error"]) == (
        404, "the result is no longer here; complete the picture again")
    shutil.rmtree(page.uploads.folder)
    gone = {"error": "the picture is no longer here; choose it again"}
    assert client.search(sent["id"], MASK, settings=FEW) == [gone]
    for what in ("shown.png", "faces", "results/0/png"):
        status, _, body = client.ask("GET", f"/pictures/{sent['id']}/{what}")
        assert (status, json.loads(body)) == (404, gone)
    status, sent = client.send(photo)
    assert status == 200 and "done" in client.search(sent["id"], MASK, settings=FEW)[-1]


# From other machines


def test_the_machine_is_asked_by_its_own_names(client, photo):
    name = socket.gethostname()
    for host in (name, f"{name.partition('.')[0]}.local", socket.getfqdn(), f"{name.upper()}.",
                 "localhost."):
        status, _, _ = client.ask("POST", "/pictures", photo.read_bytes(), X_Name="photo.jpg",
                                  Host=f"{host}:{client.port}",
                                  Origin=f"http://{host}:{client.port}")
        assert status == 200, host
    status, _, body = client.ask("GET", "/", Host="elsewhere.local:8064")
    assert (status, json.loads(body)["error"]) == (
        403, "elsewhere.local:8064: not a known name of this machine; open the page by IP address, "
             "or start it with --url http://elsewhere.local:8064")


def test_behind_a_proxy_it_has_the_name_that_it_is_told(lively, photo, tmp_path):
    """With the `Host` that the browser sent, as docs/paint.md says, and with the proxy's own."""
    data, outer = photo.read_bytes(), "https://faces.example.org"
    (tmp_path / "sent").mkdir()
    with serving(lively, tmp_path / "sent", outer) as (_, port):
        client = Client(port)
        for host, origin, status in (
                ("faces.example.org", outer, 200), (f"127.0.0.1:{port}", outer, 200),
                (f"127.0.0.1:{port}", f"http://127.0.0.1:{port}", 200),
                ("evil.example", outer, 403), ("faces.example.org", "https://evil.example", 403),
                ("faces.example.org", "https://faces.example.org.evil.example", 403),
                ("faces.example.org", "https://faces.example.org:8443", 403)):
            assert client.ask("POST", "/pictures", data, X_Name="photo.jpg", Host=host,
                              Origin=origin)[0] == status, (host, origin)


def test_what_to_do_behind_a_proxy_is_said(client, photo):
    body = client.ask("POST", "/pictures", photo.read_bytes(), X_Name="photo.jpg",
                      Origin="https://faces.example.org")[2]
    assert "start it with --url https://faces.example.org" in json.loads(body)["error"]


@pytest.mark.parametrize("text,expected", [
    ("https://Faces.example.org", "https://faces.example.org"),
    ("https://faces.example.org:443/paint/", "https://faces.example.org"),
    ("http://faces.example.org:80", "http://faces.example.org"),
    ("http://box.local:8064/", "http://box.local:8064"),
    ("https://[2001:DB8::5]:8443", "https://[2001:db8::5]:8443")])
def test_an_outer_address_is_as_browsers_tell_it(text, expected):
    assert load_script("paint/serve.py").parse_args(["--url", text]).url == expected


def test_names_cannot_lead_elsewhere(page, client, photo):
    from paint.uploads import safe_name

    data = photo.read_bytes()
    sent = json.loads(client.ask("POST", "/pictures", data, X_Name="..%2F..%2Fa%00b.jpg")[2])
    assert sent["name"] == "ab.jpg"
    assert [safe_name(name) for name in ("..", "C:\\x\\me.png", "", "é" * 300 + ".png")] == [
        "picture", "me.png", "picture", "é" * 98 + ".png"]
    for path in ("/page/../serve.py", "/page/%2e%2e/serve.py", "/samples/..%2f..%2fmodel.py"):
        assert client.ask("GET", path)[0] == 404


def test_too_many_pictures_the_oldest_goes(page, client, photo, monkeypatch):
    monkeypatch.setattr("paint.uploads.MOST_PICTURES", 2)
    sent = [client.send(photo)[1]["id"] for _ in range(3)]
    assert [page.uploads.get(each) is not None for each in sent] == [False, True, True]


def test_settings_are_those_of_help(client, lively, tmp_path):
    about = json.loads(client.ask("GET", "/about")[2])
    words = " ".join(run_script("complete.py", "--help", cwd=tmp_path).stdout.split())
    names = [each["name"] for each in about["settings"]]
    assert names == ["preset", "nIter", "nCandidates", "lam", "blend"]
    for each in about["settings"]:
        assert each["help"] in words
    assert next(each for each in about["settings"] if each["name"] == "nIter")["defaults"] == {
        "article": 1000, "fast": 20, "best": 10}
    assert len(about["samples"]) == 8


def test_samples_are_pictures(client, tmp_path, monkeypatch):
    monkeypatch.setattr("paint.server.SAMPLES", str(tmp_path))

    def offered():
        return json.loads(client.ask("GET", "/about")[2])["samples"]

    assert offered() == []
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "notes.txt", "._a#1.png", "face.heic"):
        (tmp_path / name).write_bytes(b"none")
    draw_faces(tmp_path / "@eaDir", 1)
    assert offered() == []
    draw_faces(tmp_path / "more", 1)
    (tmp_path / "more" / "face_0.png").rename(tmp_path / "more" / "a#1 %.png")
    assert offered() == ["more/a#1 %.png"]
    assert client.ask("GET", "/samples/more/a%231%20%25.png")[0] == 200
    for name in (".DS_Store", "Thumbs.db", "more", "%2e%2e/about"):
        assert client.ask("GET", f"/samples/{name}")[0] == 404
    monkeypatch.setattr("paint.server.SAMPLES", str(tmp_path / "none"))
    assert offered() == []


# The script


@pytest.fixture
def started(lively, tmp_path):
    """A server as `make paint` starts it, with its temporary folder in `tmp_path / "tmp"`."""
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, ROOT / "paint" / "serve.py", "--port", "0", "--no-open",
         "--checkpointDir", lively], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=os.environ | {"TMPDIR": str(tmp_path / "tmp"),
                                           "PYTHONDONTWRITEBYTECODE": ""})
    line = process.stdout.readline()
    yield process, Client(int(re.match(r"http://127\.0\.0\.1:(\d+)/ ", line)[1]))
    process.kill()
    process.communicate()


def test_a_browser_that_stays_in_the_foreground(lively, tmp_path):
    """It gets the page, and the server goes on and ends as ever."""
    browser = tmp_path / "browser"
    browser.write_text(f"""#!{sys.executable}
import sys, time, urllib.request
answer = urllib.request.urlopen(sys.argv[1], timeout=60)
open({str(tmp_path / 'seen')!r}, "wb").write(answer.read())
time.sleep(100)
""")
    browser.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, ROOT / "paint" / "serve.py", "--port", "0", "--open",
         "--checkpointDir", lively], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
        env=os.environ | {"BROWSER": f"{browser} %s"})
    try:
        until(lambda: (tmp_path / "seen").exists() and (tmp_path / "seen").stat().st_size)
        assert b"Complete a photograph" in (tmp_path / "seen").read_bytes()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        assert process.returncode == 0
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the browser too
        process.communicate()


@pytest.mark.parametrize("host,here", [
    ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"),
    ("localhost", "localhost")])
def test_the_address_that_is_told_can_be_opened(host, here):
    serve = load_script("paint/serve.py")
    try:
        listening = serve.listen(host, 0)
    except serve.UserError as error:
        pytest.skip(str(error))  # no IPv6 here
    with listening:
        port = listening.getsockname()[1]
        told, elsewhere = serve.addresses(host, listening)
        assert told == f"http://{here}:{port}/"
        name = here.strip("[]")
        socket.create_connection((name, port), timeout=10).close()
        if here == host:
            assert elsewhere is None
        elif elsewhere is not None:  # the machine is in a network
            number = re.fullmatch(rf"http://\[?([^]]*?)\]?:{port}/", elsewhere)[1]
            assert number not in ("0.0.0.0", "::")
            socket.create_connection((number, port), timeout=10).close()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])  # which is passed on as SIGTERM
def test_it_ends_cleanly_in_the_middle_of_a_search(started, photo, tmp_path, signum):
    process, client = started
    sent = client.send(photo)[1]
    connection, answer = client.begin(sent["id"], MASK, settings=MANY)
    while "iteration" not in json.loads(answer.readline()):
        pass
    assert os.listdir(tmp_path / "tmp")
    process.send_signal(signum)
    out, err = process.communicate(timeout=30)
    connection.close()
    assert process.returncode == 0 and "ended" in out and err == ""
    assert os.listdir(tmp_path / "tmp") == []


def test_what_it_cannot_serve_is_one_line(client, tmp_path):
    for flags, words in ((("--port", client.port), f"--port {client.port}: Address already in use"),
                         (("--port", 99999), "--port 99999: must be between 0 and 65535"),
                         (("--host", "no.such.host.invalid"), "--host no.such.host.invalid"),
                         (("--url", "faces.example.org"), "--url faces.example.org: must be an "),
                         (("--url", "ftp://faces.example"), "--url ftp://faces.example: must be"),
                         (("--port", 0, "--checkpointDir", tmp_path / "none"), tmp_path / "none")):
        assert_one_line_error(
            run_script("paint/serve.py", "--no-open", *flags, cwd=tmp_path), words)


def test_readme_names_its_address():
    port = load_script("paint/serve.py").parse_args([]).port
    assert f"http://127.0.0.1:{port} " in (ROOT / "README.md").read_text()


def test_before_and_after_are_shown_in_the_same_colours(tmp_path):
    """Without the profile of the photograph, which the completed pixels do not have."""
    data = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(data, "PNG", icc_profile=rgb_profile())
    os.mkdir(tmp_path / "picture-1")
    picture = Picture(str(tmp_path / "picture-1"), "a.png", data.getvalue())
    with Image.open(picture.shown_path) as shown:
        assert "icc_profile" not in shown.info
        np.testing.assert_array_equal(np.asarray(shown), utils.read_image(picture.path))
        assert np.abs(np.asarray(shown) - p3_as_srgb(pixels)).max() <= 1.5
