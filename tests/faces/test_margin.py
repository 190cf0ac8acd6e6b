"""A frame wider than the article's: aligned, trained on, recorded, and used again."""

import shutil

import cv2
import numpy as np
import pytest
from conftest import (
    SHARED,
    TINY,
    assert_one_line_error,
    astronaut,
    draw_faces,
    needs_shared,
    run_here,
    save_lively,
)
from PIL import Image

import utils
from dcgan.faces import alignment
from dcgan.files import record
from dcgan.inpainting.photos import Framer
from dcgan.inpainting.presets import CompletionSettings
from model import DCGAN

pytestmark = pytest.mark.slow
EYES_AND_LIP = alignment.ALIGNMENTS["innerEyesAndBottomLip"]


def test_the_articles_frame_is_in_the_middle_of_the_wider_one():
    photo, landmarks = astronaut()
    plain, wide = (alignment.warp_face(photo, alignment.face_transform(
        landmarks, EYES_AND_LIP, size, margin), size) for size, margin in ((100, 0), (160, 0.3)))
    middle = wide[30:-30, 30:-30].astype(int)
    assert np.abs(middle - plain).max() <= 1  # interpolated at the same places
    places = alignment.apply_transform(
        alignment.face_transform(landmarks, EYES_AND_LIP, 1, 0.3), landmarks[list(EYES_AND_LIP)])
    wanted = [(np.array(alignment.LANDMARK_TEMPLATE[i]) + 0.3) / 1.6 for i in EYES_AND_LIP]
    np.testing.assert_allclose(places, wanted, atol=1e-6)


@pytest.fixture
def aligned(tmp_path):
    """Two photographs, aligned with a margin of 0.3 by align.py."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not there")
    for name in ("Bill_Bradley", "Ben_Kingsley"):
        shutil.copytree(SHARED / "faces" / "raw" / name, tmp_path / "raw" / name)
    assert align(tmp_path, "--margin", 0.3).returncode == 0
    return tmp_path


def align(folder, *flags):
    return run_here("align.py", "raw", "align", "innerEyesAndBottomLip", "aligned", "--size", 16,
                    "--jobs", 1, *flags, cwd=folder)


def train(folder, *flags):
    return run_here("train-dcgan.py", "--dataset", "aligned", *TINY, "--batch_size", 2,
                    "--max_steps", 1, *flags, cwd=folder)


def test_a_folder_is_aligned_anew_with_another_margin(aligned):
    (face,) = (aligned / "aligned" / "Bill_Bradley").glob("*.png")
    wide = face.read_bytes()
    assert "2 already there" in align(aligned, "--margin", 0.3).stdout
    assert "2 aligned" in align(aligned).stdout
    assert face.read_bytes() != wide


def test_a_training_records_the_margin_of_its_faces(aligned):
    result = train(aligned)
    assert result.returncode == 0, result.stderr
    model = DCGAN.from_checkpoint(aligned / "checkpoint")
    assert model.margin == 0.3
    model.export(aligned / "weights" / "DCGAN.model-1")
    assert DCGAN.from_checkpoint(aligned / "weights").margin == 0.3
    assert train(aligned, "--max_steps", 2).returncode == 0  # goes on
    assert_one_line_error(
        train(aligned, "--margin", 0.1), "--margin says that the faces' margin is 0.1",
        "the record in --dataset aligned says that the faces' margin is 0.3")
    (aligned / "aligned" / record.NAME).unlink()  # faces of another program
    assert_one_line_error(train(aligned, "--margin", 0.1), "the checkpoint checkpoint/DCGAN-2 says")
    assert train(aligned, "--margin", 0.1, "--checkpoint_dir", "other").returncode == 0
    assert DCGAN.from_checkpoint(aligned / "other").margin == 0.1
    assert train(aligned, "--checkpoint_dir", "third").returncode == 0
    assert DCGAN.from_checkpoint(aligned / "third").margin == 0


@needs_shared
def test_faces_of_several_margins_are_refused(aligned):
    result = run_here("align.py", "raw/Bill_Bradley", "align", "innerEyesAndBottomLip", "aligned",
                      "--size", 16, "--jobs", 1, cwd=aligned)
    assert result.returncode == 0, result.stderr
    assert_one_line_error(train(aligned), "aligned with different margins, 0.0, 0.3")


def test_complete_py_cuts_the_frame_that_the_network_was_trained_with(tmp_path):
    photo, landmarks = astronaut()
    (tmp_path / "in").mkdir()
    utils.save_image(str(tmp_path / "in" / "photo.png"), photo)
    x, y = landmarks[57].astype(int)
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.circle(mask, (x, y), 12, 255, -1)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    lively = save_lively(tmp_path, margin=0.3) / "checkpoint"
    result = run_here("complete.py", "in", "--align", "--mask", "mask.png", "--nIter", 1,
                      cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    made = utils.read_image(tmp_path / "completions" / "photos" / "photo.png")
    assert np.any(made != photo) and np.array_equal(made[mask == 0], photo[mask == 0])
    settings = CompletionSettings(align=True, mask=str(tmp_path / "mask.png"))
    model = DCGAN.from_checkpoint(lively)
    (frame,) = Framer(settings, [tmp_path / "in" / "photo.png"], 16, 3,
                      margin=model.margin).frames()
    (article,) = Framer(settings, [tmp_path / "in" / "photo.png"], 16, 3).frames()
    edges = [np.linalg.norm(np.diff(each.place.corners(16)[:2], axis=0))
             for each in (frame, article)]
    assert edges[0] / edges[1] == pytest.approx(1.6, rel=1e-3)


def test_an_older_checkpoint_has_the_articles_frame(tmp_path):
    assert DCGAN.from_checkpoint("pretrained").margin == 0
    draw_faces(tmp_path / "aligned", 2)
    assert train(tmp_path).returncode == 0
    assert DCGAN.from_checkpoint(tmp_path / "checkpoint").margin == 0
