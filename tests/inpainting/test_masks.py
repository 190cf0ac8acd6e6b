"""What is missing: masks by name, and masks of one's own."""

import argparse
import os

import numpy as np
import pytest
from PIL import Image

from dcgan.inpainting import masks
from dcgan.inpainting.masks import MASKS
from dcgan.messages import UserError, kept_warnings

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


@pytest.mark.parametrize("clear", [(0, 0, 0, 0), (255, 255, 255, 0), (255, 0, 0, 90)])
def test_a_black_and_white_mask_with_transparent_corners_is_what_is_white(tmp_path, clear):
    array = np.full((20, 20, 4), (0, 0, 0, 255))
    array[5:9, 3:12] = array[15, :6] = 255, 255, 255, 255
    array[14, :6] = 120, 120, 120, 255  # an edge that was smoothed
    array[:2, :2] = array[18:, 15:] = clear
    expected = np.ones((20, 20), bool)
    expected[5:9, 3:12] = expected[15, :6] = False
    path = save(tmp_path / "m.png", array)
    np.testing.assert_array_equal(masks.read_mask(path, (20, 20)), expected)
    path = save(tmp_path / "grey.png", array[..., 2:], "LA")
    np.testing.assert_array_equal(masks.read_mask(path, (20, 20)), expected)


@pytest.mark.parametrize("strokes", [
    [(0, 0, 0)], [(255, 255, 255)], [(255, 0, 0)], [(255, 255, 0), (60, 0, 0)],
    [(0, 0, 0), (255, 255, 255), (200, 30, 30), (30, 200, 30)]])
def test_strokes_of_any_colours_on_a_transparent_layer_are_missing(tmp_path, strokes):
    array = np.zeros((20, 20, 4))
    for k, colour in enumerate(strokes):
        array[4 * k:4 * k + 3, 2:15] = *colour, 255
    np.testing.assert_array_equal(masks.read_mask(save(tmp_path / "m.png", array), (20, 20)),
                                  array[..., 3] == 0)


@pytest.mark.parametrize("painted,background,words", [
    ((1, 1, 1), (0, 0, 0), "its largest brightness is 1"),
    ((139, 0, 0), (0, 0, 0), "its largest brightness is 42"),
    ((255, 255, 255, 120), (0, 0, 0, 0), "its largest opacity is 120")])
def test_a_mask_too_faint_to_hide_anything(tmp_path, painted, background, words):
    """It is said what its values are, and what they have to be."""
    array = np.full((20, 20, len(painted)), background)
    array[5:9, 5:9] = painted
    path = save(tmp_path / "m.png", array)
    with pytest.raises(ValueError, match=f"its mask {path} hides nothing: {words}, and only "
                                         "pixels over 127"):
        masks.read_mask(path, (20, 20))


def test_a_photograph_that_is_given_as_a_mask_is_named(tmp_path):
    rng, warned = np.random.default_rng(0), []
    half = np.where(np.arange(20) < 10, 0, 255).astype(np.uint8)
    edges = np.tile(half, (20, 1))
    edges[:, 9:11] = 90, 180  # as a JPEG or a soft brush leaves them
    for array in (edges, rng.integers(0, 256, (20, 20, 3), np.uint8)):
        with kept_warnings() as kept:
            masks.read_mask(save(tmp_path / "m.png", array), (20, 20))
        warned.append(["not black and white" in text for _, text in kept])
    assert warned == [[], [True]]


def test_a_mask_of_16_bits_is_one_of_8(tmp_path):
    for white in (255, 4095, 65535):
        values = np.zeros((4, 4), np.uint16)
        values[1:3, 1:3] = white
        Image.fromarray(values).save(tmp_path / "m.png")
        np.testing.assert_array_equal(masks.read_mask(str(tmp_path / "m.png"), (4, 4)), values == 0)
    Image.fromarray(np.uint16(values > 0)).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match="its largest brightness is 1, "):
        masks.read_mask(str(tmp_path / "m.png"), (4, 4))


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
    assert "1 without a picture of the same name, such as" in capfd.readouterr().err
    os.remove(tmp_path / "masks" / "c.png")
    assert masks.match_masks(path, ["x/a.jpg", "x/b.jpg"]) == [path, path]
    with pytest.raises(UserError, match="--mask .* no mask matches a picture by name"):
        masks.match_masks(str(tmp_path / "masks"), ["x/b.jpg"])
    with pytest.raises(UserError, match="--mask nowhere: no such file"):
        masks.match_masks("nowhere", ["x/b.jpg"])


def test_color_and_alpha():
    image = Image.fromarray(np.uint8([[[250, 0, 10, 255], [255, 0, 0, 127], [240, 0, 0, 128]]]))
    np.testing.assert_array_equal(masks.color_mask(image, (255, 0, 0), 10), [[False, False, True]])
    np.testing.assert_array_equal(masks.color_mask(image, (255, 0, 0), 0), [[True, False, True]])
    np.testing.assert_array_equal(masks.alpha_mask(image), [[True, False, True]])


def test_a_colour_or_transparency_that_is_not_there():
    image = Image.new("RGBA", (4, 4), (250, 0, 10, 200))
    with pytest.raises(ValueError, match="the colour closest to #ff0020 differs by 22, and "
                                         "--maskTolerance is 8"):
        masks.color_mask(image, (255, 0, 32), 8)
    with pytest.raises(ValueError, match="its smallest opacity is 200, and only pixels up to "
                                         "127"):
        masks.alpha_mask(image)
    assert masks.alpha_mask(Image.new("RGB", (4, 4))).all()


def test_a_colour_reaches_around_itself():
    image = Image.new("RGB", (9, 9))
    image.putpixel((4, 3), (255, 0, 0))
    expected = np.ones((9, 9), bool)
    expected[1:6, 2:7] = False
    np.testing.assert_array_equal(masks.color_mask(image, (255, 0, 0), 0, reach=2), expected)


def test_equal_masks_are_worked_out_once():
    a, b = np.zeros((2, 2)), np.eye(2)
    groups = masks.group_by_mask(np.stack([a, b, a]))
    found = [(mask.tolist(), rows.tolist()) for mask, rows in groups]
    assert found == [(a.tolist(), [0, 2]), (b.tolist(), [1])]
