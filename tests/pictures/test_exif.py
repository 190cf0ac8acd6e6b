"""EXIF data: what is read of them, and what goes with a completed picture, byte for byte."""

import io
import os
import struct

import numpy as np
import pytest
from exif_blocks import (
    ARTIST,
    ASCII,
    BYTE,
    LONG,
    PIXELS,
    RATIONAL,
    SHORT,
    UNDEFINED,
    directory,
    exif_block,
    odd_block,
    short,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

import utils
from dcgan.pictures import exif, metadata, saving
from dcgan.pictures.metadata import passed_on


def save_again(folder, source, hole=None):
    """`photos.save_photo` of what is read, its hole black: `(paths, pixels)`."""
    pixels = utils.read_image(source).copy()
    hole = np.zeros(pixels.shape[:2], bool) if hole is None else hole
    pixels[hole] = 0
    (folder / "out").mkdir(exist_ok=True)
    return saving.save_photo(str(folder / "out"), "a", source, pixels, hole), pixels


def stored_block(path):
    with Image.open(path) as image:
        return exif.PREFIX + image.info["exif"].removeprefix(exif.PREFIX)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_values_of_unexpected_types_are_read_around_and_passed_on(tmp_path, capfd, name, order):
    source = str(tmp_path / name)
    Image.fromarray(PIXELS).save(source, exif=odd_block(order))
    paths, pixels = save_again(tmp_path, source)
    assert pixels.shape == (40, 24, 3), "the picture is turned"
    for path in paths:
        assert stored_block(path) == odd_block(order)
        with Image.open(path) as image:
            assert image.size == (40, 24), "and stored as it was"
    np.testing.assert_array_equal(utils.read_image(paths[-1]), pixels)
    assert not capfd.readouterr().err


class Latin(str):
    """What Pillow writes in UTF-8, as a text."""

    def encode(self, *_):
        return super().encode()


def test_a_tiff_keeps_them_too(tmp_path, capfd):
    tags = ImageFileDirectory_v2()
    for tag, kind, value in ((Base.Make, SHORT, 7), (Base.Orientation, SHORT, 6),
                             (Base.Artist, ASCII, ARTIST[:-1])):
        tags.tagtype[tag] = kind
        tags[tag] = value
    tags[IFD.Exif] = {Base.ExposureTime: 0.5, Base.LensModel: Latin("Größe"),
                      Base.MakerNote: b"preview" * 9}
    source = str(tmp_path / "a.tif")
    Image.fromarray(PIXELS).save(source, tiffinfo=tags)
    (path,), pixels = save_again(tmp_path, source)
    with Image.open(path) as image:
        assert image.tag_v2[Base.Make] == 7
        assert image.tag_v2[Base.Artist].encode("latin-1") == ARTIST[:-1]
        details = image.getexif().get_ifd(IFD.Exif)
        assert details[Base.LensModel].encode("latin-1") == "Größe".encode()
        assert details[Base.ExposureTime] == 0.5 and Base.MakerNote not in details
    np.testing.assert_array_equal(utils.read_image(path), pixels)
    assert not capfd.readouterr().err


def test_a_tiff_loses_only_what_cannot_be_written(tmp_path, capfd, monkeypatch):
    tags = ImageFileDirectory_v2()
    tags[Base.Orientation], tags[Base.Model] = 6, "a camera"
    source = str(tmp_path / "a.tif")
    Image.fromarray(PIXELS).save(source, tiffinfo=tags)
    values = metadata._tiff_values
    monkeypatch.setattr(metadata, "_tiff_values", lambda image: [
        *values(image), (Base.Copyright, ASCII, object())])
    (path,), pixels = save_again(tmp_path, source)
    assert "a.tif: some of its EXIF data cannot be written again" in capfd.readouterr().err
    with Image.open(path) as image:
        assert image.tag_v2[Base.Model] == "a camera"
    np.testing.assert_array_equal(utils.read_image(path), pixels)


def test_what_shows_the_hole_is_left_out_and_nothing_else_moves():
    """The thumbnail and what lies around it, makers' notes, and previews in other directories."""
    secret = b"what the hole hides"
    preview = b"\xff\xd8\xff\xe0" + secret
    inner = directory(">", 300, [
        (Base.ExposureTime, RATIONAL, 1, struct.pack(">LL", 1, 50)),
        (Base.MakerNote, UNDEFINED, len(secret), secret), short(">", Base.ISOSpeedRatings, 100)])
    data = exif_block(
        ">", (Base.Make, ASCII, 6, b"Nikon\0"), (Base.SubIFDs, LONG, 1, struct.pack(">L", 500)),
        (Base.XMLPacket, BYTE, len(secret), secret),
        (0xC7A1, UNDEFINED, len(preview), preview), (IFD.Exif, LONG, 1, struct.pack(">L", 300)),
        following=500)
    data = data.ljust(306, b"\1") + inner
    data = data.ljust(506, b"\2") + directory(">", 500, [
        (Base.JpegIFOffset, LONG, 1, struct.pack(">L", 600)),
        (Base.JpegIFByteCount, LONG, 1, struct.pack(">L", len(secret)))])
    data = data.ljust(606, b"\3") + secret
    kept, whole = exif.without_pictures(data)
    assert whole and len(kept) == len(data)
    assert secret not in kept and not set(kept[6:]) & {2} - set(data[:306])
    tags = Image.Exif()
    tags.load(kept)
    assert dict(tags) == {Base.Make: "Nikon", IFD.Exif: 300}
    assert tags.get_ifd(IFD.Exif) == {Base.ExposureTime: 0.02, Base.ISOSpeedRatings: 100}
    assert not tags.get_ifd(IFD.IFD1)
    assert exif.without_pictures(kept) == (kept, True)


@pytest.mark.parametrize("data,turned", [
    (b"Exif\0\0nonsense", False), (exif.PREFIX + b"MM\0*\xff\xff\xff\xff", False),
    (exif_block("<", short("<", Base.Orientation, 6),
                (Base.Make, ASCII, 50000, struct.pack("<L", 9) + b"\0")), True)])
def test_damaged_data_are_left_out_with_a_warning(tmp_path, capfd, data, turned):
    """Whole, or the entry that leads outside; the picture is fine, and stays the right way up."""
    source = str(tmp_path / "a.jpg")
    Image.fromarray(PIXELS).save(source, exif=data)
    hole = np.zeros((40, 24) if turned else (24, 40), bool)
    hole[:5] = True
    paths, pixels = save_again(tmp_path, source, hole)
    warning = f"warning: {source}: some of its EXIF data cannot be written again; left out"
    assert capfd.readouterr().err.splitlines() == [warning]
    np.testing.assert_array_equal(utils.read_image(paths[-1]), pixels)
    with Image.open(paths[0]) as image:
        assert Base.Make not in image.getexif()


def test_data_too_long_for_their_format(tmp_path, capfd):
    """A JPEG may have them in two segments, of which Pillow writes one: it is stored upright."""
    data = odd_block("<").ljust(70000, b"\0")
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", quality=100)
    segments = b"".join(
        b"\xff\xe1" + struct.pack(">H", len(part) + 8) + exif.PREFIX + part
        for part in (data[6:60000], data[60000:]))
    source = tmp_path / "a.jpg"
    source.write_bytes(file.getvalue()[:2] + segments + file.getvalue()[2:])
    paths, pixels = save_again(tmp_path, str(source))
    assert "some of its EXIF data cannot be written again" in capfd.readouterr().err
    assert pixels.shape == (40, 24, 3)
    np.testing.assert_array_equal(utils.read_image(paths[-1]), pixels)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none(tmp_path, value):
    source = str(tmp_path / "a.jpg")
    Image.fromarray(PIXELS).save(source, exif=odd_block("<", value))
    (path, _), pixels = save_again(tmp_path, source)
    assert pixels.shape == (24, 40, 3) and stored_block(path) == odd_block("<", value)


def test_a_resolution_that_cannot_be_written():
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG", dpi=(72, 72))
    with Image.open(file) as image:
        assert passed_on(image, ("PNG",)) == ({"PNG": {"dpi": image.info["dpi"]}}, 1, [])
        image.info["dpi"] = (float("inf"), 1)
        assert passed_on(image, ("PNG",)) == ({"PNG": {}}, 1, ["its resolution"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(6, 130), st.integers(0, 255)), max_size=6),
       st.sampled_from(["jpg", "png", "webp"]))
def test_no_damage_to_them_costs_the_picture(tmp_path_factory, damages, suffix):
    folder = tmp_path_factory.mktemp("damaged")
    data = bytearray(odd_block("<"))
    for place, value in damages:
        data[place % len(data)] = value
    source = os.path.join(folder, f"a.{suffix}")
    Image.fromarray(PIXELS).save(source, exif=bytes(data))
    paths, pixels = save_again(folder, source)
    np.testing.assert_array_equal(utils.read_image(paths[-1]), pixels)
