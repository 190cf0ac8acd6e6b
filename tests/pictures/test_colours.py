"""Colours as a screen shows them: profiles, and what is transparent; and as a file keeps them."""

import zlib

import cv2
import numpy as np
import pytest
from conftest import load_script
from PIL import Image, ImageCms
from profiles import (
    GAMMA,
    SRGB,
    cmyk_profile,
    encoded,
    grey_profile,
    numbers,
    p3_as_srgb,
    profile,
    rgb_profile,
    xyz,
)

import utils
from dcgan.inpainting.photos import Framer
from dcgan.pictures import colours, saving

MAGENTA = (255, 0, 255)
rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 256, (24, 40, 3), dtype=np.uint8)
HOLE = np.zeros((24, 40), bool)
HOLE[5:12, 8:30] = True


def cut_out():
    """Grey 90, half of it transparent over magenta, some of it half transparent: RGBA."""
    image = np.full((16, 16, 4), 90, np.uint8)
    image[..., 3] = 255
    image[:, :6] = (*MAGENTA, 0)
    image[:, 6:8] = (*MAGENTA, 51)
    return image


SEEN = np.full((16, 16, 3), 90)
SEEN[:, :6] = 255
SEEN[:, 6:8] = (255, 204, 255)  # a fifth of magenta over white


def save_cut_out(path, kind):
    image = Image.fromarray(cut_out())
    options = {"exact": True, "lossless": True} if path.suffix == ".webp" else {}
    if kind == "P":
        colours_of_it = [MAGENTA, MAGENTA, (90, 90, 90)]
        image = Image.fromarray(np.repeat([0, 1, 2], [6, 2, 8]).astype(np.uint8)[
            np.newaxis].repeat(16, axis=0), "P")
        image.putpalette(sum(map(list, colours_of_it), []))
        options["transparency"] = bytes([0, 51, 255])
    image.save(path, **options)
    return str(path)


@pytest.mark.parametrize("name,kind", [
    ("a.png", "RGBA"), ("a.webp", "RGBA"), ("a.tif", "RGBA"), ("a.png", "P")])
def test_what_is_transparent_lies_over_white(tmp_path, name, kind):
    path = save_cut_out(tmp_path / name, kind)
    assert np.abs(utils.read_image(path) - SEEN).max() <= 1
    assert (utils.read_image(path, c_dim=1)[:, :6] == 255).all()
    (frame,) = framer(path).frames()
    assert np.abs(frame.image - SEEN).max() <= 1


def test_so_does_a_colour_that_stands_for_nothing(tmp_path):
    Image.fromarray(np.uint8(np.full((4, 4), 7))).save(tmp_path / "a.png", transparency=7)
    assert (utils.read_image(tmp_path / "a.png") == 255).all()
    Image.fromarray(np.full((4, 4, 3), 7, np.uint8)).save(tmp_path / "b.png",
                                                          transparency=(7, 7, 7))
    assert (utils.read_image(tmp_path / "b.png") == 255).all()
    grey = Image.fromarray(np.full((4, 4), 90, np.uint8))
    grey.putalpha(0)
    grey.save(tmp_path / "c.png")
    assert (utils.read_image(tmp_path / "c.png", c_dim=1) == 255).all()


def test_so_does_what_has_more_than_8_bits(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), cut_out().astype(np.uint16) * 257)
    assert np.abs(utils.read_image(tmp_path / "a.png") - SEEN).max() <= 1


def framer(path, *flags):
    config = load_script("complete.py").parse_args([str(path), *map(str, flags)])
    return Framer(config, config.imgs, 16, 3, 0, [config.outDir])


def test_a_colour_that_nobody_sees_is_no_mask(tmp_path):
    path = save_cut_out(tmp_path / "a.png", "RGBA")
    (frame,) = framer(path, "--maskColor", "#ff00ff").frames_of(0)
    assert (frame.mask[:, 6:8] == 0).all(), "half transparent paint is paint"
    assert (frame.mask[:, :6] == 1).all() and (frame.mask[:, 8:] == 1).all()
    (frame,) = framer(path, "--maskColor", "#ffffff").frames_of(0)
    assert (frame.mask[:, :6] == 0).all() and (frame.mask[:, 6:] == 1).all()


def test_transparency_that_is_the_mask_leaves_the_colours(tmp_path):
    """A soft brush makes what is around the hole transparent in part."""
    image = cut_out()
    image[:, 8:, 3] = 200
    Image.fromarray(image).save(tmp_path / "a.png")
    (frame,) = framer(tmp_path / "a.png", "--maskFromAlpha").frames_of(0)
    assert (frame.mask[:, :8] == 0).all() and (frame.image[:, 8:] == 90).all()


def test_a_completed_cut_out_is_one_but_in_the_hole(tmp_path):
    path = save_cut_out(tmp_path / "a.png", "RGBA")
    hole = np.zeros((16, 16), bool)
    hole[4:9, 2:12] = True
    pixels = utils.read_image(path).copy()
    pixels[hole] = (1, 2, 3)
    (written,) = saving.save_photo(str(tmp_path), "b", path, pixels, hole)
    with Image.open(written) as image:
        result = np.asarray(image)
    np.testing.assert_array_equal(result[~hole], cut_out()[~hole])
    assert (result[hole] == (1, 2, 3, 255)).all()


# Profiles


def save_p3(path, kind="RGB"):
    """`PIXELS` in Display P3; returns what is stored, as bytes of RGB."""
    if kind == "16 bits":
        data = cv2.imencode(".png", PIXELS[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
        chunk = b"iCCP" + b"p3\0\0" + zlib.compress(rgb_profile())
        crc = zlib.crc32(chunk).to_bytes(4, "big")
        path.write_bytes(data[:33] + (len(chunk) - 4).to_bytes(4, "big") + chunk + crc + data[33:])
        return PIXELS
    image = Image.fromarray(PIXELS)
    if kind == "P":
        image = image.quantize(64)
    if kind == "RGBA":
        image.putalpha(255)
    image.save(path, icc_profile=rgb_profile())
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "P", "16 bits"])
def test_a_profile_is_what_the_network_sees(tmp_path, kind):
    stored = save_p3(tmp_path / "a.png", kind)
    seen = utils.read_image(tmp_path / "a.png")
    assert np.abs(seen - p3_as_srgb(stored)).max() <= 1.5
    assert np.abs(seen.astype(int) - stored).max() > 20


def test_a_profile_of_grey(tmp_path):
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    Image.fromarray(ramp).save(tmp_path / "a.png", icc_profile=grey_profile(GAMMA))
    expected = encoded((ramp / 255) ** GAMMA)
    assert np.abs(utils.read_image(tmp_path / "a.png") - expected[..., np.newaxis]).max() <= 1.5
    assert np.abs(utils.read_image(tmp_path / "a.png", c_dim=1)[..., 0] - expected).max() <= 1.5


def test_a_profile_of_inks(tmp_path):
    Image.new("CMYK", (4, 4), (255, 0, 0, 0)).save(
        tmp_path / "a.jpg", icc_profile=cmyk_profile(), quality=100)
    seen = utils.read_image(tmp_path / "a.jpg").astype(int)
    assert np.ptp(seen) <= 3 and 150 < seen.mean() < 220, "a light grey, and no cyan"
    (jpg, png) = saving.save_photo(str(tmp_path), "b", str(tmp_path / "a.jpg"), np.uint8(seen),
                                   np.zeros((4, 4), bool))
    with Image.open(png) as image:
        assert "icc_profile" not in image.info
        np.testing.assert_array_equal(np.asarray(image), seen)


@pytest.mark.parametrize("data", [
    ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b"nonsense",
    grey_profile(), rgb_profile()[:300], rgb_profile(SRGB)[:200] + b"\xff" * 400])
def test_a_profile_that_changes_nothing_or_is_none(tmp_path, data):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=data)
    np.testing.assert_array_equal(utils.read_image(tmp_path / "a.png"), PIXELS)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_a_photograph_keeps_its_profile(tmp_path, name):
    """Outside of the hole bit for bit; in the hole, what was filled in is seen."""
    path = tmp_path / name
    Image.fromarray(PIXELS).save(path, icc_profile=rgb_profile(), lossless=True)
    with Image.open(path) as image:
        stored = np.asarray(image.convert("RGB"))
    pixels = utils.read_image(path).copy()
    pixels[HOLE] = rng.integers(60, 200, (HOLE.sum(), 3))
    (tmp_path / "out").mkdir()
    written = saving.save_photo(str(tmp_path / "out"), "a", str(path), pixels, HOLE)[-1]
    with Image.open(written) as image:
        assert image.info["icc_profile"] == rgb_profile()
        np.testing.assert_array_equal(np.asarray(image.convert("RGB"))[~HOLE], stored[~HOLE])
    assert np.abs(utils.read_image(written).astype(int) - pixels).max() <= 3


def test_so_does_a_grey_one(tmp_path):
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "a.png", icc_profile=grey_profile(1.8))
    pixels = utils.read_image(tmp_path / "a.png").copy()
    pixels[HOLE] = 120
    (written,) = saving.save_photo(str(tmp_path), "b", str(tmp_path / "a.png"), pixels, HOLE)
    with Image.open(written) as image:
        assert image.mode == "L" and image.info["icc_profile"] == grey_profile(1.8)
        np.testing.assert_array_equal(np.asarray(image)[~HOLE], PIXELS[..., 0][~HOLE])
        assert abs(int(np.asarray(image)[HOLE][0]) - 255 * (
            (((120 / 255) + 0.055) / 1.055) ** 2.4) ** (1 / 1.8)) < 2
    assert np.abs(utils.read_image(written).astype(int) - pixels).max() <= 2


def test_a_profile_without_a_way_back_is_left_out(tmp_path, capfd):
    """What is written is then what was seen."""
    linear = bytes(range(256))
    grid = b"".join(bytes([round(255 * (0.2 * r + 0.7 * g + 0.1 * b)), 128, 128])
                    for r in (0, 1) for g in (0, 1) for b in (0, 1))
    lut = (b"mft1" + bytes(4) + bytes([3, 3, 2, 0]) + numbers(1, 0, 0, 0, 1, 0, 0, 0, 1)
           + 3 * linear + grid + 3 * linear)
    data = profile(b"scnr", b"RGB ", b"Lab ", {b"wtpt": xyz((0.9642, 1, 0.8249)), b"A2B0": lut})
    Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=data)
    seen = utils.read_image(tmp_path / "a.png")
    assert np.ptp(seen.astype(int), axis=2).max() <= 2, "it knows no colours"
    (written,) = saving.save_photo(str(tmp_path), "b", str(tmp_path / "a.png"), seen, HOLE)
    assert "a.png: its colour profile cannot be written again" in capfd.readouterr().err
    np.testing.assert_array_equal(utils.read_image(written), seen)


def test_the_numbers_are_those_of_the_profile():
    """An independent look at the profile that the tests above make."""
    image = Image.fromarray(PIXELS)
    image.info["icc_profile"] = rgb_profile()
    np.testing.assert_allclose(np.asarray(colours.as_seen(image)), p3_as_srgb(PIXELS), atol=1.5)
    assert 2.19 < GAMMA < 2.21 and image.info, "the picture is as it was"
