"""align.py as a user runs it, and its geometry."""

import csv
import os

import numpy as np
import pytest
from conftest import SHARED, assert_one_line_error, needs_shared, run_script
from PIL import Image

import utils
from files import ownership

RAW = SHARED / "faces" / "raw"


def template(size):
    return {i: size * np.array(place) for i, place in utils.LANDMARK_TEMPLATE.items()}


def apply(transform, points):
    return points @ transform[:, :2].T + transform[:, 2]


@pytest.mark.parametrize("name", utils.ALIGNMENTS)
def test_transform_puts_the_three_landmarks_in_place(name):
    landmarks = np.random.default_rng(0).uniform(50, 200, (68, 2))
    transform = utils.face_transform(landmarks, utils.ALIGNMENTS[name], 64)
    for i in utils.ALIGNMENTS[name]:
        np.testing.assert_allclose(apply(transform, landmarks[i]), template(64)[i], atol=1e-3)


def test_warp_moves_pixels_where_the_transform_says():
    image = np.zeros((40, 40, 3), np.uint8)
    image[10, 20] = 255
    moved = utils.warp_face(image, np.array([[1.0, 0, -5], [0, 1.0, 3]]), 32)
    assert np.argwhere(moved[:, :, 0]).tolist() == [[13, 15]]


def test_warp_antialiases_and_stays_centred_when_it_shrinks():
    stripes = np.zeros((128, 128, 1), np.uint8)
    stripes[:, ::2] = 255
    small = utils.warp_face(stripes, np.array([[0.25, 0, 0], [0, 0.25, 0]]), 32)
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() < 10

    dot = np.zeros((128, 128, 1), np.uint8)
    dot[60:69, 76:85] = 255  # centred on x 80, y 64
    small = utils.warp_face(dot, np.array([[0.25, 0, 0], [0, 0.25, 0]]), 32)[:, :, 0].astype(float)
    y, x = np.mgrid[:32, :32]
    assert (small * x).sum() / small.sum() == pytest.approx(20, abs=0.1)
    assert (small * y).sum() / small.sum() == pytest.approx(16, abs=0.1)


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
                  if p.is_file() and p.name != ownership.NAME)


def test_align_keeps_folders_counts_and_skips_what_is_done(photographs):
    cwd = photographs.parent
    result = align(cwd)
    assert result.returncode == 0, result.stderr
    assert outputs(cwd / "aligned") == ["a/photo.png", "b/photo.png"]
    for part in ("4 pictures", "2 aligned", "1 no face", "1 could not be read"):
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
    assert "1 several faces" in result.stdout
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
    for i, place in utils.LANDMARK_TEMPLATE.items():
        assert np.abs(mean[i] - place).max() < 0.1
    assert os.path.getsize(photographs.parent / "mean" / "mean.png") > 1000


def test_nothing_aligned_is_an_error(tmp_path):
    (tmp_path / "raw").mkdir()
    Image.new("RGB", (80, 80), "green").save(tmp_path / "raw" / "lawn.png")
    assert_one_line_error(align(tmp_path), "raw: nothing aligned: 1 no face")


def test_bad_input(tmp_path):
    assert_one_line_error(align(tmp_path), "raw: no such file or folder")
    assert_one_line_error(
        run_script("align.py", "raw", "align", "nose", "aligned", cwd=tmp_path), "nose")
    assert_one_line_error(
        run_script("align.py", "raw", "--dlibFacePredictor", "nowhere.dat", "align",
                   "innerEyesAndBottomLip", "aligned", cwd=tmp_path),
        "--dlibFacePredictor nowhere.dat: no such file")
    (tmp_path / "noise.dat").write_bytes(np.random.default_rng(0).bytes(1000))
    five_points = os.path.join(os.path.dirname(utils.face_predictor_path()),
                               "shape_predictor_5_face_landmarks.dat")
    for predictor in ("noise.dat", five_points):
        assert_one_line_error(
            run_script("align.py", "raw", "--dlibFacePredictor", predictor, "align",
                       "innerEyesAndBottomLip", "aligned", cwd=tmp_path),
            f"--dlibFacePredictor {predictor}: is not a predictor of 68 landmarks")
    assert_one_line_error(align(tmp_path, "--fallbackLfw", "nowhere"),
                          "--fallbackLfw nowhere: no such folder")


@needs_shared
def test_true_landmarks_of_real_photographs_land_in_place(tmp_path):
    """At least 62 of 66 are found; their true inner eyes and lower lip land 2.5 pixels away from
    the template places at most, on average."""
    predictor = utils.face_predictor_path()
    with open(RAW / "landmarks.csv") as file:
        rows = list(csv.DictReader(file))
    distances = []
    for row in rows:
        truth = np.array([[float(row[f"x{i}"]), float(row[f"y{i}"])] for i in range(68)])
        (path,) = RAW.glob(f"**/{os.path.basename(row['file'])}")
        found = utils.find_landmarks(utils.read_image(path), predictor)
        if found:
            transform = utils.face_transform(found[0], (39, 42, 57), 64)
            distances.append(np.mean([np.linalg.norm(apply(transform, truth[i]) - place)
                                      for i, place in template(64).items() if i in (39, 42, 57)]))
    assert len(rows) == 66 and len(distances) >= 62
    assert np.mean(distances) < 2.5
    print(f"{len(distances)} of {len(rows)} aligned, mean distance {np.mean(distances):.2f} px")


@needs_shared
def test_the_template_is_the_given_one():
    with open(SHARED / "landmark-template-68.csv") as file:
        given = {int(r["index"]): (float(r["x"]), float(r["y"])) for r in csv.DictReader(file)}
    assert utils.LANDMARK_TEMPLATE == {i: given[i] for i in utils.LANDMARK_TEMPLATE}
