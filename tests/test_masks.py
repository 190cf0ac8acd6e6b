"""What is missing: masks by name, and masks of one's own."""

import argparse
import os

import numpy as np
import pytest
from PIL import Image

from inpainting import masks
from inpainting.masks import MASKS
from utils import UserError

OPTIONS = {"centerScale": 0.25, "fraction": 0.2, "maskSide": "top"}
CASES = {
    "random": lambda m: 0.1 < (m == 0).mean() < 0.3,
    "center": lambda m: (m[4:12, 4:12] == 0).all() and m.sum() == 256 - 64,
    "left": lambda m: (m[:, :8] == 0).all() and (m[:, 8:] == 1).all(),
    "half": lambda m: (m[:8] == 0).all() and (m[8:] == 1).all(),
    "pattern": lambda m: (m == 0).mean() == 0.25,
    "full": lambda m: (m == 1).all(),
    "grid": lambda m: (m[::4, ::4] == 1).all() and m.sum() == 16,
    "lowres": lambda m: (m == 0).all(),
}


def make(name, seed=0, shape=(16, 16), **options):
    return MASKS[name](shape, np.random.default_rng(seed), argparse.Namespace(**OPTIONS | options))


@pytest.mark.parametrize("name", MASKS)
def test_by_name(name):
    mask = make(name)
    assert mask.shape == (16, 16) and mask.dtype == np.float32
    assert set(np.unique(mask)) <= {0, 1}
    np.testing.assert_array_equal(make(name), mask)


@pytest.mark.parametrize("name", CASES)
def test_what_is_missing(name):
    mask = make(name)
    assert CASES[name](mask)
    differs = (make(name, seed=1) != mask).any()
    assert differs == (name in ("random", "pattern"))


def test_center_scale_is_where_the_hole_begins():
    for scale, edge in ((0.125, 12), (0.5, 0), (0.0, 16)):
        assert (make("center", centerScale=scale) == 0).sum() == edge**2


def test_every_side_of_half():
    mask = {side: make("half", maskSide=side) for side in masks.SIDES}
    np.testing.assert_array_equal(mask["left"], make("left"))
    np.testing.assert_array_equal(mask["right"], 1 - mask["left"])
    np.testing.assert_array_equal(mask["bottom"], 1 - mask["top"])
    np.testing.assert_array_equal(mask["top"], mask["left"].T)
    drawn = {make("half", seed, maskSide="random").tobytes() for seed in range(40)}
    assert drawn == {m.tobytes() for m in mask.values()}


def test_fraction():
    for fraction in (0.0, 0.8, 1.0):
        missing = (make("random", shape=(64, 64), fraction=fraction) == 0).mean()
        assert missing == pytest.approx(fraction, abs=0.03)


def test_a_pattern_is_of_blots():
    """Nearly all neighbours of a missing pixel are missing too, unlike those of random pixels."""
    mask = make("pattern", shape=(64, 64))
    missing = mask[:, :-1] == 0
    assert (mask[:, 1:][missing] == 0).mean() > 0.8


def save(path, array, mode=None):
    Image.fromarray(np.asarray(array, np.uint8), mode).save(path)
    return str(path)


def test_white_is_missing(tmp_path):
    grey = [[0, 127], [128, 255]]
    expected = [[True, True], [False, False]]
    rgb = np.repeat(np.array(grey)[..., np.newaxis], 3, axis=2)
    opaque = np.concatenate([rgb, np.full((2, 2, 1), 255)], axis=2)
    for name, array in (("grey.png", grey), ("rgb.png", rgb), ("opaque.png", opaque)):
        np.testing.assert_array_equal(
            masks.read_mask(save(tmp_path / name, array), (2, 2)), expected)


def test_opaque_is_missing_where_the_rest_is_transparent(tmp_path):
    """Whatever the colour: a black stroke on a transparent layer is a mask too."""
    array = np.zeros((2, 2, 4))
    array[0, 0] = 0, 0, 0, 255
    array[1, 1] = 255, 255, 255, 128
    array[0, 1] = 255, 255, 255, 127
    np.testing.assert_array_equal(masks.read_mask(save(tmp_path / "m.png", array), (2, 2)),
                                  [[False, True], [True, False]])


def test_a_mask_is_resized_without_shades(tmp_path):
    path = save(tmp_path / "m.png", [[255, 0], [0, 255]])
    expected = np.kron([[0, 1], [1, 0]], np.ones((3, 5))).astype(bool)
    np.testing.assert_array_equal(masks.read_mask(path, (6, 10)), expected)


def test_masks_of_a_folder_are_found_by_name(tmp_path, capfd):
    (tmp_path / "masks").mkdir()
    path = save(tmp_path / "masks" / "a.png", [[0]])
    assert masks.match_masks(str(tmp_path / "masks"), ["x/a.jpg", "x/b.jpg"]) == [path, None]
    assert not capfd.readouterr().err
    save(tmp_path / "masks" / "c.png", [[0]])
    assert masks.match_masks(str(tmp_path / "masks"), ["x/a.jpg"]) == [path]
    assert "1 without a picture of its name, such as" in capfd.readouterr().err
    os.remove(tmp_path / "masks" / "c.png")
    assert masks.match_masks(path, ["x/a.jpg", "x/b.jpg"]) == [path, path]
    with pytest.raises(UserError, match="--mask .* no mask in there has the name of a picture"):
        masks.match_masks(str(tmp_path / "masks"), ["x/b.jpg"])
    with pytest.raises(UserError, match="--mask nowhere: no such file"):
        masks.match_masks("nowhere", ["x/b.jpg"])


def test_color_and_alpha():
    image = Image.fromarray(np.uint8([[[250, 0, 10, 255], [255, 0, 0, 127], [240, 0, 0, 128]]]))
    np.testing.assert_array_equal(masks.color_mask(image, (255, 0, 0), 10), [[False, False, True]])
    np.testing.assert_array_equal(masks.color_mask(image, (255, 0, 0), 0), [[True, False, True]])
    np.testing.assert_array_equal(masks.alpha_mask(image), [[True, False, True]])


def test_around():
    known = np.ones((6, 8), bool)
    known[2, 3] = known[3, 6] = False
    assert masks.around(known) == (slice(1, 5), slice(2, 8))
    known[0, 0] = known[5, 7] = False
    assert known[masks.around(known)].shape == (6, 8)


def test_alike_masks_are_worked_out_once():
    a, b = np.zeros((2, 2)), np.eye(2)
    found = [(mask.tolist(), rows.tolist()) for mask, rows in masks.alike(np.stack([a, b, a]))]
    assert found == [(a.tolist(), [0, 2]), (b.tolist(), [1])]
