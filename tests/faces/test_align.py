"""align.py as a user runs it."""

import os
import re
import signal

import numpy as np
import pytest
from conftest import SHARED, assert_one_line_error, astronaut, load_script, run_script
from PIL import Image

import utils
from dcgan import messages
from dcgan.faces import detection, mean
from dcgan.faces.alignment import LANDMARK_TEMPLATE
from dcgan.files import record

pytestmark = pytest.mark.slow
RAW = SHARED / "faces" / "raw"


@pytest.fixture
def photographs(tmp_path):
    """Two photographs of real faces, one of nothing, one that is none; in two folders."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not there")
    raw = tmp_path / "raw"
    for folder, source in zip("ab", ("Bill_Bradley", "Ben_Kingsley")):
        (raw / folder).mkdir(parents=True)
        (photo,) = (RAW / source).iterdir()
        (raw / folder / "photo.jpg").write_bytes(photo.read_bytes())
    Image.new("RGB", (80, 80), "green").save(raw / "a" / "lawn.png")
    (raw / "b" / "text.png").write_text("not a picture")
    return raw


def align(cwd, *arguments):
    return run_script("align.py", "raw", "align", "innerEyesAndBottomLip", "aligned", "--size",
                      "64", "--jobs", "1", *arguments, cwd=cwd)


def outputs(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                  if p.is_file() and p.name != record.NAME)


def test_align_keeps_folders_counts_and_skips_what_is_done(photographs):
    cwd = photographs.parent
    result = align(cwd)
    assert result.returncode == 0, result.stderr
    assert outputs(cwd / "aligned") == ["a/photo.png", "b/photo.png"]
    for part in ("4 pictures", "2 aligned", "1 without a face", "1 could not be read"):
        assert part in result.stdout
    with Image.open(cwd / "aligned" / "a" / "photo.png") as face:
        assert face.size == (64, 64) and face.mode == "RGB"
    before = (cwd / "aligned" / "a" / "photo.png").stat().st_mtime_ns
    (cwd / "aligned" / "b" / "photo.png").unlink()
    again = align(cwd, "--verbose")
    assert "1 already there" in again.stdout and "1 aligned" in again.stdout
    assert (cwd / "aligned" / "a" / "photo.png").stat().st_mtime_ns == before
    assert "raw/a/lawn.png: no face" in again.stderr


def test_flat_loses_no_file_of_the_same_name(photographs):
    cwd = photographs.parent
    assert align(cwd, "--flat").returncode == 0
    assert outputs(cwd / "aligned") == ["a-photo.png", "b-photo.png"]


def test_skip_multi(photographs):
    cwd = photographs.parent
    one, other = (utils.read_image(photographs / f / "photo.jpg") for f in "ab")
    height = min(len(one), len(other))
    both = np.hstack([one[:height], other[:height]])
    utils.save_image(str(photographs / "both.png"), both)
    result = align(cwd, "--skipMulti")
    assert "1 with several faces" in result.stdout
    assert not (cwd / "aligned" / "both.png").exists()
    assert align(cwd).returncode == 0
    assert (cwd / "aligned" / "both.png").exists()


def test_fallback_takes_the_centre_of_the_lfw_picture(photographs):
    cwd = photographs.parent
    (cwd / "lfw" / "a").mkdir(parents=True)
    picture = np.zeros((250, 250, 3), np.uint8)
    picture[73:177, 73:177] = 200  # the middle 104 pixels
    Image.fromarray(picture).save(cwd / "lfw" / "a" / "lawn.jpg", quality=95)
    result = align(cwd, "--fallbackLfw", "lfw")
    assert "1 taken from LFW" in result.stdout and "2 aligned" in result.stdout
    face = utils.read_image(cwd / "aligned" / "a" / "lawn.png")
    assert face.shape == (64, 64, 3) and face[2:-2, 2:-2].min() > 190


def test_compute_mean(photographs):
    result = run_script("align.py", "raw", "computeMean", "--outputDir", "mean", cwd=
                        photographs.parent)
    assert result.returncode == 0, result.stderr
    mean = np.loadtxt(photographs.parent / "mean" / "mean.csv", delimiter=",")
    assert mean.shape == (68, 2)
    for i, place in LANDMARK_TEMPLATE.items():
        assert np.abs(mean[i] - place).max() < 0.1
    assert os.path.getsize(photographs.parent / "mean" / "mean.png") > 1000


def test_nothing_aligned_is_an_error(tmp_path):
    (tmp_path / "raw").mkdir()
    Image.new("RGB", (80, 80), "green").save(tmp_path / "raw" / "lawn.png")
    assert_one_line_error(align(tmp_path), "raw: nothing aligned: 1 without a face")


def test_bad_input(tmp_path):
    assert_one_line_error(align(tmp_path), "raw: no such file or folder")
    assert_one_line_error(
        run_script("align.py", "raw", "align", "nose", "aligned", cwd=tmp_path), "nose")
    assert_one_line_error(
        run_script("align.py", "raw", "--dlibFacePredictor", "nowhere.dat", "align",
                   "innerEyesAndBottomLip", "aligned", cwd=tmp_path),
        "--dlibFacePredictor nowhere.dat: no such file")
    (tmp_path / "noise.dat").write_bytes(np.random.default_rng(0).bytes(1000))
    five_points = os.path.join(os.path.dirname(detection.face_predictor_path()),
                               "shape_predictor_5_face_landmarks.dat")
    for predictor in ("noise.dat", five_points):
        assert_one_line_error(
            run_script("align.py", "raw", "--dlibFacePredictor", predictor, "align",
                       "innerEyesAndBottomLip", "aligned", cwd=tmp_path),
            f"--dlibFacePredictor {predictor}: not a dlib predictor of 68 landmarks")
    assert_one_line_error(align(tmp_path, "--fallbackLfw", "nowhere"),
                          "--fallbackLfw nowhere: no such folder")


def test_a_killed_process_costs_one_picture(tmp_path, monkeypatch, capsys):
    """As Linux kills one when memory is short: a line names the picture, and the rest goes on."""
    script = load_script("align.py")

    def find(image, *_, **__):
        if image.shape[0] == 30:
            os.kill(os.getpid(), signal.SIGKILL)
        return [landmarks]

    landmarks = np.random.default_rng(0).uniform(0, 20, (68, 2))
    monkeypatch.setattr(detection, "find_landmarks", find)
    (tmp_path / "raw").mkdir()
    for i, height in enumerate((20, 30, 20, 20)):
        Image.new("RGB", (20, height)).save(tmp_path / "raw" / f"{i}.png")
    flags = ("align", "outerEyesAndNose", "--jobs", "2")
    script.main([str(tmp_path / "raw"), *flags, str(tmp_path / "aligned")])
    written = capsys.readouterr()
    assert outputs(tmp_path / "aligned") == ["0.png", "2.png", "3.png"]
    assert re.match(r"4 pictures: 3 aligned.*, 1 could not be aligned; ", written.out)
    (line,) = [line for line in written.err.splitlines() if "could not" in line]
    assert line.startswith(f"{tmp_path}/raw/1.png: could not be aligned (not enough memory, or")
    script.main([str(tmp_path / "raw"), "computeMean", "--outputDir", str(tmp_path)])
    written = capsys.readouterr()
    assert "mean of 3 faces in 4 pictures" in written.out
    assert f"warning: {tmp_path}/raw/1.png: not enough memory, or" in written.err


def test_a_face_at_the_edge_continues_it_and_the_summary_says_so(tmp_path):
    """A photograph in the public domain, cut beside an eye."""
    whole, face = astronaut()
    cut = int(face[36, 0]) - 6
    (tmp_path / "raw").mkdir()
    Image.fromarray(whole[:300, cut:cut + 300]).save(tmp_path / "raw" / "cut.png")
    Image.fromarray(whole).save(tmp_path / "raw" / "whole.png")
    result = align(tmp_path)
    assert "1 aligned with over a tenth of the face outside the picture" in result.stdout
    assert "1 aligned," in result.stdout or "1 aligned;" in result.stdout
    aligned = utils.read_image(tmp_path / "aligned" / "cut.png")
    assert (aligned.max(axis=2) > 0).mean() > 0.99


def test_pictures_without_a_face_are_named_of_the_mean_too(tmp_path, monkeypatch, capsys):
    landmarks = np.random.default_rng(0).uniform(0, 20, (68, 2))
    messages.begin_command()
    monkeypatch.setattr(detection, "find_landmarks",
                        lambda image, _: [landmarks] if image.shape[0] == 20 else [])
    monkeypatch.setattr(mean, "run_jobs", lambda function, jobs, *_, **__: map(function, jobs))
    for name, height in (("face.png", 20), ("lawn.png", 30)):
        Image.new("RGB", (20, height)).save(tmp_path / name)
    (tmp_path / "text.png").write_text("not a picture")
    mean.compute_mean(tmp_path, tmp_path / "out", detection.face_predictor_path(), 1)
    written = capsys.readouterr()
    assert "mean of 1 faces in 3 pictures" in written.out
    assert written.err.splitlines() == [
        f"warning: {tmp_path}/text.png: not an image; skipped",
        f"warning: {tmp_path}/lawn.png: no face"]
