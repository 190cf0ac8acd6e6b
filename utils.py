"""The library's functions for pictures: reading, writing, grids and animations.

Pictures are `[H, W, C]` uint8 arrays, with C 1 (grey) or 3 (RGB). `to_float` converts them to the
networks' range [-1, 1], and `to_uint8` back, without changing any byte. The package never imports
this module, because a user's own `utils.py` may come before it on the path.
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
