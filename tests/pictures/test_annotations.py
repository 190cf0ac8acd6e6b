"""XMP, IPTC, comments and texts: what goes with a completed picture, and what is named instead."""

import struct

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

import utils
from dcgan.pictures import saving

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
SECRET = b"/9j/4AAQSkZJRgABAQ"  # as a JPEG begins in base64
XMP = ('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmp:Rating="4"%s>'
       "<dc:creator>José</dc:creator>%s</rdf:Description></x:xmpmeta>")
PLAIN = (XMP % ("", "")).encode()
IPTC = b"\x1c\x02\x05\0\4Tree\x1c\x02\x50\0\5Anna."


def resource(number, data):
    return b"8BIM" + struct.pack(">HHL", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def photoshop(*resources):
    return segment(0xED, b"Photoshop 3.0\0" + b"".join(resources))


def completed(source):
    """The paths of the completed picture, nothing of which was missing."""
    (source.parent / "out").mkdir(exist_ok=True)
    pixels = utils.read_image(source)
    return saving.save_photo(str(source.parent / "out"), "a", str(source), pixels,
                             np.zeros(pixels.shape[:2], bool))


def warned(capfd, path):
    """What is said to be left out, without the frame of the sentence."""
    return [line.removeprefix(f"warning: {path}: ").removesuffix(
        " cannot be written again; left out") for line in capfd.readouterr().err.splitlines()]


def test_a_jpeg_keeps_them(tmp_path, capfd):
    path = tmp_path / "a.jpg"
    Image.fromarray(PIXELS).save(path, xmp=PLAIN, comment="Größe".encode(), extra=photoshop(
        resource(0x0404, IPTC), resource(0x040C, SECRET)))
    jpg, png = completed(path)
    assert not warned(capfd, path)
    with Image.open(jpg) as image:
        assert image.info["xmp"] == PLAIN and image.info["comment"] == "Größe".encode()
        assert image.info["photoshop"] == {0x0404: IPTC}
    with Image.open(png) as image:
        assert image.text["XML:com.adobe.xmp"] == PLAIN.decode()
        assert image.text["Comment"] == "Größe"
    for each in (jpg, png):
        with open(each, "rb") as file:
            assert SECRET not in file.read()


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.tif", "a.avif"])
def test_so_does_every_format_with_XMP(tmp_path, capfd, name):
    path, settings = tmp_path / name, {"xmp": PLAIN}
    if name == "a.png":
        settings = {"pnginfo": PngInfo()}
        settings["pnginfo"].add_itxt("XML:com.adobe.xmp", PLAIN.decode())
    if name == "a.tif":
        tags = ImageFileDirectory_v2()
        tags.tagtype[Base.XMLPacket], tags[Base.XMLPacket] = 1, PLAIN
        tags.tagtype[Base.IPTCNAA], tags[Base.IPTCNAA] = 7, IPTC
        settings = {"tiffinfo": tags}
    Image.fromarray(PIXELS).save(path, **settings)
    (written,) = completed(path)
    assert not warned(capfd, path)
    with Image.open(written) as image:
        xmp = image.info["xmp"]
        assert (xmp if isinstance(xmp, bytes) else xmp.encode()) == PLAIN
        assert name != "a.tif" or image.tag_v2[Base.IPTCNAA] == IPTC


def test_texts_of_a_png(tmp_path, capfd):
    info = PngInfo()
    for key, text in (("Author", "José"), ("parameters", "ein Gesicht – ☺"), ("Title", "x" * 2000)):
        info.add_text(key, text, zip=len(text) > 99)
    info.add_itxt("Description", "ein Bild", "de", "Beschreibung")
    info.add_text("Raw profile type iptc", "\niptc\n 4\n41424344")
    info.add_text("Preview", SECRET.decode())
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path, pnginfo=info)
    (written,) = completed(path)
    assert warned(capfd, path) == ["its IPTC, its text Preview, with a picture in it,"]
    with Image.open(written) as image:
        assert dict(image.text) == {"Author": "José", "parameters": "ein Gesicht – ☺",
                                    "Title": "x" * 2000, "Description": "ein Bild"}
        assert image.text["Description"].lang == "de"


def test_a_gifs_comment(tmp_path, capfd):
    Image.fromarray(PIXELS).save(tmp_path / "a.gif", comment=b"made by hand")
    (written,) = completed(tmp_path / "a.gif")
    with Image.open(written) as image:
        assert image.text == {"Comment": "made by hand"}


def test_what_is_no_longer_so_goes_from_XMP(tmp_path, capfd):
    thumbnails = f"<xmp:Thumbnails><rdf:li>{SECRET.decode()}</rdf:li></xmp:Thumbnails>"
    path = tmp_path / "a.jpg"
    Image.fromarray(PIXELS).save(path, xmp=(XMP % (' tiff:Orientation="6"', thumbnails)).encode())
    pixels = utils.read_image(path)
    jpg, png = completed(path)
    assert not warned(capfd, path)
    for each in (jpg, png):
        with Image.open(each) as image:
            xmp = image.info["xmp"]
            assert (xmp if isinstance(xmp, bytes) else xmp.encode()) == PLAIN
    np.testing.assert_array_equal(utils.read_image(png), pixels)


def save_mpo(path):
    Image.fromarray(PIXELS).save(path, "MPO", save_all=True, append_images=[
        Image.fromarray(PIXELS[:9, :9])])


def save_jpeg(path, **settings):
    Image.fromarray(PIXELS).save(path, **settings)


@pytest.mark.parametrize("save,settings,words", [
    (save_jpeg, {"xmp": (XMP % ("", SECRET.decode())).encode()},
     "its XMP, with a picture in it,"),
    (save_jpeg, {"xmp": (XMP % (' hdrgm:Version="1.0"', "")).encode()}, "its HDR gain map"),
    (save_mpo, {}, "the further pictures in it"),
    (save_jpeg, {"extra": photoshop(resource(0x0404, IPTC + b"\x1c\x02\xca\0\2ab"))},
     "its IPTC data, with a picture in it,"),
    (save_jpeg, {"extra": photoshop(resource(0x07D0, b"a path"))}, "some of its Photoshop data"),
    (save_jpeg, {"extra": segment(0xEB, b"JP\0\0content credentials")}, "its APP11 data"),
    (save_jpeg, {"extra": segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + SECRET)},
     "the second part of its XMP"),
    (save_jpeg, {"extra": segment(0xFE, b"one"), "comment": b"another"},
     "all but the last of its comments")])
def test_the_rest_is_named(tmp_path, capfd, save, settings, words):
    path = tmp_path / "a.jpg"
    save(path, **settings)
    jpg, png = completed(path)
    assert warned(capfd, path) == [words]
    for each in (jpg, png):
        with open(each, "rb") as file:
            data = file.read()
            assert SECRET not in data and b"hdrgm" not in data and b"\x1c\x02\xca" not in data


def test_what_a_jpeg_has_no_room_for_is_in_its_png(tmp_path, capfd):
    info = {"xmp": PLAIN.replace(b"4", b"4" * 60000)}
    Image.fromarray(PIXELS).save(tmp_path / "a.webp", **info)
    (written,) = completed(tmp_path / "a.webp")
    with Image.open(written) as image:
        assert image.info["xmp"] == info["xmp"]
    assert not capfd.readouterr().err
