"""Blocks of EXIF data, byte by byte, and a picture to put them into."""

import struct

import numpy as np
from PIL.ExifTags import Base

from dcgan.pictures import exif

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
ARTIST = "José Ñandú\0".encode()


def directory(order, start, entries, following=0):
    """A directory of `(tag, type, count, bytes)` that begins at `start`."""
    place = start + 2 + 12 * len(entries) + 4
    table, values = struct.pack(f"{order}H", len(entries)), b""
    for tag, kind, count, value in entries:
        table += struct.pack(f"{order}HHL", tag, kind, count)
        if len(value) > 4:
            table += struct.pack(f"{order}L", place + len(values))
            values += value + b"\0" * (len(value) % 2)
        else:
            table += value.ljust(4, b"\0")
    return table + struct.pack(f"{order}L", following) + values


def exif_block(order, *entries, following=0, tail=b""):
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}L", 8)
    return exif.PREFIX + head + directory(order, 8, entries, following) + tail


def short(order, tag, value):
    return tag, SHORT, 1, struct.pack(f"{order}H", value)


def odd_block(order, turn=6):
    """Make is a number, Software a fraction, Artist in UTF-8; and the picture is turned."""
    return exif_block(
        order, short(order, Base.Make, 7), short(order, Base.Orientation, turn),
        (Base.Software, RATIONAL, 1, struct.pack(f"{order}LL", 3, 2)),
        (Base.Artist, ASCII, len(ARTIST), ARTIST))
