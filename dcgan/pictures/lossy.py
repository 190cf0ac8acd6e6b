"""How far lossy compression carries a colour beyond its edge."""

import struct

from PIL import Image

BLOCK = 16  # pixels; WebP's, and more than others were seen to carry a colour: 2

def reach(path):
    """How many pixels from a pixel others may be changed by what it was compressed with.

    A JPEG's block has an edge of 8 pixels, and of 16 where its colours are stored at half the size.

    Args:
        path: a picture that can be read.

    Returns:
        An int; 0 for a file that loses nothing.
    """
    with Image.open(path) as image:
        if image.format in ("JPEG", "MPO"):
            return _jpeg_block(image.layer)
        if image.format == "WEBP":
            return BLOCK if _is_lossy_webp(path) else 0
        if image.format == "TIFF" and "jpeg" in str(image.info.get("compression")):
            return BLOCK
        return BLOCK if image.format in ("AVIF", "JPEG2000") else 0


def _jpeg_block(layers):
    """The longer edge of the pixels that share a block, from each layer's `(id, h, v, table)`."""
    across, down = ([layer[k] for layer in layers] for k in (1, 2))
    return 8 * max(max(across) // min(across), max(down) // min(down))


def _is_lossy_webp(path):
    """Whether the first picture of a WebP is in a `VP8 ` chunk, and not in `VP8L`."""
    with open(path, "rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sL", head)
            if name in (b"VP8 ", b"VP8L"):
                return name == b"VP8 "
            # An animation's frame begins with its place; its chunks follow.
            file.seek(16 if name == b"ANMF" else size + size % 2, 1)
    return True
