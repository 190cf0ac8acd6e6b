"""Masks: those that `--maskType` names, and the user's own.

Masks are 1 (True) where a pixel is known and 0 (False) where it is missing.
"""

import os

import numpy as np
from PIL import Image, ImageChops

from dcgan.files import naming
from dcgan.files.listing import list_images
from dcgan.messages import UserError, warn
from dcgan.pictures import lossy, reading
from dcgan.pictures.colours import as_seen
from dcgan.settings import register

THRESHOLD = 127  # for mask files and alpha channels, as in IOPaint
GREY = 32  # how far a grey is from black and from white, at least

# By name: functions from (shape, rng, options) to `[H, W]` float32. `rng` draws different numbers
# for each picture; `options` is an `inpainting.settings.Masking`. `--maskType`, its help, the
# tests, benchmarks/quality.py and the gallery in docs/ use this dict.
MASKS = {}


@register(MASKS)
def random(shape, rng, options):
    """A share of the pixels missing, at random (`--fraction`)."""
    return (rng.random(shape) >= options.fraction).astype(np.float32)


@register(MASKS)
def center(shape, rng, options):
    """The centre square missing (`--centerScale`)."""
    mask = np.ones(shape, np.float32)
    low, high = (int(shape[0] * s) for s in (options.centerScale, 1 - options.centerScale))
    mask[low:high, low:high] = 0
    return mask


@register(MASKS)
def left(shape, rng, options):
    """The left half missing."""
    return _without_half(shape, "left")


@register(MASKS)
def half(shape, rng, options):
    """One half missing (`--maskSide`)."""
    side = options.maskSide
    return _without_half(shape, rng.choice(SIDES) if side == "random" else side)


SIDES = ("left", "right", "top", "bottom")


def _without_half(shape, side):
    mask = np.ones(shape, np.float32)
    axis, first = {"left": (1, True), "right": (1, False),
                   "top": (0, True), "bottom": (0, False)}[side]
    half = shape[axis] // 2
    np.moveaxis(mask, axis, 0)[slice(half) if first else slice(half, None)] = 0
    return mask


@register(MASKS)
def pattern(shape, rng, options):
    """A quarter missing, in irregular blots."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.normal(size=shape), shape[0] / 20, mode="wrap")
    return (noise >= np.quantile(noise, 0.25)).astype(np.float32)


@register(MASKS)
def full(shape, rng, options):
    """Everything known: G(z) imitates the whole image, and the result is the image."""
    return np.ones(shape, np.float32)


@register(MASKS)
def grid(shape, rng, options):
    """Every fourth pixel of every fourth row known."""
    mask = np.zeros(shape, np.float32)
    mask[::4, ::4] = 1
    return mask


@register(MASKS)
def lowres(shape, rng, options):
    """Every pixel missing; only the means over 8x8 blocks are known."""
    return np.zeros(shape, np.float32)


# The user's own masks: `[H, W]` bool, True = known, in the pixels of the upright picture


def match_masks(mask, files, writes=()):
    """The mask file of each picture.

    Args:
        mask: one file for all pictures, or a folder of masks with the names of the pictures (the
            suffixes may differ).
        files: the pictures.
        writes: folders whose pictures are results, not masks.

    Returns:
        One path for each picture; None for a picture without a mask.

    Raises:
        UserError: the file or folder does not exist, no mask matches a picture, or two masks match
            the same one.
    """
    if not os.path.isdir(mask):
        return list_images([mask], flag="--mask ") * len(files)
    masks = naming.by_stem(list_images([mask], "--mask ", writes), "--mask")
    matched = [masks.get(naming.seen_stem(path)) for path in files]
    left_over = sorted(set(masks.values()) - set(matched))
    if left_over:
        warn(f"--mask {mask}", f"ignored: {len(left_over)} without a picture of the same name, "
                               f"such as {left_over[0]}")
    if not any(matched):
        raise UserError(f"--mask {mask}: no mask matches a picture by name; the mask of {files[0]} "
                        f"must be named {naming.stem(files[0])}.png")
    return matched


def read_mask(path, shape):
    """Read a mask file, in which white pixels are missing.

    If the file has transparent pixels, its opaque pixels are missing instead, unless these are
    themselves black and white.

    Args:
        path: the file.
        shape: (H, W), the size to which the mask is resized.

    Returns:
        `[H, W]` bool, True = known.

    Raises:
        OSError: the file cannot be read.
        ValueError: the mask hides nothing, although it is not empty.
    """
    image = reading.open_image(path)
    if abs(np.log(image.width / image.height * shape[0] / shape[1])) > 0.1:
        warn(path, f"a mask of {image.width}x{image.height} is stretched over a picture of "
                   f"{shape[1]}x{shape[0]}")
    what, painted = _painted(image)
    most = painted.getextrema()[1]
    if 0 < most <= THRESHOLD:
        raise ValueError(f"its mask {path} hides nothing: its largest {what} is {most}, and only "
                         f"pixels over {THRESHOLD} (of 255) are missing")
    values = np.asarray(painted)
    if what == "brightness" and ((values > GREY) & (values < 255 - GREY)).mean() > 0.2:
        warn(path, f"is not black and white: pixels over {THRESHOLD} (of 255) are missing; if it "
                   "is the painted photograph, name the paint with --maskColor instead of --mask")
    return np.asarray(painted.resize(shape[::-1], Image.Resampling.NEAREST)) <= THRESHOLD


def _painted(image):
    """`("opacity" or "brightness", that of each pixel as a Pillow image of mode L)`, whichever says
    how much a mask hides."""
    grey = image.convert("L")
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if alpha is None or alpha.getextrema()[0] > THRESHOLD:
        return "brightness", grey
    if _is_black_and_white(np.asarray(image.convert("RGB")), np.asarray(alpha) == 255):
        return "brightness", ImageChops.darker(grey, alpha)  # transparent pixels hide nothing
    return "opacity", alpha


def _is_black_and_white(pixels, opaque):
    """Whether almost all opaque pixels of `[H, W, 3]` uint8 are black or white, and both occur;
    `opaque` is `[H, W]` bool."""
    colours = pixels[opaque]
    black, white = (colours <= 64).all(axis=1), (colours >= 191).all(axis=1)
    return bool(black.any() and white.any() and (black | white).mean() > 0.95)


def alpha_mask(image):
    """The mask in which the transparent pixels of a Pillow image are missing, `[H, W]` bool;
    ValueError if all pixels are slightly transparent, but none is enough."""
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    if THRESHOLD < alpha.min() < 255:
        raise ValueError(f"its mask hides nothing: its smallest opacity is {alpha.min()}, and only "
                         f"pixels up to {THRESHOLD} (of 255) are missing")
    return alpha > THRESHOLD


def color_mask(image, color, tolerance, reach=0):
    """The mask in which the pixels of one colour are missing.

    Args:
        image: a Pillow image.
        color: (red, green, blue).
        tolerance: largest difference in each of the three.
        reach: width in pixels of a margin around them that is missing too, because lossy
            compression may have mixed the colour into it.

    Returns:
        `[H, W]` bool, True = known.

    Raises:
        ValueError: no pixel has the colour.
    """
    # The colour of a half transparent pixel counts; that of a fully transparent one is invisible.
    colours = np.array(as_seen(image, over_white=False)).astype(np.int16)
    if image.has_transparency_data:
        colours[np.asarray(image.convert("RGBA").getchannel("A")) == 0] = 255
    distance = np.abs(colours - color).max(axis=2)
    if distance.min() > tolerance:
        name = "#" + bytes(color).hex()
        raise ValueError(f"its mask hides nothing: the colour closest to {name} differs by "
                         f"{distance.min()}, and --maskTolerance is {tolerance}")
    if not reach:
        return distance > tolerance
    import cv2

    hidden = np.uint8(distance <= tolerance)
    return cv2.dilate(hidden, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) == 0


def group_by_mask(masks):
    """Yield `(mask, indices)` for each distinct mask of `[B, ...]`, so that what is computed for a
    mask is computed once for all images that share it."""
    rows = np.ascontiguousarray(masks).reshape(len(masks), -1)
    groups = {}
    for index, row in enumerate(rows):
        groups.setdefault(row.tobytes(), []).append(index)
    for indices in groups.values():
        yield masks[indices[0]], np.array(indices)


class OwnMask:
    """The user's own masks, as the `inpainting.settings.Masking` selects them.

    Args:
        masking: the `Masking`.
        files: the pictures.
        writes: folders whose pictures are results, not masks.
    """

    def __init__(self, masking, files, writes=()):
        self.masking = masking
        self.masks = {} if masking.mask is None else dict(
            zip(files, match_masks(masking.mask, files, writes)))

    def known(self, path, image):
        """The mask of a picture, `[H, W]` bool, True = known, for its path and its Pillow image."""
        masking = self.masking
        if masking.mask is None:
            return alpha_mask(image) if masking.maskFromAlpha else color_mask(
                image, masking.maskColor, masking.maskTolerance, lossy.reach(path))
        if self.masks[path] is None:
            raise ValueError(f"no mask of the same name in --mask {masking.mask}")
        try:
            return read_mask(self.masks[path], (image.height, image.width))
        except OSError as error:
            raise OSError(f"its mask {self.masks[path]}: {error}") from error
