"""Where landmarks go, and what a warp does to pixels."""

import csv

import numpy as np
import pytest
from conftest import SHARED, needs_shared

from dcgan.faces import alignment


def template(size):
    return {i: size * np.array(place) for i, place in alignment.LANDMARK_TEMPLATE.items()}


def apply(transform, points):
    return points @ transform[:, :2].T + transform[:, 2]


@pytest.mark.parametrize("name", alignment.ALIGNMENTS)
def test_transform_puts_the_three_landmarks_in_place(name):
    landmarks = np.random.default_rng(0).uniform(50, 200, (68, 2))
    transform = alignment.face_transform(landmarks, alignment.ALIGNMENTS[name], 64)
    for i in alignment.ALIGNMENTS[name]:
        np.testing.assert_allclose(apply(transform, landmarks[i]), template(64)[i], atol=1e-3)


def test_warp_moves_pixels_where_the_transform_says():
    image = np.zeros((40, 40, 3), np.uint8)
    image[10, 20] = 255
    moved = alignment.warp_face(image, np.array([[1.0, 0, -5], [0, 1.0, 3]]), 32)
    assert np.argwhere(moved[:, :, 0]).tolist() == [[13, 15]]


def test_warp_antialiases_and_stays_centred_when_it_shrinks():
    stripes = np.zeros((128, 128, 1), np.uint8)
    stripes[:, ::2] = 255
    small = alignment.warp_face(stripes, np.array([[0.25, 0, 0], [0, 0.25, 0]]), 32)
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() < 10

    dot = np.zeros((128, 128, 1), np.uint8)
    dot[60:69, 76:85] = 255  # centred on x 80, y 64
    small = alignment.warp_face(dot, np.array([[0.25, 0, 0], [0, 0.25, 0]]), 32)
    small = small[:, :, 0].astype(float)
    y, x = np.mgrid[:32, :32]
    assert (small * x).sum() / small.sum() == pytest.approx(20, abs=0.1)
    assert (small * y).sum() / small.sum() == pytest.approx(16, abs=0.1)


@needs_shared
def test_the_template_is_the_given_one():
    with open(SHARED / "landmark-template-68.csv") as file:
        given = {int(r["index"]): (float(r["x"]), float(r["y"])) for r in csv.DictReader(file)}
    assert alignment.LANDMARK_TEMPLATE == {i: given[i] for i in alignment.LANDMARK_TEMPLATE}


def test_what_lies_outside_is_black_or_continues_the_edge():
    image = np.tile(np.uint8([10, 50, 90, 130])[:, np.newaxis, np.newaxis], (1, 6, 3))
    transform = np.array([[1.0, 0, 2], [0, 1, 3]])
    black, continued = (alignment.warp_face(image, transform, 8, continued=each)
                        for each in (False, True))
    assert (black[:3] == 0).all() and (black[:, :2] == 0).all() and (black[7:] == 0).all()
    np.testing.assert_array_equal(black[3:7, 2:], image)
    np.testing.assert_array_equal(continued[:, 0, 0], [10, 10, 10, 10, 50, 90, 130, 130])
    assert alignment.share_outside(image.shape, transform, 8) == 1 - 4 * 6 / 64
    assert alignment.share_outside((90, 90), np.array([[1.0, 0, -20], [0, 1, -20]]), 8) == 0
