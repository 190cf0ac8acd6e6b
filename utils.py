"""Pictures: what users of the library call to read and write them, to make grids and animations.

Pictures are `[H, W, C]` uint8 arrays, C 1 (grey) or 3 (RGB); the networks' range [-1, 1] is entered
and left by `to_float` and `to_uint8`, which map every byte to itself. The package never imports
this module: a user's own `utils.py` may stand in front of it.
"""

from dcgan.messages import UserError
from dcgan.pictures.drawing import (
    as_pillow,
    grid,
    save_gif,
    save_image,
    save_video,
    to_float,
    to_uint8,
)
from dcgan.pictures.reading import open_image, read_image, read_or_warn

__all__ = ["UserError", "as_pillow", "grid", "open_image", "read_image", "read_or_warn",
           "save_gif", "save_image", "save_video", "to_float", "to_uint8"]
