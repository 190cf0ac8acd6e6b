"""A completed JPEG beside its PNG: the tables of the original, and what is written first."""

import os
import struct

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

import utils
from dcgan.pictures import saving

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
NONE = np.zeros((24, 40), bool)


def renumbered(data, numbers):
    """A JPEG whose quantisation tables have other numbers."""
    data, place = bytearray(data), 2
    while data[place + 1] != 0xDA:
        marker, (length,) = data[place + 1], struct.unpack(">H", data[place + 2:place + 4])
        if marker == 0xDB:
            for table in range(place + 4, place + 2 + length, 65):
                data[table] = numbers[data[table]]
        if marker == 0xC0:
            for channel in range(place + 10, place + 2 + length, 3):
                data[channel + 2] = numbers[data[channel + 2]]
        place += 2 + length
    return bytes(data)


def tables(path):
    """The quantisation table of each channel."""
    with Image.open(path) as image:
        return [list(image.quantization[layer[3]]) for layer in image.layer], image.layer


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("numbers", [(0, 1), (1, 2), (0, 2), (2, 0), (3, 1)])
def test_tables_of_any_number_are_kept(tmp_path, capfd, mode, numbers):
    source = tmp_path / "a.jpg"
    Image.fromarray(PIXELS).convert(mode).save(source, quality=63, subsampling=1)
    source.write_bytes(renumbered(source.read_bytes(), dict(enumerate(numbers))))
    before, sampling = tables(source)
    assert len({str(table) for table in before}) == (2 if mode == "RGB" else 1)
    (tmp_path / "out").mkdir()
    paths = saving.save_photo(str(tmp_path / "out"), "a", str(source), utils.read_image(source),
                              NONE)
    after, now = tables(paths[0])
    assert after == before
    assert mode == "L" or [each[1:3] for each in now] == [each[1:3] for each in sampling]
    np.testing.assert_array_equal(utils.read_image(paths[1]), utils.read_image(source))
    assert not capfd.readouterr().err


def test_a_nicety_that_cannot_be_had_costs_no_result(tmp_path, monkeypatch):
    source = tmp_path / "a.jpg"
    Image.fromarray(PIXELS).save(source)
    monkeypatch.setattr(JpegImagePlugin, "get_sampling", lambda image: "odd")
    paths = saving.save_photo(str(tmp_path), "b", str(source), utils.read_image(source), NONE)
    assert [os.path.basename(path) for path in paths] == ["b.jpg", "b.png"]
    assert tables(paths[0])[0] == tables(source)[0] and os.path.exists(paths[1])


def test_what_loses_nothing_is_written_first(tmp_path, monkeypatch):
    source = tmp_path / "a.jpg"
    Image.fromarray(PIXELS).save(source)
    pixels, save = utils.read_image(source), Image.Image.save

    def fail(image, path, format=None, **settings):
        if format == "JPEG" and image.size != (1, 1):
            raise ValueError("no JPEG")
        save(image, path, format, **settings)

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(ValueError, match="no JPEG"):
        saving.save_photo(str(tmp_path), "b", str(source), pixels, NONE)
    np.testing.assert_array_equal(utils.read_image(tmp_path / "b.png"), pixels)
