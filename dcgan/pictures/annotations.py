"""What was written of a picture besides EXIF data: XMP, IPTC, comments and PNG's texts.

What could show the hole does not go with a completed picture: thumbnails, previews, gain maps.
"""

import re
import struct

from PIL.PngImagePlugin import PngInfo

from dcgan.pictures import exif

IPTC = 0x0404  # of Photoshop's resources, the number
# Of the others: resolution, thumbnails, colour profile, EXIF data, XMP and IPTC's digest, which
# are passed on in other ways, or may not be.
RESOURCES = {IPTC, 0x03ED, 0x0409, 0x040C, 0x040F, 0x0422, 0x0424, 0x0425}
SEGMENTS = ("APP0", "APP1", "APP2", "APP12", "APP13", "APP14", "COM")  # of a JPEG, those known here
EXTENDED = b"http://ns.adobe.com/xmp/extension/"
PROFILE = "Raw profile type "  # ImageMagick's, among a PNG's texts
XMP_OF_PNG = "XML:com.adobe.xmp"
# Of XMP, what is no longer so: thumbnails, other pictures in the file, how this one is turned (EXIF
# data say so), and that there is a gain map.
UNTRUE = re.compile(
    rb"<(xmp:Thumbnails|Container:Directory|tiff:Orientation)\b.*?</\1>"
    rb"|\s(?:tiff:Orientation|hdrgm:\w+|GCamera:\w+)=(?:\"[^\"]*\"|'[^']*')", re.DOTALL)
PICTURE = re.compile(rb"/9j/[24]|iVBORw0KGgo|G(?:Image|Depth):Data")  # in base64, a JPEG or PNG
PREVIEWS = (b"\x1c\x02\xca", b"\x1c\x08\x0a", exif.JPEG)  # in IPTC's data
# What Pillow's `save` takes, by format; a PNG has texts.
WRITTEN = {"JPEG": ("xmp", "extra", "comment"), "WEBP": ("xmp",), "PNG": ("pnginfo",)}


def passed_on(image, kinds, is_writable):
    """The settings of Pillow's `save` that pass on what was written of a picture.

    Args:
        image: a Pillow image of which the header is read; no TIFF.
        kinds: the formats that it will be written in.
        is_writable: `metadata.is_writable`.

    Returns:
        `(settings, left_out)`: a dict of each kind; and in words what is in none of them.
    """
    settings, left_out = {kind: {} for kind in kinds}, _others(image)
    texts, unread = _texts(image)
    left_out += unread
    for what, name, value in (("XMP", "xmp", xmp_of(image)), ("IPTC data", "extra", _iptc(image)),
                              ("comment", "comment", _comment(image))):
        if not value:
            continue
        if PICTURE.search(value) or (name == "extra" and has_preview(value)):
            left_out.append(f"its {what}, with a picture in it,")
            continue
        written = [kind for kind in kinds if name in WRITTEN.get(kind, ())
                   and is_writable((kind,), **{name: value})]
        for kind in written:
            settings[kind][name] = value
        if "PNG" in kinds and name != "extra":
            texts[XMP_OF_PNG if name == "xmp" else "Comment"] = _text(value)
        elif not written:
            left_out.append(f"its {what}")
    if texts and "PNG" in kinds:
        settings["PNG"]["pnginfo"] = info = PngInfo()
        for key, text in texts.items():
            (info.add_itxt if key == XMP_OF_PNG else info.add_text)(key, text)
    return settings, left_out


def xmp_of(image):
    """A picture's XMP without what is `UNTRUE` of its completion, bytes; or None."""
    data = image.info.get("xmp")
    data = data.encode() if isinstance(data, str) else data
    return data and UNTRUE.sub(b"", data)


def has_preview(data):
    """Whether IPTC's data may show the picture."""
    return any(mark in data for mark in PREVIEWS)


def _iptc(image):
    """A JPEG's IPTC data as the segment that Photoshop puts them into, or None."""
    data = image.info.get("photoshop", {}).get(IPTC)
    if not data:
        return None
    data = (b"Photoshop 3.0\0" + b"8BIM" + struct.pack(">HHL", IPTC, 0, len(data)) + data
            + b"\0" * (len(data) % 2))
    return b"\xff\xed" + struct.pack(">H", len(data) + 2) + data


def _comment(image):
    comment = image.info.get("comment") if image.format != "PNG" else None
    return comment.encode() if isinstance(comment, str) else comment


def _text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _texts(image):
    """A PNG's texts that go with its completion, and in words those that do not."""
    try:
        texts = dict(image.text) if image.format == "PNG" else {}
    except Exception:  # for those behind its pixels, Pillow decodes all of an animation
        return {}, ["its texts"]
    profiles = {key for key in texts if key.startswith(PROFILE)}
    pictures = {key for key, text in texts.items() if PICTURE.search(text.encode(errors="replace"))}
    kept = {key: text for key, text in texts.items()
            if key not in profiles | pictures | {XMP_OF_PNG}}
    return kept, [f"its {key.removeprefix(PROFILE).upper()}"  # EXIF data are `exif.block`'s
                  for key in sorted(profiles - {f"{PROFILE}exif"})] + [
                      f"its text {key}, with a picture in it,"
                      for key in sorted(pictures - profiles - {XMP_OF_PNG})]


def _others(image):
    """What else a file has that is not passed on, in words."""
    found, info, xmp = [], image.info, image.info.get("xmp") or b""
    if "mp" in info or b"hdrgm:" in (xmp if isinstance(xmp, bytes) else xmp.encode()):
        with open(image.filename, "rb") as file:
            data = file.read()
        is_gain_map = b"hdrgm:" in data or b"hdrgainmap" in data
        found.append("its HDR gain map" if is_gain_map else "the further pictures in it")
        if b"GCamera:MotionPhoto" in data or b"GCamera:MicroVideo" in data:
            found.append("its video")
    segments = getattr(image, "applist", [])
    if any(content.startswith(EXTENDED) for _, content in segments):
        found.append("the second part of its XMP")
    if sum(name == "COM" for name, _ in segments) > 1:
        found.append("all but the last of its comments")
    found += [f"its {name} data" for name in sorted({name for name, _ in segments} - {*SEGMENTS})]
    if info.get("photoshop", {}).keys() - RESOURCES:
        found.append("some of its Photoshop data")
    if image.format == "PNG" and {"gamma", "chromaticity"} & info.keys() and not (
            {"srgb", "icc_profile"} & info.keys()):
        found.append("its gamma")
    return found
