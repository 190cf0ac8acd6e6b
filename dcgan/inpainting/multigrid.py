"""Fills holes of millions of pixels harmonically, with multigrid and conjugate gradients.

A multigrid cycle spreads the known values across a hole of any size, in a time proportional to its
pixels. Alone, it converges slowly around scattered known pixels, which its coarse grids cannot
represent; as the preconditioner of conjugate gradients (Tatebe 1993), it needs only a few cycles
for holes of any shape.
"""

import cv2
import numpy as np

# The iteration stops when a step moves no pixel by more than this fraction of the largest value,
# which for pictures in [-1, 1] is an eighth of a byte's step. The error is usually far smaller.
TOLERANCE = 2.0**-11
MOST_STEPS = 100  # no hole that was tried needed more than 14
# The smoother's two steps are Chebyshev's for the eigenvalues from 2 to 8, which a grid of half the
# size cannot represent.
SMOOTHING = np.float32(1 / (5 + 3 * np.cos(np.pi * np.array([0.25, 0.75]))))


def harmonic(values, known):
    """Fill the hole smoothly: each of its pixels becomes the mean of its neighbours.

    Args:
        values: `[H, W]` float; pixels in the hole are not read.
        known: `[H, W]` bool, some of it True.

    Returns:
        `[H, W]` float32; known pixels keep their values.
    """
    values = np.where(known, values, 0).astype(np.float32)
    return _solve(values, _levels(known), TOLERANCE * np.abs(values).max())


def _levels(known):
    """The hole on ever coarser grids, each of half the width, `[H, W]` float32, 1 = unknown. A
    coarse pixel is unknown if all pixels that it covers are."""
    levels = [np.float32(~known)]
    while levels[-1].size > 4:
        coarse = np.float32(_block_sums(1 - levels[-1]) == 0)
        if not coarse.any():
            break
        levels.append(coarse)
    return levels


def _solve(values, levels, tolerance):
    """`harmonic` for values that are 0 in the hole; starts from the next coarser solution."""
    unknown, *coarser = levels
    if coarser:
        means = _block_sums(values) / np.maximum(_block_sums(1 - unknown), 1)
        coarse = _solve(means * (1 - coarser[0]), coarser, tolerance)
        values = values + unknown * _enlarged(coarse, values.shape)
    else:
        values = values.copy()
    residual = _laplacian(values, unknown)
    direction, before = np.zeros_like(values), np.inf
    for _ in range(MOST_STEPS):
        correction = _cycle(residual, levels)
        product = np.vdot(residual, correction)
        if not product > 0:  # nothing is left to correct
            break
        direction *= product / before
        direction += correction
        before = product
        change = _laplacian(direction, unknown)
        length = -product / np.vdot(direction, change)
        change *= length
        residual += change
        step = np.multiply(direction, length, out=change)
        values += step
        if not max(step.max(), -step.min()) > tolerance:
            break
    return values


def _cycle(residual, levels):
    """A V-cycle: an approximate solution `[H, W]` that is 0 around the hole and has the Laplacian
    -residual.

    It is a symmetric function of the residual, as conjugate gradients require.
    """
    unknown, *coarser = levels
    result = SMOOTHING[0] * residual  # the first step from 0
    _smooth(result, residual, unknown, SMOOTHING[1:])
    if coarser:
        left = _laplacian(result, unknown)
        left += residual
        # The transpose of `_enlarged`.
        left = _block_sums(cv2.GaussianBlur(left, (3, 3), 0, borderType=cv2.BORDER_REPLICATE))
        left *= coarser[0]
        correction = _enlarged(_cycle(left, coarser), result.shape)
        correction *= unknown
        result += correction
    _smooth(result, residual, unknown, SMOOTHING)
    return result


def _smooth(result, residual, unknown, steps):
    """Bring the Laplacian of `result` closer to -residual, in place; fine detail converges."""
    for step in steps:
        left = _laplacian(result, unknown)
        left += residual
        left *= step
        result += left


def _laplacian(values, unknown):
    """The sum of each unknown pixel's neighbours, minus that many times the pixel; 0 for known
    pixels.

    A replicated border has the effect that border pixels have no neighbours outside.
    """
    result = cv2.Laplacian(values, cv2.CV_32F, ksize=1, borderType=cv2.BORDER_REPLICATE)
    result *= unknown
    return result


def _block_sums(values):
    """The sums over blocks of 2x2 pixels; the last blocks of an odd width or height are smaller."""
    rows = values[::2].copy()
    rows[:len(values) // 2] += values[1::2]
    sums = rows[:, ::2].copy()
    sums[:, :values.shape[1] // 2] += rows[:, 1::2]
    return sums


def _enlarged(values, shape):
    """Values at twice the size, linearly interpolated and cropped to a shape."""
    twice = cv2.resize(values, (2 * values.shape[1], 2 * values.shape[0]))
    return twice[:shape[0], :shape[1]]
