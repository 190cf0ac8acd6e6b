"""Holes filled from what is around them, without a network: smoothly, or by what they mirror."""

import numpy as np


def bounding_slices(known, margin=1):
    """The part of `[H, W]` that holds what is not known, and pixels around it: two slices."""
    ends = [np.flatnonzero(~known.all(axis=axis))[[0, -1]] for axis in (1, 0)]
    return tuple(slice(max(first - margin, 0), last + 1 + margin) for first, last in ends)


def smooth(pixels, known):
    """A hole filled smoothly from around it: each pixel is a mean of known ones, over squares that
    double until they hold some (pull-push; Gortler et al. 1996, "The Lumigraph").

    Unlike a membrane it needs no equation: its time grows with the hole's bounding box alone.

    Args:
        pixels: `[H, W, C]` uint8 or float32, C at most 3; those of the hole are not read.
        known: `[H, W]` bool.

    Returns:
        The same with the hole filled, a copy; 0 if nothing is known.
    """
    import cv2

    if known.all():
        return pixels
    part = bounding_slices(known, margin=8)  # so that no known pixel at its edge is met alone
    weight = known[part].astype(np.float32)[..., np.newaxis]
    levels = [np.concatenate([pixels[part] * weight, weight], axis=2)]
    while max(levels[-1].shape[:2]) > 1:
        height, width = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], ((width + 1) // 2, (height + 1) // 2),
                                 interpolation=cv2.INTER_AREA))
    last = levels.pop()  # one pixel
    fill = last[..., :-1] / np.maximum(last[..., -1:], 1e-12)
    for level in levels[::-1]:  # the means of known pixels, times their share; and that share
        total, share = level[..., :-1], level[..., -1:]
        height, width = level.shape[:2]
        above = cv2.resize(fill, (width, height), interpolation=cv2.INTER_LINEAR)
        fill = total + (1 - share) * above.reshape(total.shape)
        softer = cv2.blur(fill, (3, 3)).reshape(total.shape)  # or the squares show
        fill = share * fill + (1 - share) * softer
    if pixels.dtype == np.uint8:
        fill = np.clip(np.rint(fill), 0, 255)
    filled = pixels.copy()
    filled[part] = np.where(weight > 0, pixels[part], fill)
    return filled


def mirrored(pixels, known):
    """A hole filled with what lies as far behind its nearest edge as a pixel lies before it, so
    that half a face becomes a whole one; smoothly where that is not known.

    Arguments and result as of `smooth`.
    """
    from scipy.ndimage import distance_transform_edt

    filled = smooth(pixels, known)
    if known.all() or not known.any():
        return filled
    part = bounding_slices(known)
    nearest = distance_transform_edt(~known[part], return_distances=False, return_indices=True)
    hidden = np.argwhere(~known[part])
    corner = np.array([part[0].start, part[1].start])
    source = 2 * nearest[:, *hidden.T].T - hidden + corner
    inside = ((source >= 0) & (source < known.shape)).all(axis=1)
    inside[inside] = known[*source[inside].T]
    filled[*(hidden + corner)[inside].T] = pixels[*source[inside].T]
    return filled
