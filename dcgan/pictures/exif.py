"""EXIF data: how a picture is to be turned, and what of them goes with its completion.

They are passed on as they lie in the file, byte for byte, because to decode and encode them anew
loses what Pillow does not expect: names in UTF-8, values of another type than the tag's. What could
show the hole does not go with them: thumbnails, makers' notes, and all that no kept tag refers to.
"""

import struct

from PIL import Image
from PIL.ExifTags import IFD, Base

# How a picture that is stored with this Orientation is turned to be looked at, and turned back.
UPRIGHT = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
           4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
           6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
           8: Image.Transpose.ROTATE_90}
STORED = UPRIGHT | {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
PREFIX = b"Exif\0\0"
JPEG = b"\xff\xd8\xff"  # as one begins, in whatever tag a camera puts a preview
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
# Of each directory, what may hold a picture, and the directories that it refers to.
DIRECTORIES = {
    "picture": ({Base.StripOffsets, Base.StripByteCounts, Base.TileOffsets, Base.TileByteCounts,
                 Base.SubIFDs, Base.JpegIFOffset, Base.JpegIFByteCount, Base.XMLPacket, 0x501B,
                 Base.IPTCNAA, Base.ImageResources, Base.DNGPrivateData},
                {IFD.Exif: "exif", IFD.GPSInfo: "gps"}),
    "exif": ({Base.MakerNote}, {IFD.Interop: "interop"}),
    "gps": (set(), {}),
    "interop": (set(), {})}


def orientation(image):
    """How a Pillow image is stored, 1 to 8; 1 where the tag is missing or of no use."""
    return _orientation(image.getexif)


def orientation_of(data):
    """The same, from EXIF data in bytes."""
    tags = Image.Exif()
    return _orientation(lambda: tags.load(data) or tags)


def _orientation(read_tags):
    try:
        value = read_tags().get(Base.Orientation)
        return int(value) if value in UPRIGHT else 1
    except Exception:  # what damaged EXIF data raise is manifold, and the pixels are fine
        return 1


def block(image):
    """A Pillow image's EXIF data as they lie in its file, or None if there are none.

    Raises:
        ValueError: they are damaged.
    """
    data = image.info.get("exif")
    if data is None and (text := image.info.get("Raw profile type exif")):  # ImageMagick's, in PNG
        data = bytes.fromhex("".join(text.split("\n")[3:]))
    return data or None


def without_pictures(data):
    """EXIF data without what may show a picture: as long, and but for that the same bytes.

    Args:
        data: bytes, with or without the prefix.

    Returns:
        `(data, whole)`: bytes with the prefix; and whether nothing was left out for being damaged.

    Raises:
        ValueError: all of it is damaged.
    """
    while data.startswith(PREFIX):
        data = data[len(PREFIX):]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        raise ValueError("damaged EXIF data")
    kept = bytearray(len(data))
    kept[:8] = data[:8]
    start = struct.unpack_from(f"{order}L", data, 4)[0]
    try:
        whole = _copy_directory(data, kept, order, start, "picture")
    except struct.error as error:
        raise ValueError("damaged EXIF data") from error
    return PREFIX + bytes(kept), whole


def _copy_directory(data, kept, order, start, name):
    """Copy a directory of `data`, its values and its directories to the same places of `kept`.

    Returns:
        Whether nothing was left out for leading outside of the data.

    Raises:
        struct.error: the directory itself lies outside.
    """
    pictures, directories = DIRECTORIES[name]
    (count,) = struct.unpack_from(f"{order}H", data, start)
    entries, whole = [], True
    for entry in struct.unpack_from("12s" * count, data, start + 2):
        tag, kind, length, place = struct.unpack(f"{order}HHLL", entry)
        if tag in pictures:
            continue
        size = SIZES.get(kind, len(data)) * length
        try:
            if size > 4:
                (value,) = struct.unpack_from(f"{size}s", data, place)
                if JPEG in value:
                    continue
                kept[place:place + size] = value
            if tag in directories:
                whole &= _copy_directory(data, kept, order, place, directories[tag])
        except struct.error:
            whole = False
            continue
        entries.append(entry)
    # No directory follows: the next one is the thumbnail's.
    written = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    kept[start:start + len(written)] = written[:len(data) - start]
    return whole
