"""Pictures: reading and writing them, grids, animations.

Pictures are `[H, W, C]` uint8 arrays, C 1 (grey) or 3 (RGB); the networks' range [-1, 1] is entered
and left by `to_float` and `to_uint8`, which map every byte to itself. OpenCV is imported where it
is used, so that `--help` does not wait for it.
"""

import contextlib
import itertools
import os
import shutil
import stat
import tempfile
import threading
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

import machine  # noqa: F401  (before TensorFlow, which may come behind this)
from files.errors import UserError  # noqa: F401  (where most look for it)
from files.listing import FORMATS
from files.notices import note, or_warn
from files.writing import write_whole
from pictures import depth, exif

# Pillow's warnings name no file; what it cannot use, it raises. (To catch them is not thread-safe.)
warnings.filterwarnings("ignore", module=r"PIL\.")
LARGE = 2**24  # pixels, of pictures that are read one at a time, for the memory's sake
_large_by_turns = threading.Lock()


@contextlib.contextmanager
def _opened(path):
    """A picture of which only the header is read; whatever its decoder raises is an OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe waits for its writer
        raise OSError("not a file")
    Image.init()  # or it knows but half of FORMATS
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > Image.MAX_IMAGE_PIXELS:
                raise Image.DecompressionBombError  # as Pillow does at twice as many
            yield image
    except UnidentifiedImageError as error:
        raise OSError(_what_else(path)) from error
    except Image.DecompressionBombError as error:
        raise OSError(f"has over {Image.MAX_IMAGE_PIXELS:,} pixels") from error
    except depth.UnknownRange as error:
        raise OSError(str(error)) from error
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
        return "is HEIC, which is not read; convert it to JPEG first, with heif-convert for example"
    return depth.unread(path)


def _upright(image, path):
    """The picture decoded, turned as its EXIF data say, scaled to 8 bits: the first of several."""
    _note_others(image, path)
    has_deep_channels = depth.has_deep_channels(image)
    image.load()
    turn, remark = exif.orientation(image), None
    if depth.is_deep(image):
        image, remark = depth.to_bytes(image)
    elif has_deep_channels:
        image, remark = depth.channels_to_bytes(image, path)
    if remark:
        note(path, remark)
    if turn in exif.UPRIGHT:
        image = image.transpose(exif.UPRIGHT[turn])
    return image


def _note_others(image, path):
    """Say that the first picture is used, if there are others; but phones' are not of the user."""
    with contextlib.suppress(Exception):  # where the second is damaged, the first may be fine
        if image.format != "MPO" and getattr(image, "is_animated", False):
            note(path, "has several pictures; the first is used")


def open_image(path):
    """Any picture of `FORMATS`, upright and decoded, scaled to 8 bits.

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
    """Read any picture of `FORMATS`, upright, as grey or RGB without its alpha channel.

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
            image = _upright(image, path).convert("L" if c_dim == 1 else "RGB")
            if size is not None and image.size != (size, size):
                image = (ImageOps.fit if crop else Image.Image.resize)(
                    image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(image.height, image.width, c_dim)


def as_pillow(image):
    """`[H, W, C]` uint8 (C 1 or 3) as a Pillow image."""
    return Image.fromarray(image.squeeze(axis=2) if image.shape[2] == 1 else image)


def save_image(path, image, **more):
    """Write `[H, W, C]` uint8 (C 1 or 3) as PNG, whole or not at all; `more` as `write_whole`."""
    write_whole(path, lambda temporary: as_pillow(image).save(temporary, format="PNG"), **more)


def to_float(images):
    """Bytes as float32 pictures in [-1, 1], the networks' range."""
    return images.astype(np.float32) / 127.5 - 1


def to_uint8(images):
    """Pictures in [-1, 1] as bytes, rounded: the inverse of `to_float`."""
    return np.clip(np.rint((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


def grid(images, columns=8):
    """`[B, H, W, C]` as one picture, row by row, `columns` wide; places left over are black."""
    count, height, width, channels = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    places = np.zeros((rows * columns, height, width, channels), images.dtype)
    places[:count] = images
    places = places.reshape(rows, columns, height, width, channels)
    return places.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def save_gif(path, frames, milliseconds=100):
    """Pictures as an endless animation: the article's `convert -delay 10 -loop 0`.

    Args:
        path: the GIF.
        frames: pictures of one size, `[H, W, C]` uint8, in order.
        milliseconds: how long each is shown.
    """
    frames = map(as_pillow, frames)
    first = next(frames)
    write_whole(path, lambda temporary: first.save(
        temporary, format="GIF", save_all=True, duration=milliseconds, loop=0,
        append_images=frames))


def save_video(path, frames, per_second=10):
    """The same as a video, in VP9, which browsers play and OpenCV's wheel has an encoder for.

    Args:
        path: the video, .mp4.
        frames: as `save_gif` takes them, in RGB.
        per_second: how many are shown.

    Raises:
        UserError: it cannot be written.
    """
    import cv2

    frames = iter(frames)
    first = next(frames)
    height, width, _ = first.shape

    def write(temporary):
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:  # OpenCV takes no name but UTF-8
            video = cv2.VideoWriter(file.name, cv2.VideoWriter_fourcc(*"vp09"), per_second,
                                    (width + width % 2, height + height % 2))  # it wants even edges
            if not video.isOpened():
                raise OSError("OpenCV has no encoder for it here")
            for frame in itertools.chain([first], frames):
                video.write(np.pad(frame[..., ::-1], ((0, height % 2), (0, width % 2), (0, 0)),
                                   mode="edge"))
            video.release()
            shutil.copyfile(file.name, temporary)

    write_whole(path, write)


def read_or_warn(path, *how):
    """`read_image`, which takes `how`, or None and a warning that names the file."""
    return or_warn(path, lambda: read_image(path, *how))
