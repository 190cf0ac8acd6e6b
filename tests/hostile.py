"""Files that mean harm to whoever reads a folder of pictures, and what becomes of each."""

import io
import os
import struct
import zlib

import numpy as np
from hypothesis import strategies as st
from PIL import Image

rng = np.random.default_rng(0)
FACE = Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8))


def encoded(picture, kind, **settings):
    file = io.BytesIO()
    picture.save(file, kind, **settings)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth=8, colour=2, rows=b"", chunks=b""):
    """A PNG whose header says what it likes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def bomb(edge):
    """A square grey PNG of nothing but zeros, which deflate shortens a thousand times."""
    return png(edge, edge, colour=0, rows=bytes(edge * (edge + 1)))


JPEG, PNG = encoded(FACE, "JPEG"), encoded(FACE, "PNG")
GIF = encoded(FACE, "GIF", save_all=True, append_images=[FACE.rotate(90), FACE.rotate(180)])
ROTATED = Image.Exif()
ROTATED[0x112] = 6

# name, what it holds, and why it is skipped (None: it is used)
HOSTILE = [
    ("bomb-of-81-megapixels.png", lambda: bomb(9000), None),
    ("bomb-of-100-megapixels.png", lambda: bomb(10000), "has over 89,478,485 pixels"),
    ("bomb-in-the-header.png", lambda: png(2**31 - 1, 2**31 - 1), "has over 89,478,485 pixels"),
    ("bomb-in-a-text.png", lambda: png(4, 4, rows=bytes(52), chunks=chunk(
        b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27)))), "damaged image"),
    ("cut.jpg", lambda: JPEG[:len(JPEG) // 2], "damaged image"),
    ("cut.png", lambda: PNG[:len(PNG) // 2], "damaged image"),
    ("cut-in-the-header.png", lambda: PNG[:20], "damaged image"),
    ("wrong-checksum.png", lambda: PNG[:45] + b"\0\0\0\0" + PNG[49:], "damaged image"),
    ("no-bytes.png", lambda: b"", "not an image"),
    ("text.png", lambda: b"This is not a picture.\n", "not an image"),
    ("page.jpg", lambda: b"<!DOCTYPE html><html><body>404</body></html>", "not an image"),
    ("drawing.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ("zeros.png", lambda: bytes(2**20), "not an image"),
    ("animated.gif", lambda: GIF, None),
    ("animated.png", lambda: GIF, None),
    ("one-pixel.png", lambda: encoded(FACE.resize((1, 1)), "PNG"), None),
    ("wide.png", lambda: encoded(FACE.resize((20000, 1)), "PNG"), None),
    ("tall.png", lambda: encoded(FACE.resize((1, 20000)), "PNG"), None),
    ("no-width.png", lambda: png(0, 4), "not an image"),
    ("sixteen-bits.png", lambda: encoded(
        Image.fromarray(rng.integers(0, 65536, (9, 9), dtype=np.uint16)), "PNG"), None),
    ("one-bit.png", lambda: encoded(FACE.convert("1"), "PNG"), None),
    ("palette.png", lambda: encoded(FACE.convert("P"), "PNG"), None),
    ("alpha.png", lambda: encoded(FACE.convert("RGBA"), "PNG"), None),
    ("grey.jpg", lambda: encoded(FACE.convert("L"), "JPEG"), None),
    ("cmyk.jpg", lambda: encoded(FACE.convert("CMYK"), "JPEG"), None),
    ("cmyk.tif", lambda: encoded(FACE.convert("CMYK"), "TIFF"), None),
    ("turned.jpg", lambda: encoded(FACE, "JPEG", exif=ROTATED), None),
    ("broken-exif.jpg", lambda: encoded(FACE, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"), None),
    ("really-a.webp", lambda: JPEG, None),
    ("name with spaces.png", lambda: PNG, None),
    ("name with\na newline.png", lambda: PNG, None),
    ("name of no \udcff\udcfe text.png", lambda: PNG, None),
    ("loop.png", None, "Too many levels of symbolic links"),
    ("nowhere.png", None, "No such file or directory"),
    ("pipe.png", None, "not a file"),
    ("device.png", None, "not a file"),
    ("unreadable.png", lambda: PNG, "Permission denied"),
]


def write_hostile(folder):
    """Write them all, and around them a link in a circle, and a folder that cannot be read."""
    for name, content, _ in HOSTILE:
        if content is not None:
            with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "wb") as file:
                file.write(content())
    os.symlink("loop.png", folder / "loop.png")
    os.symlink("missing.png", folder / "nowhere.png")
    os.symlink("/dev/zero", folder / "device.png")
    os.mkfifo(folder / "pipe.png")
    os.chmod(folder / "unreadable.png", 0)
    os.symlink(folder, folder / "circle")
    (folder / "closed").mkdir()
    (folder / "closed" / "a.png").write_bytes(PNG)
    os.chmod(folder / "closed", 0)
    # Others may come this far, and no further: the tests read as nobody where they run as root.
    for parent in (folder, *folder.parents):
        if os.stat(parent).st_uid == os.getuid() and parent != parent.parent:
            os.chmod(parent, os.stat(parent).st_mode | 0o055)


def seeds():
    """Valid files of every format, mode and way of writing it."""
    grey, palette, alpha = FACE.convert("L"), FACE.convert("P"), FACE.convert("RGBA")
    large = FACE.resize((300, 400))
    for picture, kind, settings in (
            (FACE, "PNG", {}), (grey, "PNG", {}), (palette, "PNG", {}), (alpha, "PNG", {}),
            (grey.convert("I;16"), "PNG", {}), (FACE.convert("1"), "PNG", {}),
            (FACE, "PNG", {"save_all": True, "append_images": [FACE.rotate(90)]}),
            (FACE, "JPEG", {}), (grey, "JPEG", {}), (FACE.convert("CMYK"), "JPEG", {}),
            (large, "JPEG", {"progressive": True}), (FACE, "MPO", {"save_all": True,
                                                                    "append_images": [FACE]}),
            (palette, "GIF", {}), (FACE, "GIF", {"save_all": True, "append_images": [alpha]}),
            (FACE, "BMP", {}), (palette, "BMP", {}), (FACE, "WEBP", {}),
            (alpha, "WEBP", {"lossless": True}), (FACE, "TIFF", {}),
            (FACE, "TIFF", {"compression": "tiff_lzw"}), (FACE, "TIFF", {"compression": "jpeg"}),
            (FACE, "PPM", {}), (FACE, "JPEG2000", {}), (FACE, "AVIF", {})):
        yield encoded(picture, kind, **settings)


def damaged():
    """Valid files with one to four damages: a strategy of hypothesis's."""
    # Headers, where sizes stand, are hit as often as all the rest.
    places = st.one_of(st.integers(0, 64), st.integers(0, 4000))
    damages = st.tuples(
        st.sampled_from(("flip", "write", "fill", "delete", "repeat", "cut")), places,
        st.one_of(st.integers(1, 8), st.integers(1, 200)), st.binary(min_size=1, max_size=200))
    return st.builds(damage, st.sampled_from(list(seeds())),
                     st.lists(damages, min_size=1, max_size=4))


def damage(data, damages):
    """The bytes with each `(what, where, how long, content)` done to them."""
    data = bytearray(data)
    for what, place, length, content in damages:
        place = place % len(data) if data else 0
        part = slice(place, place + length)
        if what == "flip" and data:
            data[place] ^= 1 << length % 8
        elif what == "write":
            data[place:place + len(content)] = content
        elif what == "fill":
            data[part] = content[:1] * length
        elif what == "delete":
            del data[part]
        elif what == "repeat":
            data[place:place] = data[part] * 3
        elif what == "cut":
            del data[place:]
    return bytes(data)
