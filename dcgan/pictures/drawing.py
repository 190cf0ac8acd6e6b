"""Pictures made and written: PNG, grids, animations; and the networks' range.

Pictures are `[H, W, C]` uint8 arrays, C 1 (grey) or 3 (RGB); the networks' range [-1, 1] is entered
and left by `to_float` and `to_uint8`, which map every byte to itself. OpenCV is imported where it
is used, so that `--help` does not wait for it.
"""

import itertools
import shutil
import tempfile

import numpy as np
from PIL import Image

from dcgan.files import writing


def as_pillow(image):
    """`[H, W, C]` uint8 (C 1 or 3) as a Pillow image."""
    return Image.fromarray(image.squeeze(axis=2) if image.shape[2] == 1 else image)


def save_image(path, image, **more):
    """Write `[H, W, C]` uint8 (C 1 or 3) as PNG, whole or not at all; `more` as `writing.whole`."""
    with writing.whole(path, **more) as temporary:
        as_pillow(image).save(temporary, format="PNG")


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
    with writing.whole(path) as temporary:
        first.save(temporary, format="GIF", save_all=True, duration=milliseconds, loop=0,
                   append_images=frames)


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
    # OpenCV accepts only UTF-8 names and needs an even width and height.
    with (writing.whole(path) as temporary,
          tempfile.NamedTemporaryFile(suffix=".mp4") as file):
        video = cv2.VideoWriter(file.name, cv2.VideoWriter_fourcc(*"vp09"), per_second,
                                (width + width % 2, height + height % 2))
        if not video.isOpened():
            raise OSError("OpenCV has no encoder for it here")
        for frame in itertools.chain([first], frames):
            video.write(np.pad(frame[..., ::-1], ((0, height % 2), (0, width % 2), (0, 0)),
                               mode="edge"))
        video.release()
        shutil.copyfile(file.name, temporary)
