"""Holes filled without a network."""

import numpy as np
import pytest

from dcgan.pictures import filling


def picture(height=40, width=60):
    y, x = np.mgrid[:height, :width] / 10
    return np.uint8(127 + 60 * np.stack([np.sin(x), np.cos(y), np.sin(x + y)], axis=2))


def holed(height=40, width=60, hole=np.s_[10:25, 20:40]):
    known = np.ones((height, width), bool)
    known[hole] = False
    return known


HOLES = [np.s_[10:25, 20:40], np.s_[:12, :], np.s_[::2, ::3], np.s_[:, 1:], np.s_[39:, 59:]]


def test_bounding_slices():
    known = np.ones((6, 8), bool)
    known[2, 3] = known[3, 6] = False
    assert filling.bounding_slices(known) == (slice(1, 5), slice(2, 8))
    assert filling.bounding_slices(known, margin=0) == (slice(2, 4), slice(3, 7))
    known[0, 0] = known[5, 7] = False
    assert known[filling.bounding_slices(known)].shape == (6, 8)


@pytest.mark.parametrize("fill", [filling.smooth, filling.mirrored])
@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_what_is_known_stays_and_what_is_hidden_does_not_matter(fill, hole, dtype):
    pixels, known = picture().astype(dtype), holed(hole=hole)
    before = pixels.copy()
    filled = fill(pixels, known)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(filled[known], pixels[known])
    assert filled.dtype == dtype and (filled.min(), filled.max()) >= (0, 0)
    pixels[~known] = 255 - pixels[~known]
    np.testing.assert_array_equal(fill(pixels, known), filled)


@pytest.mark.parametrize("hole", HOLES)
def test_an_even_picture_is_filled_evenly(hole):
    pixels = np.full((40, 60, 3), (10, 130, 250), np.uint8)
    known = holed(hole=hole)
    pixels[~known] = 77
    for fill in (filling.smooth, filling.mirrored):
        np.testing.assert_allclose(fill(pixels, known), np.full((40, 60, 3), (10, 130, 250)),
                                   atol=1)


def test_a_smooth_fill_is_nearly_a_membrane():
    """As near as half of what the nearest pixel is off, of a slope, which a membrane continues."""
    y, x = np.mgrid[:64, :64]
    pixels = np.repeat((2 * x + y)[..., np.newaxis], 3, axis=2).astype(np.float32)
    known = holed(64, 64, np.s_[16:48, 16:48])
    error = np.abs(filling.smooth(pixels, known) - pixels)[~known]
    assert error.mean() < 6 and error.max() < 20  # the nearest pixel: 16 and 47
    steps = np.abs(np.diff(filling.smooth(pixels, known), axis=1))
    assert steps.max() < 12


def test_half_a_symmetrical_picture_becomes_whole():
    half = np.random.default_rng(0).integers(0, 256, (30, 20, 3), np.uint8)
    pixels = np.concatenate([half, half[:, ::-1]], axis=1)
    known = holed(30, 40, np.s_[:, 20:])
    # The mirror stands on the last known pixel's centre, half a pixel beside the picture's.
    np.testing.assert_array_equal(filling.mirrored(pixels, known)[:, 20:39], half[:, 18::-1])


def test_nothing_known_and_nothing_hidden():
    for fill in (filling.smooth, filling.mirrored):
        assert (fill(picture(), np.zeros((40, 60), bool)) == 0).all()
        np.testing.assert_array_equal(fill(picture(), np.ones((40, 60), bool)), picture())
