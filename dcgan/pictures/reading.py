"""Pictures read, upright and scaled to 8 bits: `[H, W, C]` uint8, C 1 (grey) or 3 (RGB)."""


import contextlib
import os
import stat
import threading
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dcgan.files.listing import FORMATS
from dcgan.messages import or_warn, warn_once
from dcgan.pictures import depth, exif
from dcgan.pictures.colours import as_seen

# Pillow's warnings name no file; what it cannot use, it raises. (To catch them is not thread-safe.)
warnings.filterwarnings("ignore", module=r"PIL\.")
RULES = 2  # of how a file becomes pixels, a number: caches of others are made anew
LARGE = 2**24  # pixels, of pictures that are read one at a time, for the memory's sake
_large_by_turns = threading.Lock()


def has_too_many_pixels(size):
    """Whether a picture of (width, height) is larger than Pillow's limit, which may be None."""
    limit = Image.MAX_IMAGE_PIXELS
    return limit is not None and size[0] * size[1] > limit


def _opened(path):
    """A Pillow image of which only the header is read, as a context manager."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe waits for its writer
        raise OSError("not a file")
    Image.init()  # or it knows but half of FORMATS
    with _naming_damage(path):
        image = Image.open(path, formats=FORMATS)
        if has_too_many_pixels(image.size):
            image.close()
            raise Image.DecompressionBombError  # as Pillow does at twice as many
    return image


@contextlib.contextmanager
def _naming_damage(path):
    """Whatever Pillow raises over a file, as an OSError. Nothing but Pillow is called within: an
    error in this program is not the file's fault, and is raised as it is."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise OSError(_what_else(path)) from error
    except Image.DecompressionBombError as error:
        raise OSError(f"has over {Image.MAX_IMAGE_PIXELS:,} pixels") from error
    except MemoryError:
        raise
    except OSError as error:
        raise error if error.errno else OSError(f"damaged image ({error})") from error
    # Pillow's decoders raise SyntaxError, struct.error, EOFError, ... on damaged files.
    except Exception as error:
        raise OSError(f"damaged image ({error})") from error


def _what_else(path):
    """What a file is that is no picture of `FORMATS`, in words."""
    with open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:] in (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"):
        return "HEIC is not supported; convert it to JPEG first, for example with heif-convert"
    return depth.unread(path)


def _upright(image, path):
    """The picture decoded, turned as its EXIF data say, scaled to 8 bits: the first of several."""
    _note_others(image, path)
    has_deep_channels = depth.has_deep_channels(image)
    with _naming_damage(path):
        image.load()
    turn, remark, profile = exif.orientation(image), None, image.info.get("icc_profile")
    if depth.is_deep(image):
        image, remark = depth.to_bytes(image)
    elif has_deep_channels:
        image, remark = depth.channels_to_bytes(image, path)
    if remark:
        warn_once(path, remark)
    if profile:
        image.info["icc_profile"] = profile  # which a picture that was scaled has lost
    if turn in exif.UPRIGHT:
        image = image.transpose(exif.UPRIGHT[turn])
    return image


def _note_others(image, path):
    """Say that the first picture is used, if there are others; but phones' are not of the user."""
    several = False
    with contextlib.suppress(Exception):  # where the second is damaged, the first may be fine
        several = image.format != "MPO" and getattr(image, "is_animated", False)
    if several:
        warn_once(path, "has several pictures; the first is used")


def open_image(path):
    """Any picture of `FORMATS`, upright and decoded, scaled to 8 bits: its alpha channel and its
    colour profile as they are.

    Args:
        path: the file; what it holds decides, not its suffix.

    Returns:
        A Pillow image of any mode of 8 bits.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(path) as image:
        return _upright(image, path)


def read_image(path, size=None, c_dim=3, crop=True):
    """Read any picture of `FORMATS`, upright, as grey or RGB, as a screen shows it: its colours in
    sRGB, what is transparent laid over white.

    Args:
        path: the file.
        size: edge to resize to, antialiased; None leaves the picture as it is.
        c_dim: 1 (grey) or 3 (RGB).
        crop: cut the centre square before resizing, instead of distorting.

    Returns:
        `[H, W, c_dim]` uint8.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    with _opened(path) as image:
        large = image.width * image.height > LARGE
        with _large_by_turns if large else contextlib.nullcontext():
            image = as_seen(_upright(image, path)).convert("L" if c_dim == 1 else "RGB")
            if size is not None and image.size != (size, size):
                image = (ImageOps.fit if crop else Image.Image.resize)(
                    image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(image.height, image.width, c_dim)


def read_or_warn(path, *how):
    """`read_image`, which takes `how`, or None and a warning that names the file."""
    return or_warn(path, lambda: read_image(path, *how))
