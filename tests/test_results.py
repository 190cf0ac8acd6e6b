"""Masks of one's own, whole photographs and what is left of them, through complete.py."""

import contextlib
import csv
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import (
    ROOT,
    SHARED,
    assert_one_line_error,
    draw_faces,
    load_script,
    needs_chromium,
    needs_shared,
    run_script,
    save_lively,
)
from PIL import Image

import utils
from files import ownership
from files.errors import UserError
from inpainting import measures
from inpainting.masks import MASKS
from inpainting.results import read_latents
from model import DCGAN

complete = load_script("complete.py").main


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    return str(save_lively(tmp_path_factory.mktemp("lively")) / "checkpoint")


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def run(checkpoint, *arguments):
    """complete.py in this process, with few iterations."""
    complete([str(a) for a in (*arguments, "--checkpointDir", checkpoint)
              + (("--nIter", 3, "--outInterval", 2) if "--nIter" not in arguments else ())])


def draw(path, size, seed=0, hole=None):
    """A smooth picture of (width, height), with other pixels in the hole for another seed."""
    width, height = size
    y, x = np.mgrid[:height, :width] / 9
    picture = np.stack([np.sin(x + y), np.cos(x - y), np.sin(2 * x)], axis=-1) * 100 + 127
    if hole is not None:
        picture[hole] = np.random.default_rng(seed).integers(0, 256, 3)
    Image.fromarray(picture.astype(np.uint8)).save(path)


# Pixels under a mask of one's own are unknown

HOLE = np.zeros((24, 40), bool)
HOLE[6:14, 16:28] = HOLE[20:, :9] = True


def with_mask_file(folder, seed):
    draw(folder / "a.png", (40, 24), seed, HOLE)
    Image.fromarray(np.uint8(255 * HOLE)).save(folder / "mask.png")
    return "--mask", "mask.png"


def with_mask_folder(folder, seed):
    draw(folder / "a.png", (40, 24), seed, HOLE)
    (folder / "masks").mkdir()
    Image.fromarray(np.uint8(255 * HOLE)).save(folder / "masks" / "a.bmp")
    return "--mask", "masks"


def with_alpha(folder, seed):
    draw(folder / "a.png", (40, 24), seed, HOLE)
    image = Image.open(folder / "a.png").convert("RGB")
    image.putalpha(Image.fromarray(np.uint8(np.where(HOLE, 10 * seed, 255))))
    image.save(folder / "a.png")
    return ("--maskFromAlpha",)


def with_color(folder, seed):
    """Within the tolerance, hidden pixels may differ too."""
    draw(folder / "a.png", (40, 24))
    picture = read(folder / "a.png").copy()
    picture[HOLE] = (250, 3, 250 + seed)
    Image.fromarray(picture).save(folder / "a.png")
    return "--maskColor", "#ff00ff"


def with_network_sized(folder, seed):
    draw(folder / "a.png", (16, 16), seed, np.s_[4:9, 5:14])
    mask = np.zeros((16, 16), np.uint8)
    mask[4:9, 5:14] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    return "--mask", "mask.png"


def with_mask_type(name):
    """Not of one's own, so that what is hidden is shown and measured, but no more than that."""
    def make(folder, seed):
        mask = MASKS[name]((16, 16), np.random.default_rng([0, 0, 0, 1]),
                           load_script("complete.py").parse_args(["x"]))
        draw(folder / "a.png", (16, 16), seed, mask == 0)
        return "--maskType", name

    return make


LANDMARKS = "12 6 28 7 20 18"
FLAGS = {
    "paste": ("--blend", "paste"),
    "poisson": ("--blend", "poisson", "--contextual", "weighted"),
    "candidates": ("--contextual", "mixed", "--nCandidates", 2, "--nInit", 8, "--prior",
                   "saturating"),
    "article": ("--preset", "article"),
    "fast": ("--preset", "fast"),
    "best": ("--preset", "best"),
    "stretched": ("--no-crop",),
    "region": ("--region", "9,1,26,20"),
    "face": ("--align", "--landmarks", "points.txt"),
}
SOURCES = {"file": with_mask_file, "folder": with_mask_folder, "alpha": with_alpha,
           "color": with_color, "network's size": with_network_sized}
SOURCES |= {name: with_mask_type(name) for name in MASKS if name not in ("full", "lowres")}


# Frames other than all of the picture, for pictures that are larger than the network's.
FRAMED = ("stretched", "region", "face")
SMALL = ("network's size", *MASKS)


@pytest.mark.parametrize("source,flags", [
    (source, flags) for source in SOURCES for flags in FLAGS
    if source not in SMALL or flags not in FRAMED])
def test_hidden_pixels_change_nothing(lively, tmp_path, monkeypatch, capfd, source, flags):
    own = source not in MASKS
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.chdir(folder)
        mask = SOURCES[source](folder, seed)
        (folder / "points.txt").write_text(LANDMARKS)
        run(lively, "a.png", *mask, *FLAGS[flags], "--log_dir", "tensorboard")
    written = {}
    for seed in "12":
        written[seed] = {
            os.path.relpath(path, tmp_path / seed): path.read_bytes()
            for path in sorted((tmp_path / seed / "completions").rglob("*")) if path.is_file()}
    assert (tmp_path / "1" / "a.png").read_bytes() != (tmp_path / "2" / "a.png").read_bytes()
    assert written["1"].keys() == written["2"].keys()
    assert any("images" in name for name in written["1"])
    shows_truth = ("before.png", "results.csv", "report.html", ownership.NAME)
    for name, content in written["1"].items():
        if own or os.path.basename(name) not in shows_truth:
            assert content == written["2"][name], f"{name} depends on hidden pixels"
        elif name.endswith("before.png"):
            assert content != written["2"][name]
    if own and source != "network's size":
        shown = read(tmp_path / "1" / "completions" / "photos" / "a.png")[..., :3]
        original = read(tmp_path / "1" / "a.png")[..., :3]
        np.testing.assert_array_equal(shown[~HOLE], original[~HOLE])
        assert (shown[HOLE] != original[HOLE]).any()


# A hundred pictures


def test_a_hundred_pictures_with_masks_of_their_own(lively, tmp_path):
    """Of mixed sizes and modes, three of them bad and one without a mask: the rest is not lost."""
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    (tmp_path / "masks").mkdir()
    modes = ("RGB", "L", "RGBA", "P", "LA", "CMYK")
    originals, holes = {}, {}
    for i in range(100):
        width, height = rng.integers(10, 50, 2)
        if i % 10 == 0:
            width = height = 16
        mode = modes[i % 6]
        draw(tmp_path / "x.png", (width, height))
        name = f"p{i:03d}"
        image = Image.open(tmp_path / "x.png").convert("RGB" if mode == "LA" else mode)
        if mode == "LA":
            image = image.convert("L")
            image.putalpha(200)
        path = tmp_path / "in" / f"{name}{'.jpg' if mode == 'CMYK' else '.png'}"
        image.save(path)
        hole = np.zeros((height, width), np.uint8)
        top, left = rng.integers(0, (height - 5, width - 5))
        hole[top:top + 5, left:left + 5] = 255
        Image.fromarray(hole).save(tmp_path / "masks" / f"{name}.png")
        originals[name], holes[name] = utils.read_image(str(path)), hole > 0
    (tmp_path / "in" / "p003.png").write_bytes(b"text")
    (tmp_path / "masks" / "p004.png").write_bytes(b"")
    Image.new("L", originals["p005"].shape[1::-1]).save(tmp_path / "masks" / "p005.png")
    os.remove(tmp_path / "masks" / "p006.png")
    result = run_script("complete.py", "in", "--mask", "masks", "--checkpointDir", lively,
                        "--nIter", 2, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "96 completed: " in result.stdout
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    for warning, words in zip(warnings, (
            "in/p003.png: not an image; skipped",
            "in/p004.png: its mask masks/p004.png: not an image; skipped",
            "in/p005.jpg: its mask hides nothing; skipped",
            "in/p006.png: --mask masks has no mask of its name; skipped"), strict=True):
        assert words in warning
    good = sorted(originals.keys() - {"p003", "p004", "p005", "p006"})
    out = tmp_path / "completions"
    assert sorted(os.listdir(out / "images")) == [f"{name}.png" for name in good]
    for name in good:
        original, hole = originals[name], holes[name]
        folder = "images" if original.shape == (16, 16, 3) else "photos"
        written = utils.read_image(str(out / folder / f"{name}.png"))
        np.testing.assert_array_equal(written[~hole], original[~hole])
    with open(out / "results.csv") as file:
        assert [row["name"] for row in csv.DictReader(file)] == good


# What can be done with results


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return draw_faces(tmp_path_factory.mktemp("faces"), 3, seed=5)


@pytest.fixture(scope="module")
def done(lively, faces, tmp_path_factory):
    """--outDir after two candidates for each of three faces."""
    folder = tmp_path_factory.mktemp("done")
    run(lively, faces, "--outDir", folder, "--nCandidates", 2, "--blend", "poisson", "--nIter", 6,
        "--outInterval", 2, "--log_dir", folder / "logs", "--video", "search.mp4", "--approach",
        "adam", "--lr", 0.1)
    return folder


def test_the_table(done, faces):
    with open(done / "results.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["face_0", "face_1", "face_2"]
    hole = np.zeros((16, 16), bool)
    hole[4:12, 4:12] = True
    for row in rows:
        images = [read(folder / f"{row['name']}.png")[np.newaxis]
                  for folder in (done / "images", faces)]
        for name in ("psnr", "ssim", "l1"):
            assert float(row[name]) == pytest.approx(
                getattr(measures, name)(*images, hole)[0], rel=1e-4)
        assert float(row["loss"]) == pytest.approx(
            float(row["contextual"]) + 0.1 * float(row["perceptual"]), rel=1e-4)
        assert row["iterations"] == "6"


def test_candidates_are_ranked_by_loss(done):
    zs, settings = read_latents(str(done / "latents.npz"))
    assert settings["nCandidates"] == 2
    with np.load(done / "latents.npz") as file:
        losses = file["loss"]
    with open(done / "results.csv") as file:
        for row, loss in zip(csv.DictReader(file), losses, strict=True):
            assert float(row["loss"]) == pytest.approx(loss.min(), rel=1e-4)
    for i, name in enumerate(zs):
        assert zs[name].shape == (2, 10) and np.abs(zs[name][0] - zs[name][1]).max() > 0.01
        both = read(done / "candidates" / f"{name}.png")
        best = losses[i].argmin()
        np.testing.assert_array_equal(both[:, 16 * best:16 * (best + 1)],
                                      read(done / "images" / f"{name}.png"))
        logs = [np.loadtxt(done / "logs" / f"hats_{i:02d}{suffix}.log", skiprows=1)
                for suffix in ("", "_1")]
        np.testing.assert_allclose([log[:, 1].min() for log in logs], losses[i], rtol=1e-4)


def test_the_mean_of_candidates(lively, faces, tmp_path):
    run(lively, faces, "--outDir", tmp_path, "--nCandidates", 3, "--combine", "mean")
    for i in range(3):
        each = read(tmp_path / "candidates" / f"face_{i}.png").reshape(16, 3, 16, 3).mean(axis=1)
        result = read(tmp_path / "images" / f"face_{i}.png")
        assert np.abs(result - each).max() <= 1
        assert np.ptp(read(tmp_path / "candidates" / f"face_{i}.png").reshape(16, 3, 16, 3),
                      axis=1).max() > 20


def test_latents_make_the_same_pictures_again_and_go_on(done, lively, faces, tmp_path):
    """With no flag but --init: mask, blend and the rest are in the file."""
    run(lively, faces, "--outDir", tmp_path / "same", "--init", done / "latents.npz",
        "--nIter", 0)
    run(lively, faces, "--outDir", tmp_path / "further", "--init", done / "latents.npz",
        "--nIter", 30)
    before, same, further = (
        [float(row["loss"]) for row in csv.DictReader(open(folder / "results.csv"))]
        for folder in (done, tmp_path / "same", tmp_path / "further"))
    np.testing.assert_allclose(same, before, rtol=1e-6)
    assert (np.array(further) < np.array(before) - 0.1).all()
    for i in range(3):
        name = f"images/face_{i}.png"
        assert (tmp_path / "same" / name).read_bytes() == (done / name).read_bytes()


def test_given_flags_take_the_place_of_those_in_latents(lively, tmp_path):
    """Of masks and frames, one rules out the others; what blend suits them is decided anew."""
    parse = load_script("complete.py").parse_args
    draw(tmp_path / "a.png", (40, 24))
    for first, then, expected in (
            (("--letterbox",), ("--crop",), {"frame": "crop", "blend": "paste"}),
            (("--region", "1,1,20,20"), ("--letterbox",), {"frame": "letterbox", "region": None}),
            (("--region", "1,1,20,20"), (), {"frame": "region", "blend": "poisson"}),
            (("--maskType", "left"), ("--maskFromAlpha",),
             {"own_mask": True, "blend": "poisson", "frame": "letterbox"}),
            (("--maskType", "left", "--lam", 3), ("--nIter", 7),
             {"maskType": "left", "lam": 3.0, "nIter": 7})):
        run(lively, tmp_path / "a.png", *first, "--outDir", tmp_path / "out", "--nIter", 1)
        config = vars(parse(["a.png", "--init", str(tmp_path / "out" / "latents.npz"),
                             *map(str, then)]))
        assert {key: config[key] for key in expected} == expected


def test_latents_of_other_pictures(done, lively, tmp_path, capfd):
    draw(tmp_path / "new.png", (16, 16))
    run(lively, tmp_path / "new.png", "--init", done / "latents.npz", "--outDir", tmp_path / "out")
    assert "warning: new: --init" in capfd.readouterr().err
    assert (tmp_path / "out" / "images" / "new.png").exists()


def test_latents_of_another_kind(done, lively, faces, tmp_path):
    (tmp_path / "text.npz").write_text("text")
    for flags, words in ((("--init", done / "latents.npz", "--nCandidates", 3), "it has 2 z of 10"),
                         (("--init", tmp_path / "text.npz"), "is not a latents.npz"),
                         (("--init", tmp_path / "none.npz"), "No such file")):
        with pytest.raises(UserError, match=f"--init .*{words}"):
            run(lively, faces, *flags)


def test_tensorboard_has_losses_and_quality_of_each_picture(done):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    events = EventAccumulator(str(done / "logs"), size_guidance={"tensors": 0})
    events.Reload()
    tags = set(events.Tags()["tensors"])
    for i in range(3):
        assert {f"loss/face_{i}", f"loss/face_{i}_1", f"psnr/face_{i}", f"ssim/face_{i}",
                f"l1/face_{i}"} <= tags
        log = np.loadtxt(done / "logs" / f"hats_{i:02d}.log", skiprows=1)
        points = events.Tensors(f"loss/face_{i}")
        assert [point.step for point in points] == [0, 2, 4, 6]
        np.testing.assert_allclose(
            [tensor_util.make_ndarray(point.tensor_proto) for point in points], log[::2, 1],
            rtol=1e-4)
    with open(done / "results.csv") as file:
        rows = list(csv.DictReader(file))
    for name in ("loss", "psnr", "ssim", "l1"):
        *_, last = events.Tensors(name)
        assert last.step == 6
        assert tensor_util.make_ndarray(last.tensor_proto) == pytest.approx(
            np.mean([float(row[name]) for row in rows]), rel=1e-4)
    assert {"pictures/loss", "pictures/psnr", "masked", "completed",
            "_hparams_/session_start_info"} <= tags


def test_tensorboard_is_not_flooded(lively, tmp_path):
    """Of many pictures, the first few have curves of their own; a second batch is another run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(lively, draw_faces(tmp_path / "in", 40), "--outDir", tmp_path / "out", "--nIter", 2,
        "--batchSize", 20, "--log_dir", tmp_path / "logs")
    for folder in ("logs", "logs/batch_01"):
        events = EventAccumulator(str(tmp_path / folder)).Reload()
        tags = events.Tags()["tensors"]
        assert sum(tag.startswith("psnr/") for tag in tags) == 16
        assert sum(tag.startswith("loss/") for tag in tags) == 16
        assert {"psnr", "pictures/psnr"} <= set(tags)


@pytest.mark.parametrize("method", ["flush", "close"])
def test_a_disk_that_fails_tensorboard_costs_nothing_else(lively, faces, tmp_path, monkeypatch,
                                                          capfd, method):
    import tensorflow as tf

    def fail(writer):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    writer = type(tf.summary.create_file_writer(str(tmp_path / "logs")))
    monkeypatch.setattr(writer, method, fail)
    run(lively, faces, "--outDir", tmp_path / "out", "--log_dir", tmp_path / "logs")
    assert {"results.csv", "latents.npz", "report.html"} <= set(os.listdir(tmp_path / "out"))
    assert "logs: TensorBoard's files cannot be written (No space left" in capfd.readouterr().err


def test_the_present_folder_takes_results_and_logs(lively, tmp_path):
    draw(tmp_path / "a.png", (16, 16))
    result = run_script("complete.py", "a.png", "--outDir", "", "--checkpointDir", lively,
                        "--nIter", 1, "--log_dir", "logs", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "report.html").exists() and os.listdir(tmp_path / "logs")


def test_the_report_needs_nothing_but_itself(done):
    text = (done / "report.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', text) and "$" not in text
    assert text.count("<tr><td") == 3
    assert text.count("<polyline") == 3
    for row in text.split("<tr><td")[1:]:
        assert row.count('<img src="data:image/png;base64,') == 4
    with open(done / "results.csv") as file:
        for row in csv.DictReader(file):
            assert f"{float(row['loss']):.1f}" in text and row["name"] in text


@needs_chromium
def test_the_report_sorts_in_a_browser(done, tmp_path):
    """A click on the heading sorts by loss, ascending, then descending."""
    text = (done / "report.html").read_text()
    click = """<script>document.querySelectorAll("th")[7].click();
        const order = () => [...body.rows].map(row => row.cells[7].dataset.value).join(" ");
        const up = order(); document.querySelectorAll("th")[7].click();
        document.title = up + "|" + order();</script></body>"""
    (tmp_path / "page.html").write_text(text.replace("</body>", click))
    shown = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=120).stdout
    up, down = re.search("<title>(.*)</title>", shown)[1].split("|")
    with open(done / "results.csv") as file:
        losses = sorted(float(row["loss"]) for row in csv.DictReader(file))
    np.testing.assert_allclose([float(value) for value in up.split()], losses, rtol=1e-4)
    assert down.split() == up.split()[::-1]


def test_the_video_shows_the_search(done):
    import cv2

    video = cv2.VideoCapture(str(done / "search.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 48


def test_truth_is_measured_where_it_is_given(lively, tmp_path):
    for folder in ("in", "truth"):
        (tmp_path / folder).mkdir()
    for name in "ab":
        draw(tmp_path / "in" / f"{name}.png", (16, 16), 1, np.s_[3:8, 4:9])
    draw(tmp_path / "truth" / "a.png", (16, 16))
    mask = np.zeros((16, 16), np.uint8)
    mask[3:8, 4:9] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    run(lively, tmp_path / "in", "--mask", tmp_path / "mask.png", "--truth", tmp_path / "truth",
        "--outDir", tmp_path / "out")
    with open(tmp_path / "out" / "results.csv") as file:
        a, b = csv.DictReader(file)
    images = [read(path)[np.newaxis] for path in (
        tmp_path / "out" / "images" / "a.png", tmp_path / "truth" / "a.png")]
    assert float(a["psnr"]) == pytest.approx(measures.psnr(*images, mask > 0)[0], rel=1e-4)
    assert not b["psnr"]


def test_truth_that_does_not_fit(lively, tmp_path, capfd):
    """Costs the measures, not the picture."""
    draw(tmp_path / "a.png", (16, 16))
    mask = np.zeros((16, 16), np.uint8)
    mask[3:8, 4:9] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    (tmp_path / "truth").mkdir()
    draw(tmp_path / "truth" / "a.png", (18, 16))
    arguments = (tmp_path / "a.png", "--mask", tmp_path / "mask.png", "--outDir", tmp_path / "out")
    run(lively, *arguments, "--truth", tmp_path / "truth")
    assert "a.png: is not measured, because " in capfd.readouterr().err
    (tmp_path / "truth" / "a.png").write_text("text")
    run(lively, *arguments, "--truth", tmp_path / "truth")
    assert "truth/a.png: not an image" in capfd.readouterr().err
    with open(tmp_path / "out" / "results.csv") as file:
        assert [row["psnr"] for row in csv.DictReader(file)] == [""]
    with pytest.raises(UserError, match="--truth .*: none has the name of a picture"):
        run(lively, *arguments, "--truth", tmp_path / "mask.png")


def test_a_failure_behind_the_first_batch_loses_nothing_of_it(lively, tmp_path):
    for name in "ab":
        draw(tmp_path / f"{name}.png", (16, 16))
    (tmp_path / "out" / "batch_01").parent.mkdir()
    (tmp_path / "out" / "batch_01").touch()  # where a folder should be
    with pytest.raises(UserError, match="batch_01"):
        run(lively, tmp_path / "a.png", tmp_path / "b.png", "--batchSize", 1, "--maskType", "left",
            "--outDir", tmp_path / "out")
    with open(tmp_path / "out" / "results.csv") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["a"]
    assert {"latents.npz", "report.html"} <= set(os.listdir(tmp_path / "out"))


@pytest.mark.parametrize("error", [
    SystemError("gstrf was called with invalid arguments"), MemoryError(), ValueError("a value"),
    OSError(28, "No space left on device"), AttributeError("no attribute 'encode'")])
def test_a_failure_in_one_photograph_costs_no_other(lively, tmp_path, monkeypatch, capfd, error):
    """And by then, what the search found is written: tables, z and the network's pictures."""
    from inpainting import results

    for name in "abc":
        draw(tmp_path / f"{name}.png", (40, 24))
    out, save_photo = tmp_path / "out", results.save_photo

    def save_or_fail(folder, name, *arguments):
        with open(out / "results.csv") as file:
            assert [row["name"] for row in csv.DictReader(file)] == ["a", "b", "c"]
        assert read_latents(str(out / "latents.npz"))[0].keys() == {"a", "b", "c"}
        assert len(os.listdir(out / "images")) == 3
        if name == "b":
            raise error
        return save_photo(folder, name, *arguments)

    monkeypatch.setattr(results, "save_photo", save_or_fail)
    with pytest.raises(UserError, match="b.png: not all of its results were written"):
        run(lively, *(tmp_path / f"{name}.png" for name in "abc"), "--outDir", out)
    assert sorted(os.listdir(out / "photos")) == ["a.png", "c.png"]
    assert (out / "report.html").read_text().count("<tr><td") == 3
    (warning,) = re.findall("warning: (.*)", capfd.readouterr().err)  # behind the progress bar
    assert "b.png: " in warning and warning.endswith("; not all of its results are written")


def test_a_picture_that_cannot_be_written_costs_no_other(lively, tmp_path, monkeypatch):
    """Of two batches, and by then tables and z are there."""
    save_image = utils.save_image

    def save_or_fail(path, *arguments):
        if path.endswith(os.path.join("images", "a.png")):
            with open(tmp_path / "out" / "results.csv") as file:
                assert [row["name"] for row in csv.DictReader(file)] == ["a"]
            assert read_latents(str(tmp_path / "out" / "latents.npz"))[0].keys() == {"a"}
            raise UserError(f"{path}: is in the way")
        save_image(path, *arguments)

    for name in "ab":
        draw(tmp_path / f"{name}.png", (16, 16))
    monkeypatch.setattr(utils, "save_image", save_or_fail)
    with pytest.raises(UserError, match="a.png: not all of its results were written"):
        run(lively, tmp_path / "a.png", tmp_path / "b.png", "--outDir", tmp_path / "out",
            "--batchSize", 1)
    assert os.listdir(tmp_path / "out" / "images") == ["b.png"]
    with open(tmp_path / "out" / "results.csv") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["a", "b"]


def test_a_failure_in_reading_one_picture_costs_no_other(lively, tmp_path, monkeypatch, capfd):
    from inpainting.photos import Framer

    for name in "ab":
        draw(tmp_path / f"{name}.png", (16, 16))
    photo = Framer.photo
    monkeypatch.setattr(Framer, "photo", lambda framer, path: (
        1 / 0 if path.endswith("a.png") else photo(framer, path)))
    run(lively, tmp_path / "a.png", tmp_path / "b.png", "--outDir", tmp_path / "out")
    assert "a.png: ZeroDivisionError: division by zero; skipped" in capfd.readouterr().err
    assert os.listdir(tmp_path / "out" / "images") == ["b.png"]


def test_a_photograph_of_odd_exif_data_keeps_its_results(lively, tmp_path):
    """Make as a number, Software as a fraction: the example of the complaint, as a user runs it."""
    from test_exif import PIXELS, odd_block

    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=odd_block("<"))
    draw(tmp_path / "b.png", (40, 24))
    result = run_script("complete.py", "a.jpg", "b.png", "--checkpointDir", lively, "--nIter", 1,
                        cwd=tmp_path)
    assert result.returncode == 0 and "2 completed" in result.stdout, result.stderr
    assert "warning" not in result.stderr
    out = tmp_path / "completions"
    assert sorted(os.listdir(out / "photos")) == ["a.jpg", "a.png", "b.png"]
    with Image.open(out / "photos" / "a.jpg") as image:
        assert image.info["exif"] == odd_block("<")


def test_a_name_as_long_as_names_may_be(lively, tmp_path):
    name = "z" * 251 + ".png"
    draw(tmp_path / name, (16, 16))
    run(lively, tmp_path / name, "--outDir", tmp_path / "out")
    assert os.listdir(tmp_path / "out" / "images") == [name]


def test_names_that_are_no_text(lively, tmp_path):
    (tmp_path / "in").mkdir()
    draw(os.fsencode(tmp_path / "in") + b"/\xe9 \n.png", (20, 16))
    mask = os.fsdecode(b"mask\xe9.png")
    utils.save_image(str(tmp_path / mask), np.eye(16, dtype=np.uint8)[..., np.newaxis] * 255)
    result = run_script("complete.py", "in", "--outDir", os.fsdecode(b"out\xe9"), "--checkpointDir",
                        lively, "--nIter", 1, "--video", "v.mp4", "--log_dir", "logs", "--mask",
                        mask, cwd=tmp_path, PYTHONIOENCODING="utf-8:strict")
    assert result.returncode == 0, result.stderr
    out = os.path.join(os.fsencode(tmp_path), b"out\xe9")
    assert os.listdir(os.path.join(out, b"images")) == [b"\xe9 \n.png"]
    assert {b"v.mp4", b"report.html", b"results.csv"} <= set(os.listdir(out))


def test_ctrl_c_writes_what_is_there(lively, faces, tmp_path):
    process = subprocess.Popen(
        [sys.executable, ROOT / "complete.py", faces, "--checkpointDir", lively, "--nIter",
         "1000000", "--outInterval", "200", "--batchSize", "2"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    log = tmp_path / "completions" / "logs" / "hats_00.log"
    with contextlib.suppress(subprocess.TimeoutExpired):
        for _ in range(600):
            time.sleep(0.1)
            if log.exists() and log.stat().st_size > 20_000:
                break
        process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "complete.py: interrupted" in errors and "Traceback" not in errors
    assert "2 completed: completions/images" in output
    out = tmp_path / "completions"
    assert sorted(os.listdir(out / "images")) == ["face_0.png", "face_1.png"]
    assert {"results.csv", "latents.npz", "report.html", "completion.gif"} <= set(os.listdir(out))
    model = DCGAN.from_checkpoint(lively)
    losses = np.loadtxt(log, skiprows=1)
    best = losses[losses[:, 1].argmin(), 2:].astype(np.float32)
    expected = utils.to_uint8(model.generator(best[np.newaxis]))[0]
    difference = read(out / "images" / "face_0.png").astype(int) - expected
    assert np.abs(difference[4:12, 4:12]).max() <= 1


# Bad input


@pytest.mark.parametrize("arguments,words", [
    (["--window", "4"], ["--window 4: must be odd"]),
    (["--region", "1,2,3"], ["--region 1,2,3: must be x,y,w,h"]),
    (["--region", "1,2,0,4"], ["--region 1,2,0,4: must be x,y,w,h"]),
    (["--maskColor", "white"], ["--maskColor white: must be a colour"]),
    (["--video", "x.avi"], ["--video x.avi: must be a name that ends in .mp4"]),
    (["--fraction", "1.5"], ["--fraction 1.5: must be"]),
    (["--mask", "m.png", "--maskFromAlpha"], ["--mask and --maskFromAlpha: leave out one"]),
    (["--mask", "m.png", "--maskType", "left"], ["--mask and --maskType: leave out one"]),
    (["--landmarks", "l.csv"], ["--landmarks l.csv: is of --align"]),
    (["--maskTolerance", "3"], ["--maskTolerance 3: is of --maskColor"]),
    (["--truth", "t"], ["--truth t: is of --mask"]),
    (["--align", "--faces", "all", "--landmarks", "l.csv"], ["--faces all: --landmarks"]),
    (["--align", "--region", "1,1,2,2"], ["--region not allowed with argument --align"]),
    (["--init", "nowhere.npz"], ["--init nowhere.npz", "No such file"])])
def test_a_bad_flag(tmp_path, arguments, words):
    assert_one_line_error(run_script("complete.py", "a.png", *arguments, cwd=tmp_path), *words)


def test_a_mask_that_is_of_no_use(lively, tmp_path, capfd):
    draw(tmp_path / "a.png", (40, 24))
    mask = np.zeros((24, 40), np.uint8)
    for value, flags, words in (
            (0, (), "its mask hides nothing"), (255, (), "its mask hides everything"),
            ("left", ("--crop",), "its mask hides nothing of the centre square"),
            ("left", ("--region", "20,0,10,10"), "its mask hides nothing of --region"),
            ("square", ("--region", "4,4,10,10"), "its mask hides everything of --region")):
        if value == "left":
            mask[:] = 0
            mask[:, :6] = 255
        elif value == "square":
            mask[2:16, 2:16] = 255
        else:
            mask[:] = value
        Image.fromarray(mask).save(tmp_path / "mask.png")
        with pytest.raises(UserError, match="none of the 1 images can be completed"):
            run(lively, tmp_path / "a.png", "--mask", tmp_path / "mask.png", *flags,
                "--outDir", tmp_path / "out")
        assert f"a.png: {words}; skipped" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def photograph(name):
    """A real photograph, and a mask of its mouth, `[H, W]` bool."""
    (path,) = (SHARED / "faces" / "raw" / name).iterdir()
    with open(SHARED / "faces" / "raw" / "landmarks.csv") as file:
        (row,) = (r for r in csv.DictReader(file) if os.path.basename(r["file"]) == path.name)
    left, right, top, bottom = (int(float(row[k])) for k in ("x48", "x54", "y51", "y57"))
    image = read(path)
    hole = np.zeros(image.shape[:2], bool)
    hole[top:bottom + 1, left:right + 1] = True
    return image, hole


@needs_shared
def test_faces_are_found_in_photographs_and_put_back(tmp_path):
    """With their mouths hidden, by the reference checkpoint."""
    (tmp_path / "in").mkdir()
    (tmp_path / "masks").mkdir()
    photographs = {name: photograph(name) for name in ("Aishwarya_Rai", "Christopher_Walken")}
    for name, (image, hole) in photographs.items():
        Image.fromarray(image).save(tmp_path / "in" / f"{name}.png")
        Image.fromarray(hole).save(tmp_path / "masks" / f"{name}.png")
    result = run_script("complete.py", "in", "--align", "--mask", "masks", "--preset", "fast",
                        "--checkpointDir", SHARED / "reference-checkpoint", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for name, (image, hole) in photographs.items():
        check_photo(tmp_path / "completions" / "photos" / f"{name}.png", image, hole)


def check_photo(path, image, hole):
    """Its pixels are the photograph's outside of the hole, and plausible inside."""
    written = read(path)
    np.testing.assert_array_equal(written[~hole], image[~hole])
    change = np.abs(written[hole].astype(int) - image[hole])[:, :3].mean()
    assert 0 < change < 60


@needs_shared
def test_every_face_of_a_photograph(tmp_path):
    parts = [photograph(name) for name in ("Aishwarya_Rai", "Ali_Abbas")]
    height = max(len(hole) for _, hole in parts)

    def side_by_side(arrays):
        return np.hstack([np.pad(a, ((0, height - len(a)),) + ((0, 0),) * (a.ndim - 1))
                          for a in arrays])

    image, hole = (side_by_side(arrays) for arrays in zip(*parts))
    Image.fromarray(image).save(tmp_path / "two.png")
    Image.fromarray(hole).save(tmp_path / "mask.png")
    run(SHARED / "reference-checkpoint", tmp_path / "two.png", "--align", "--faces", "all",
        "--mask", tmp_path / "mask.png", "--preset", "fast", "--outDir", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out" / "images")) == ["two-face2.png", "two.png"]
    check_photo(tmp_path / "out" / "photos" / "two.png", image, hole)
    written = read(tmp_path / "out" / "photos" / "two.png")
    width = parts[0][1].shape[1]
    for part in (np.s_[:, :width], np.s_[:, width:]):  # both holes are filled
        assert (written[part][hole[part]] != image[part][hole[part]]).any()
