"""What goes with a photograph when its pixels change: EXIF data, resolution, colour profile, and
what `annotations` finds."""

import io
import struct

from PIL import Image, TiffTags
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from dcgan.pictures import annotations, colours, exif

# Of a TIFF's own tags, what is not about the form of its pixels.
TIFF_TAGS = (Base.Orientation, Base.ImageDescription, Base.Make, Base.Model, Base.Software,
             Base.DateTime, Base.Artist, Base.Copyright)
PLACES = {33550, 33922, 34264, 34735}  # tags of GeoTIFF
COLOUR_MODES = ("L", "LA", "P", "RGB", "RGBA")  # of which the profile is still true when written


def passed_on(image, kinds):
    """The settings of Pillow's `save` that pass on what goes with a picture.

    Args:
        image: a Pillow image of which the header is read.
        kinds: the formats that it will be written in.

    Returns:
        `(settings, orientation, left_out)`: a dict of each kind; how the picture has to be stored,
        1 to 8; and in words what Pillow cannot write again.
    """
    find = _of_tiff if image.format == "TIFF" else _of_block
    settings, orientation, whole = find(image, kinds)
    left_out = [] if whole else ["some of its EXIF data"]
    written, others = ((dict.fromkeys(kinds, {}), _others_of_tiff(image)) if image.format == "TIFF"
                       else annotations.passed_on(image, kinds, is_writable))
    left_out += others
    for name, what in (("dpi", "its resolution"), ("icc_profile", "its colour profile")):
        if name in image.info and (name == "dpi" or image.mode in COLOUR_MODES):
            if is_writable(kinds, **{name: image.info[name]}) and (
                    name == "dpi" or colours.is_two_way(image.info[name], image.mode)):
                settings[name] = image.info[name]
            else:
                left_out.append(what)
    return {kind: settings | written[kind] for kind in kinds}, orientation, left_out


def is_writable(kinds, mode="L", **settings):
    """Whether Pillow writes a picture with these settings, tried on one pixel of a mode."""
    try:
        for kind in kinds:
            Image.new(mode, (1, 1)).save(io.BytesIO(), kind, **settings)
    except Exception:  # what Pillow raises for values that it does not expect is manifold
        return False
    return True


def _of_block(image, kinds):
    """The EXIF data that a file has in one piece: `(settings, orientation, whether that is all)`.
    """
    try:
        data = exif.block(image)
        if data is None:
            return {}, 1, True
        data, whole = exif.without_pictures(data)
    except ValueError:
        return {}, 1, False
    if not is_writable(kinds, exif=data):
        return {}, 1, False
    return {"exif": data}, exif.orientation_of(data), whole


def _of_tiff(image, kinds):
    """The same of a TIFF, whose tags are EXIF data and others."""
    kept, whole = ImageFileDirectory_v2(), True
    for tag, kind, value in _tiff_values(image):
        one = ImageFileDirectory_v2()
        for directory in (one, kept):
            if kind is not None:
                directory.tagtype[tag] = kind
        try:
            one[tag] = value
            writable = is_writable(kinds, tiffinfo=one)
        except Exception:
            writable = False
        if not writable:
            whole = False
        elif isinstance(value, dict):
            kept[tag] = kept.get(tag, {}) | value
        else:
            kept[tag] = value
    orientation = exif.orientation(image) if Base.Orientation in kept else 1
    return {"tiffinfo": kept} if len(kept) else {}, orientation, whole


def _tiff_values(image):
    """Yield `(tag, type or None, value)` of what a TIFF passes on; of a directory each value in a
    dict of its own."""
    for tag in TIFF_TAGS:
        if tag in image.tag_v2:
            yield tag, image.tag_v2.tagtype[tag], _as_read(image.tag_v2[tag])
    if xmp := annotations.xmp_of(image):
        yield Base.XMLPacket, TiffTags.BYTE, xmp
    if (iptc := image.tag_v2.get(Base.IPTCNAA)) and not _has_preview(iptc):
        yield Base.IPTCNAA, image.tag_v2.tagtype[Base.IPTCNAA], iptc
    for tag in (IFD.Exif, IFD.GPSInfo):
        for key, value in image.getexif().get_ifd(tag).items():
            if key not in (Base.MakerNote, IFD.Interop):
                yield tag, None, {key: _as_read(value)}


def _has_preview(iptc):
    """Whether a TIFF's IPTC data, bytes or numbers of 32 bits, may show the picture."""
    numbers = iptc if isinstance(iptc, tuple) else ()
    return any(map(annotations.has_preview, [
        struct.pack(f"{order}{len(numbers)}L", *numbers) if numbers else iptc for order in "<>"]))


def _others_of_tiff(image):
    """What a TIFF has that is not passed on, in words."""
    iptc = image.tag_v2.get(Base.IPTCNAA)
    return [what for what, there in (
        ("its IPTC data, with a picture in it,", iptc and _has_preview(iptc)),
        ("its Photoshop data", Base.ImageResources in image.tag_v2),
        ("its place on the map (GeoTIFF)", PLACES & {*image.tag_v2})) if there]


class _Text(str):
    """A text that is written as the bytes it was read from: Pillow decodes all as Latin-1, and
    writes `?` for what is not ASCII."""

    def encode(self, *_):
        return super().encode("latin-1")


def _as_read(value):
    return _Text(value) if isinstance(value, str) else value
