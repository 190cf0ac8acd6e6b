"""Colours as a screen shows them: in sRGB, and what is transparent laid over white."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

OFF = 2  # of 255: a profile that changes no colour by more than this is taken for sRGB's
GREY_MODES = ("1", "L", "LA")


def as_seen(image, over_white=True):
    """A picture of 8 bits as RGB without profile and alpha channel.

    Args:
        image: a Pillow image of any mode; `info` has its profile.
        over_white: lay what is transparent over white, partly where it is so in part; False leaves
            each colour as if it were opaque.

    Returns:
        A Pillow image of mode RGB, in sRGB, with an empty `info`.
    """
    colours = _in_mode(image, "CMYK" if image.mode == "CMYK" else _mode(image))
    transform = _to_srgb(image.info.get("icc_profile"), colours.mode)
    rgb = (ImageCms.applyTransform(colours, transform) if transform
           else _in_mode(colours, "RGB"))
    if over_white and image.has_transparency_data:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, "white"), _alpha(image))
    elif rgb is image:
        rgb = image.copy()
    rgb.info = {}
    return rgb


def as_stored(image, pixels, hole, profile):
    """A completed picture in the colours that its file had: outside of the hole they are its own.

    Args:
        image: the picture as it was, a Pillow image of 8 bits.
        pixels: `[H, W, 3]` uint8, completed, in sRGB.
        hole: `[H, W]` bool.
        profile: what the result is stored with, bytes, of which `is_two_way` says True; None is
            sRGB.

    Returns:
        A Pillow image of mode L or RGB; with an alpha channel, opaque in the hole, if the picture
        has one.
    """
    mode = _mode(image)
    known = _in_mode(image if profile else as_seen(image, over_white=False), mode)
    back = _to_srgb(profile, mode) and _from_srgb(profile, mode)
    filled = Image.fromarray(pixels)
    filled = ImageCms.applyTransform(filled, back) if back else filled.convert(mode)
    result = np.array(known)
    result[hole] = np.asarray(filled)[hole]
    result = Image.fromarray(result)
    if image.has_transparency_data:
        alpha = np.array(_alpha(image))
        alpha[hole] = 255
        result.putalpha(Image.fromarray(alpha))
    return result


def is_two_way(profile, mode):
    """Whether colours of a Pillow mode can be taken from sRGB into a profile, or need not be."""
    mode = "L" if mode in GREY_MODES else "RGB"
    return _to_srgb(profile, mode) is None or _from_srgb(profile, mode) is not None


def _mode(image):
    return "L" if image.mode in GREY_MODES else "RGB"


def _in_mode(image, mode):
    return image if image.mode == mode else image.convert(mode)


def _alpha(image):
    return image.convert("RGBA").getchannel("A")


@functools.lru_cache(16)
def _to_srgb(profile, mode):
    """Pillow's transform of a profile's colours to sRGB; None if there is no profile, it is damaged
    or of another mode, or it is sRGB's."""
    transform = profile and _transform(mode, "RGB", source=profile)
    if not transform or mode == "CMYK":
        return transform
    values = np.uint8(np.linspace(0, 255, 18))
    colours = np.stack(np.meshgrid(values, values, values), axis=-1).reshape(18, -1, 3)
    probe = Image.fromarray(colours).convert(mode)
    seen = np.asarray(ImageCms.applyTransform(probe, transform)).astype(int)
    return transform if np.abs(seen - np.asarray(probe.convert("RGB"))).max() > OFF else None


@functools.lru_cache(16)
def _from_srgb(profile, mode):
    """Pillow's transform of sRGB to a profile's colours; None if the profile has no such way."""
    return _transform("RGB", mode, target=profile)


def _transform(source_mode, target_mode, source=None, target=None):
    """Pillow's transform between two profiles, of which None is sRGB's; or None."""
    try:
        profiles = [ImageCms.ImageCmsProfile(io.BytesIO(data)) if data
                    else ImageCms.createProfile("sRGB") for data in (source, target)]
        return ImageCms.buildTransform(*profiles, source_mode, target_mode)
    except (ImageCms.PyCMSError, OSError):  # damaged, or not of this mode
        return None
