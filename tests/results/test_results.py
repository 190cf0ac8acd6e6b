"""What complete.py writes: that one fault costs no other result, and that every name is written."""

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
from completing import draw, read, run
from conftest import ROOT, run_script

import utils
from dcgan.messages import UserError
from dcgan.pictures import drawing
from dcgan.results.tables import read_latents
from model import DCGAN

pytestmark = pytest.mark.slow


def test_the_mean_of_candidates(lively, three_faces, tmp_path):
    run(lively, three_faces, "--outDir", tmp_path, "--nCandidates", 3, "--combine", "mean")
    for i in range(3):
        each = read(tmp_path / "candidates" / f"face_{i}.png").reshape(16, 3, 16, 3).mean(axis=1)
        result = read(tmp_path / "images" / f"face_{i}.png")
        assert np.abs(result - each).max() <= 1
        assert np.ptp(read(tmp_path / "candidates" / f"face_{i}.png").reshape(16, 3, 16, 3),
                      axis=1).max() > 20


def test_the_video_shows_the_search(done):
    import cv2

    video = cv2.VideoCapture(str(done / "search.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 48


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
    from dcgan.results import writer

    for name in "abc":
        draw(tmp_path / f"{name}.png", (40, 24))
    out, save_photo = tmp_path / "out", writer.save_photo

    def save_or_fail(folder, name, *arguments):
        with open(out / "results.csv") as file:
            assert [row["name"] for row in csv.DictReader(file)] == ["a", "b", "c"]
        assert read_latents(str(out / "latents.npz"))[0].keys() == {"a", "b", "c"}
        assert len(os.listdir(out / "images")) == 3
        if name == "b":
            raise error
        return save_photo(folder, name, *arguments)

    monkeypatch.setattr(writer, "save_photo", save_or_fail)
    with pytest.raises(UserError, match="incomplete results: 1, such as those of .*b.png"):
        run(lively, *(tmp_path / f"{name}.png" for name in "abc"), "--outDir", out)
    assert sorted(os.listdir(out / "photos")) == ["a.png", "c.png"]
    assert (out / "report.html").read_text().count("<tr><td") == 3
    (warning,) = re.findall("warning: (.*)", capfd.readouterr().err)  # behind the progress bar
    assert "b.png: " in warning and warning.endswith("; its results are incomplete")


def test_a_picture_that_cannot_be_written_costs_no_other(lively, tmp_path, monkeypatch):
    """Of two batches, and by then tables and z are there."""
    save_image = drawing.save_image

    def save_or_fail(path, *arguments):
        if path.endswith(os.path.join("images", "a.png")):
            with open(tmp_path / "out" / "results.csv") as file:
                assert [row["name"] for row in csv.DictReader(file)] == ["a"]
            assert read_latents(str(tmp_path / "out" / "latents.npz"))[0].keys() == {"a"}
            raise UserError(f"{path}: is in the way")
        save_image(path, *arguments)

    for name in "ab":
        draw(tmp_path / f"{name}.png", (16, 16))
    monkeypatch.setattr(drawing, "save_image", save_or_fail)
    with pytest.raises(UserError, match="incomplete results: .*a.png"):
        run(lively, tmp_path / "a.png", tmp_path / "b.png", "--outDir", tmp_path / "out",
            "--batchSize", 1)
    assert os.listdir(tmp_path / "out" / "images") == ["b.png"]
    with open(tmp_path / "out" / "results.csv") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["a", "b"]


def test_a_failure_in_reading_one_picture_costs_no_other(lively, tmp_path, monkeypatch, capfd):
    from dcgan.inpainting.photos import Framer

    for name in "ab":
        draw(tmp_path / f"{name}.png", (16, 16))
    photo = Framer.photo
    monkeypatch.setattr(Framer, "photo", lambda framer, path: (
        1 / 0 if path.endswith("a.png") else photo(framer, path)))
    run(lively, tmp_path / "a.png", tmp_path / "b.png", "--outDir", tmp_path / "out")
    assert "a.png: ZeroDivisionError: division by zero; skipped" in capfd.readouterr().err
    assert os.listdir(tmp_path / "out" / "images") == ["b.png"]


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


def test_ctrl_c_writes_what_is_there(lively, three_faces, tmp_path):
    process = subprocess.Popen(
        [sys.executable, ROOT / "complete.py", three_faces, "--checkpointDir", lively, "--nIter",
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
