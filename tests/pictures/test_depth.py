"""Pictures of other depths than 8 bits, and files of several pictures."""

import cv2
import numpy as np
import pytest
from PIL import Image

import utils
from dcgan.inpainting import masks
from dcgan.pictures import depth

RAMP = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (8, 1))


def save(path, values):
    """`[H, W]` of float32, int32 or uint16 by Pillow; `[H, W, C]` uint16, RGB(A), by OpenCV."""
    if values.ndim == 2:
        Image.fromarray(values).save(path)
    else:
        cv2.imwrite(str(path), values[..., [2, 1, 0, 3][:values.shape[2]]])
    return str(path)


def grey(path):
    return utils.read_image(path, c_dim=1)[..., 0].astype(int)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_whole_numbers_of_every_depth_are_scaled(tmp_path, capfd, bits, name):
    values = np.rint(RAMP * (2**bits - 1))
    path = save(tmp_path / name, values.astype(np.uint16))
    assert np.abs(grey(path) - 255 * RAMP).max() < 1
    said = f"{path}: its values are taken to be from 0 to {2**bits - 1:,}\n"
    assert capfd.readouterr().err == (f"warning: {said}" if bits < 16 else "")
    grey(path)
    assert not capfd.readouterr().err, "it is said once"


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_so_are_those_of_colours(tmp_path, bits, name, channels):
    """Of which Pillow reads the high bytes alone."""
    values = np.stack([RAMP, 0.5 * RAMP, RAMP[:, ::-1], RAMP][:channels], axis=-1)
    path = save(tmp_path / name, np.rint(values * (2**bits - 1)).astype(np.uint16))
    image = utils.open_image(path)
    assert image.mode == ("RGB" if channels == 3 else "RGBA")
    assert np.abs(np.asarray(image) - 255 * values).max() <= 1


@pytest.mark.parametrize("white", [1, 255])
def test_floats_are_scaled(tmp_path, white):
    path = save(tmp_path / "a.tif", RAMP * np.float32(white))
    assert np.abs(grey(path) - 255 * RAMP).max() <= 0.5
    assert masks.read_mask(path, RAMP.shape).mean() == 0.5


@pytest.mark.parametrize("values,words", [
    (RAMP * np.float32(1000), "from 0.0 to 1,000.0; floats are read from 0 to 1 or"),
    (RAMP - np.float32(0.5), "from -0.5 to 0.5; floats"),
    (np.where(RAMP > 0.9, np.nan, RAMP), "from nan to nan; floats"),
    (np.where(RAMP > 0.9, np.inf, RAMP), "from 0.0 to inf; floats"),
    (np.int32(RAMP * 70000), "from 0 to 70,000; whole numbers are read from 0 to 65,535"),
    (np.int32(-100 * RAMP), "from -100 to 0; whole numbers")])
def test_other_ranges_are_refused_by_name(tmp_path, values, words):
    path = save(tmp_path / "a.tif", values)
    for read in (utils.read_image, lambda path: masks.read_mask(path, RAMP.shape)):
        with pytest.raises(OSError, match=f"^its values go {words}"):
            read(path)


def test_a_kind_that_pillow_does_not_read_is_named(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tif"), np.stack([RAMP] * 3, axis=-1))
    with pytest.raises(OSError, match="^a TIFF of a kind that cannot be read; save it with 8"):
        utils.read_image(str(tmp_path / "a.tif"))


def test_a_format_that_names_its_range_is_believed(tmp_path, capfd):
    values = np.rint(RAMP * 1000).astype(">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5 256 8 4095\n" + values.tobytes())
    assert np.abs(grey(str(tmp_path / "a.pgm")) - 255 * RAMP * 1000 / 4095).max() < 1.1
    assert not capfd.readouterr().err


def test_black_is_black(tmp_path, capfd):
    for values in (np.zeros((4, 4), np.uint16), np.zeros((4, 4), np.float32),
                   np.zeros((4, 4, 3), np.uint16)):
        assert not grey(save(tmp_path / "a.tif", values)).any()
    assert not capfd.readouterr().err


def test_a_picture_is_scaled_in_parts_alike(tmp_path, monkeypatch):
    path = save(tmp_path / "a.tif", RAMP.T.copy())
    whole = grey(path)
    monkeypatch.setattr(depth, "PART", 20)
    np.testing.assert_array_equal(grey(path), whole)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif", "a.avif"])
def test_of_several_pictures_the_first_is_used_and_that_is_said(tmp_path, capfd, name):
    first, *others = (Image.new("RGB", (16, 16), (value, value, value)) for value in (40, 130, 220))
    path = str(tmp_path / name)
    first.save(path, save_all=True, append_images=others)
    assert abs(grey(path) - 40).max() <= 2
    assert capfd.readouterr().err == f"warning: {path}: has several pictures; the first is used\n"
    first.save(path)
    grey(path)
    assert not capfd.readouterr().err
