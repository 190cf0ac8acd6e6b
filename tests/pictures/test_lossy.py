"""A painted colour in lossy files: what compression carried out of its edge is not known either."""

import numpy as np
import pytest
from conftest import load_script
from PIL import Image
from scipy.ndimage import gaussian_filter

import utils
from dcgan.inpainting.photos import Framer
from dcgan.pictures import lossy

complete = load_script("complete.py")
BOX = np.s_[91:150, 107:181]  # on no block's edge
GREEN = (0, 255, 0)
FORMATS = {
    "444.jpg": {"quality": 75, "subsampling": 0}, "422.jpg": {"quality": 75, "subsampling": 1},
    "420.jpg": {"quality": 75, "subsampling": 2}, "poor.jpg": {"quality": 30},
    "progressive.jpg": {"quality": 75, "progressive": True},
    "lossy.webp": {"quality": 75}, "poor.webp": {"quality": 20}, "a.avif": {"quality": 60},
    "a.jp2": {"irreversible": True, "quality_layers": [40]},
    "a.tif": {"compression": "jpeg", "quality": 75}}


def photograph(size=(256, 320)):
    """Something with shades and texture, and none of it green."""
    noise = np.random.default_rng(0).normal(size=(*size, 3))
    picture = sum(gaussian_filter(noise, (s, s, 0)) * s for s in (1, 6, 24)) * 60 + 120
    picture[..., 1] = 0.6 * picture[..., 1]
    return np.uint8(np.clip(picture, 0, 180))


def framer(path, *flags):
    config = complete.parse_args([path, "--maskColor", "#00ff00", *flags])
    return Framer(config, [path], 16, 3)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("turn", [1, 6])
def test_nothing_green_is_known(tmp_path, name, turn):
    """A JPEG's known pixels are those that it has without the box; others, as little green."""
    exif = Image.Exif()
    exif[0x112] = turn
    settings = FORMATS[name] | ({"exif": exif} if name.endswith(("jpg", "webp")) else {})
    plain, painted = photograph(), photograph()
    painted[BOX] = GREEN
    read = []
    for picture in (plain, painted):
        Image.fromarray(picture).save(tmp_path / name, **settings)
        read.append(utils.read_image(str(tmp_path / name)).astype(int))
    known = framer(str(tmp_path / name)).photo(str(tmp_path / name)).known
    if name.endswith("jpg"):
        np.testing.assert_array_equal(read[1][known], read[0][known])
    before, after = (picture[..., 1] - picture[..., [0, 2]].max(axis=2) for picture in read)
    assert after[known].max() <= before.max() + 15 and after[~known].max() > 200
    hidden = np.zeros(plain.shape[:2], bool)
    hidden[BOX] = True
    assert (~known).sum() < 3 * hidden.sum()


def test_a_jpeg_is_completed_without_a_trace(tmp_path):
    """The example of the complaint: in the hole, there is nothing of the colour."""
    picture = photograph()
    picture[BOX] = GREEN
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=75)
    f = framer(str(tmp_path / "a.jpg"))
    (frame,) = f.frames()
    pixels, hole = f.completed([frame], np.zeros((1, 16, 16, 3), np.float32), "poisson")
    red, green, blue = pixels[hole].astype(int).T
    assert (green - np.maximum(red, blue)).max() < 40
    plain = utils.read_image(str(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(pixels[~hole], plain[~hole])


@pytest.mark.parametrize("name,settings,reach", [
    ("a.png", {}, 0), ("a.bmp", {}, 0), ("a.gif", {}, 0), ("a.tif", {}, 0), ("a.ppm", {}, 0),
    ("a.tif", {"compression": "tiff_lzw"}, 0), ("a.tif", {"compression": "jpeg"}, 16),
    ("a.webp", {"lossless": True}, 0), ("a.webp", {"lossless": True, "exif": b"II*\0"}, 0),
    ("a.webp", {}, 16), ("a.webp", {"exif": b"II*\0"}, 16),
    ("a.webp", {"lossless": True, "save_all": True}, 0), ("a.webp", {"save_all": True}, 16),
    ("a.jpg", {"subsampling": 0}, 8), ("a.jpg", {"subsampling": 1}, 16),
    ("a.jpg", {"subsampling": 2}, 16), ("grey.jpg", {}, 8), ("a.avif", {}, 16), ("a.jp2", {}, 16)])
def test_how_far_a_format_reaches(tmp_path, name, settings, reach):
    first, second = (Image.fromarray(photograph((32, 48 + i))).resize((48, 32)) for i in (0, 1))
    if name == "grey.jpg":
        first = first.convert("L")
    more = {"append_images": [second]} if "save_all" in settings else {}
    first.save(tmp_path / name, **settings, **more)
    assert lossy.reach(str(tmp_path / name)) == reach


def test_a_lossless_file_hides_what_has_the_colour_alone(tmp_path):
    picture = photograph()
    picture[BOX] = GREEN
    Image.fromarray(picture).save(tmp_path / "a.png")
    known = framer(str(tmp_path / "a.png")).photo(str(tmp_path / "a.png")).known
    assert not known[BOX].any() and (~known).sum() == 59 * 74
