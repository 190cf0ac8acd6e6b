"""A completed photograph written as the one that it comes from was."""

import os

import numpy as np
from PIL import Image, JpegImagePlugin

from dcgan import messages
from dcgan.files import writing
from dcgan.pictures import exif, metadata, reading

PHOTO_FORMATS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}


def save_photo(folder, name, source, pixels, hole):
    """Write a completed picture in the format of the one it comes from, with its EXIF data.

    Grey stays grey and an alpha channel stays, opaque in the hole; palette, CMYK and 16-bit
    pictures become RGB or grey of 8 bits. A JPEG is written with the source's own quantisation, and
    beside it a PNG, because only that keeps every pixel. It is stored turned as it was, if the EXIF
    data that say so can be written, and else upright.

    Args:
        folder: where to.
        name: without suffix.
        source: path of the original picture.
        pixels: `[H, W, 3]` uint8, upright.
        hole: `[H, W]` bool, what was filled.

    Returns:
        The paths of what was written.
    """
    upright = reading.open_image(source)
    result = Image.fromarray(pixels)
    if upright.mode in ("1", "L", "LA"):
        result = result.convert("L")
    if upright.has_transparency_data:
        alpha = np.array(upright.convert("RGBA").getchannel("A"))
        alpha[hole] = 255
        result.putalpha(Image.fromarray(alpha))
    with Image.open(source) as original:
        kind = "JPEG" if original.format == "MPO" else original.format  # phones' JPEG with extras
        kind = kind if kind in PHOTO_FORMATS else "PNG"
        kinds = ("JPEG", "PNG") if kind == "JPEG" else (kind,)
        passed_on, turn, left_out = metadata.passed_on(original, kinds)
        if left_out:
            messages.warn(source, f"{', '.join(left_out)} cannot be written again; left out")
        encoding = {"WEBP": {"lossless": True, "exact": True}}.get(kind, {})
        if kind == "JPEG" and original.mode == result.mode:
            encoding = {"qtables": original.quantization}
            if result.mode == "RGB":
                encoding["subsampling"] = JpegImagePlugin.get_sampling(original)
    if turn in exif.STORED:
        result = result.transpose(exif.STORED[turn])
    paths = [os.path.join(folder, f"{name}{PHOTO_FORMATS[k]}") for k in kinds]
    for k, path in zip(kinds, paths):
        of_kind = passed_on | (encoding if k == kind else {})
        writing.write_whole(path, lambda temporary, k=k, of_kind=of_kind: result.save(
            temporary, format=k, **of_kind))
    return paths
