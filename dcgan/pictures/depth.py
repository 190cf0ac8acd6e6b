"""Pictures of floats, or of more than 8 bits a channel, scaled to 8 bits."""

import numpy as np
from PIL import Image

BITS = (8, 10, 12, 14, 16)  # that sensors and scanners put into 16
PART = 2**24  # pixels that are in memory at once as more than bytes


class UnknownRange(OSError):
    """A picture's values are in no range that is known; its text is of what they are in."""


def is_deep(image):
    """Whether a Pillow image has, when it is decoded, more than 8 bits a channel."""
    return image.mode.startswith("I") or image.mode == "F"


def has_deep_channels(image):
    """Whether Pillow, when it decodes this image, drops the low byte of each of its channels."""
    args = image.tile[0].args if image.tile else ()
    mode = args if isinstance(args, str) else next(iter(args or ()), "")
    return image.mode in ("RGB", "RGBA", "LA") and ";16" in str(mode)


def maximum(low, high, whole):
    """The largest value of the range that a picture's values are in.

    Args:
        low, high: the extremes of its values.
        whole: whether they are whole numbers.

    Returns:
        1 or 255 of floats, 2^n - 1 of whole numbers.

    Raises:
        UnknownRange: it is none of these.
    """
    if whole:
        known, ranges = [2**bits - 1 for bits in BITS], "whole numbers are read from 0 to 65,535"
    else:
        known, ranges = [1, 255], "floats are read from 0 to 1 or from 0 to 255"
    if not (low >= 0 and high <= known[-1]):
        raise UnknownRange(f"its values go from {low:,} to {high:,}; {ranges}")
    return next(value for value in known if high <= value)


def parts(image):
    """A Pillow image as arrays `[h, W]`, from the top."""
    height = max(PART // image.width, 1)
    for y in range(0, image.height, height):
        yield np.asarray(image.crop((0, y, image.width, min(y + height, image.height))))


def to_bytes(image):
    """A decoded Pillow image that `is_deep`, scaled to 8 bits.

    Args:
        image: of mode F, I or I;16.

    Returns:
        `(image, remark)`: a Pillow image of mode L; and what is to be said of its range, or None.

    Raises:
        UnknownRange: its values are in no range that is known.
    """
    whole = image.mode != "F"
    extremes = [(part.min(), part.max()) for part in parts(image)]
    # NaN is in no range, and np.min and np.max do not lose it as min and max do.
    low, high = np.min(extremes).item(), np.max(extremes).item()
    white = maximum(low, high, whole)
    if image.format == "PPM":  # which Pillow has scaled by the maximum that the file names
        white = 65535
    grey = Image.fromarray(np.concatenate([scaled(part, white) for part in parts(image)]))
    return grey, remark(white) if high and white != (65535 if whole else 255) else None


def remark(white):
    """What is said of a range that was inferred."""
    return f"its values are taken to be from 0 to {white:,}"


def scaled(values, white):
    """Values from 0 to `white` as bytes: 16 bits by 257, as ever, others rounded."""
    if white == 65535:
        return (values // 257).astype(np.uint8)
    return np.rint(values * np.float32(255 / white)).astype(np.uint8)


def channels_to_bytes(image, path):
    """A decoded Pillow image that `has_deep_channels`, from its low bytes where the high ones are
    all but empty.

    Args:
        image: of 8 bits, the high ones.
        path: its file.

    Returns:
        `(image, remark)`, as `to_bytes`.
    """
    import cv2

    if max(high for _, high in image.convert("RGB").getextrema()) >= 64:
        return image, None
    deep = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None or deep.dtype != np.uint16 or deep.ndim != 3:
        return image, None
    colours = deep[..., 2::-1]  # OpenCV's are from blue to red
    white = maximum(0, colours.max().item(), whole=True)
    result = Image.fromarray(scaled(colours, white)).convert(image.mode.removesuffix("A"))
    if image.mode.endswith("A"):
        alpha = deep[..., 3]
        result.putalpha(Image.fromarray(scaled(alpha, maximum(0, alpha.max().item(), True))))
    return result, remark(white) if colours.any() else None


def unread(path):
    """Why Pillow takes a file for no image."""
    with open(path, "rb") as file:
        if file.read(4) in (b"II*\0", b"MM\0*"):
            return "a TIFF of a kind that cannot be read; save it with 8 or 16 bits a channel"
    return "not an image"
