"""A completed photograph written as the one that it comes from was."""

import os

from PIL import Image, JpegImagePlugin

from dcgan import messages
from dcgan.files import writing
from dcgan.pictures import colours, exif, metadata, reading

PHOTO_FORMATS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}


def save_photo(folder, name, source, pixels, hole):
    """Write a completed picture in the format of the one it comes from, with its EXIF data.

    Grey stays grey; a colour profile and an alpha channel stay, opaque in the hole; palette,
    CMYK and 16-bit pictures become RGB or grey of 8 bits. A JPEG is written with the source's own
    quantisation, and beside it a PNG, because only that keeps every pixel. It is stored turned as
    it was, if the EXIF data that say so can be written, and else upright.

    Args:
        folder: where to.
        name: without suffix.
        source: path of the original picture.
        pixels: `[H, W, 3]` uint8, upright, as `colours.as_seen` has them; only those in the hole
            are used, unless the file cannot be written in its own colours.
        hole: `[H, W]` bool, what was filled.

    Returns:
        The paths of what was written.
    """
    upright = reading.open_image(source)
    with Image.open(source) as original:
        kind = "JPEG" if original.format == "MPO" else original.format  # phones' JPEG with extras
        kind = kind if kind in PHOTO_FORMATS else "PNG"
        kinds = ("JPEG", "PNG") if kind == "JPEG" else (kind,)
        passed_on, turn, left_out = metadata.passed_on(original, kinds)
        if left_out:
            messages.warn(source, f"{', '.join(left_out)} cannot be written again; left out")
        result = colours.as_stored(upright, pixels, hole, passed_on[kind].get("icc_profile"))
        encoding = {"WEBP": {"lossless": True, "exact": True}}.get(kind, {})
        if kind == "JPEG" and original.mode == result.mode:
            encoding = _quantisation(original)
    if turn in exif.STORED:
        result = result.transpose(exif.STORED[turn])
    paths = [os.path.join(folder, f"{name}{PHOTO_FORMATS[k]}") for k in kinds]
    for k, path in [*zip(kinds, paths)][::-1]:  # first the one that loses nothing
        of_kind = passed_on[k] | (encoding if k == kind else {})
        with writing.whole(path) as temporary:
            result.save(temporary, format=k, **of_kind)
    return paths


def _quantisation(original):
    """The settings of Pillow's `save` by which a JPEG loses as little as it can of another: the
    tables of that, one for each channel, and its subsampling; without what Pillow cannot write."""
    tables = [original.quantization.get(layer[3]) for layer in original.layer]
    while len(tables) > 1 and tables[-1] == tables[-2]:  # Pillow takes the last for the others
        tables.pop()
    settings = {"qtables": tables}
    if original.mode == "RGB":
        settings["subsampling"] = JpegImagePlugin.get_sampling(original)
    return {name: value for name, value in settings.items()
            if metadata.is_writable(("JPEG",), original.mode, **{name: value})}
