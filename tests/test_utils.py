"""Pictures: reading and writing them, grids, animations."""

import os

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import utils
from dcgan import messages
from dcgan.files import record
from dcgan.pictures import depth, exif, reading


def picture(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


# Reading


def test_read_image_keeps_pixels_of_the_right_size(tmp_path):
    pixels = picture(16, 16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(utils.read_image(tmp_path / "a.png", 16), pixels)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("c_dim", [1, 3])
def test_read_image_takes_every_mode(tmp_path, mode, c_dim):
    grey = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    if mode == "I;16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    else:
        ramp = Image.fromarray(grey).convert("RGB")
        (ramp.quantize(64) if mode == "P" else ramp.convert(mode)).save(path)
    image = utils.read_image(path, c_dim=c_dim)
    assert image.shape == (32, 32, c_dim) and image.dtype == np.uint8
    if mode != "1":
        # A palette quantises and JPEG is lossy; the ramp must still be there.
        assert np.abs(image[:, :, 0].astype(int) - grey).mean() < 4


def test_read_image_believes_the_file_and_not_its_name(tmp_path):
    pixels = picture(16, 16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", tmp_path / "a.jpg")
    np.testing.assert_array_equal(utils.read_image(tmp_path / "a.jpg"), pixels)


def test_read_image_turns_it_upright(tmp_path):
    pixels = picture(16, 24)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees to see it upright
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(utils.read_image(tmp_path / "a.png"), np.rot90(pixels, -1))


def test_read_image_crops_the_centre_square_or_distorts(tmp_path):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, 8:24] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert utils.read_image(tmp_path / "a.png", 16).min() == 255
    squeezed = utils.read_image(tmp_path / "a.png", 16, crop=False)
    assert squeezed[:, 0].max() < 30 and squeezed[:, 8].min() > 225


def test_read_image_antialiases(tmp_path):
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    small = utils.read_image(tmp_path / "a.png", 16)
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 8


@pytest.mark.parametrize("damage", ["text", "empty", "truncated", "bomb"])
def test_read_image_raises_os_error_for_what_is_no_image(tmp_path, damage, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(picture(64, 64)).save(path)
    if damage == "bomb":
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    else:
        data = path.read_bytes()
        path.write_bytes({"text": b"hello", "empty": b"", "truncated": data[:200]}[damage])
    with pytest.raises(OSError):
        utils.read_image(path)


def test_without_pillows_limit_every_picture_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    pixels = picture(16, 24)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(utils.read_image(tmp_path / "a.png"), pixels)
    assert utils.open_image(tmp_path / "a.png").size == (24, 16)


@pytest.mark.parametrize("module,function", [
    (exif, "orientation"), (depth, "has_deep_channels"), (depth, "to_bytes"),
    (reading, "warn_once")])
def test_an_error_of_the_programs_own_is_no_damage_of_the_file(
        tmp_path, monkeypatch, module, function):
    def fail(*_):
        raise TypeError("mine")

    monkeypatch.setattr(module, function, fail)
    # Of 10 bits, which is noted.
    Image.fromarray(np.full((4, 4), 1000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(TypeError, match="mine"):
        utils.read_image(tmp_path / "a.png")


def test_a_lack_of_memory_is_no_damage_of_the_file(tmp_path, monkeypatch):
    def fail(_):
        raise MemoryError

    Image.fromarray(picture(4, 4)).save(tmp_path / "a.png")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    image, reason = messages.attempt(lambda: utils.read_image(tmp_path / "a.png"))
    assert image is None and reason == "too large for this machine's memory"


# Writing


def test_bytes_survive_the_networks_range():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(utils.to_uint8(utils.to_float(every)), every)
    np.testing.assert_array_equal(utils.to_uint8([-1.2, -1, 1, 1.2]), [0, 0, 255, 255])


@pytest.mark.parametrize("count,columns,shape", [(1, 8, (2, 3)), (5, 2, (6, 6)), (8, 8, (2, 24))])
@pytest.mark.parametrize("channels", [1, 3])
def test_grid_places_row_by_row(count, columns, shape, channels):
    images = np.stack([np.full((2, 3, channels), i + 1, np.uint8) for i in range(count)])
    grid = utils.grid(images, columns)
    assert grid.shape == (*shape, channels)
    for i in range(count):
        row, column = divmod(i, columns)
        assert (grid[2 * row:2 * row + 2, 3 * column:3 * column + 3] == i + 1).all()
    assert np.count_nonzero(grid) == images.size


@pytest.mark.parametrize("channels", [1, 3])
def test_save_image_round_trip(tmp_path, channels):
    pixels = picture(5, 7, channels)
    utils.save_image(str(tmp_path / "a.png"), pixels)
    np.testing.assert_array_equal(utils.read_image(tmp_path / "a.png", c_dim=channels), pixels)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == ("L" if channels == 1 else "RGB")


def test_save_gif_is_endless_with_every_frame(tmp_path):
    frames = [np.full((8, 8, 3), 60 * i, np.uint8) for i in range(4)]
    utils.save_gif(str(tmp_path / "a.gif"), frames)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 4 and gif.info["loop"] == 0 and gif.info["duration"] == 100
        gif.seek(3)
        assert gif.convert("RGB").getpixel((4, 4)) == (180, 180, 180)


def test_a_video_has_every_frame(tmp_path):
    import cv2

    # Of odd edges, which the encoder does not take.
    frames = [np.full((33, 41, 3), (250, 100 * i, 0), np.uint8) for i in range(3)]
    utils.save_video(str(tmp_path / "x.mp4"), frames)
    video = cv2.VideoCapture(str(tmp_path / "x.mp4"))
    assert video.get(cv2.CAP_PROP_FPS) == 10
    read = [video.read()[1] for _ in range(4)]
    assert read[3] is None
    for i in range(3):
        assert read[i].shape == (34, 42, 3)
        assert np.abs(read[i].astype(int) - (0, 100 * i, 250)).max() < 12
    assert not [name for name in os.listdir(tmp_path)
                if name.startswith(".") and name != record.NAME]
