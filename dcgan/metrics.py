"""PSNR, SSIM and L1 of a completion: how close its hole is to the original picture."""

import numpy as np

SSIM_MARGIN = 2  # pixels around the hole that SSIM includes, so that a visible seam counts


def psnr(images, truth, hole):
    """The PSNR of each image's pixels in the hole.

    Args:
        images, truth: `[B, H, W, C]` uint8.
        hole: `[H, W]` or `[B, H, W]` bool.

    Returns:
        `[B]` float64, in dB; inf if all these pixels are equal.
    """
    error = _mean_in((images.astype(float) - truth) ** 2, hole)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / error)


def l1(images, truth, hole):
    """The mean absolute difference in the hole, `[B]`, as a share of the range 0 to 255. The
    arguments are those of `psnr`."""
    return _mean_in(np.abs(images.astype(float) - truth), hole) / 255


def ssim(images, truth, hole):
    """The structural similarity (Wang et al. 2004) over the hole and `SSIM_MARGIN` pixels around
    it, `[B]` float64, at most 1. The arguments are those of `psnr`; the images must be at least 7
    pixels wide and high."""
    from scipy.ndimage import binary_dilation
    from skimage.metrics import structural_similarity

    values = np.stack([structural_similarity(*pair, channel_axis=2, data_range=255, full=True)[1]
                       for pair in zip(images, truth)])
    hole = np.broadcast_to(hole, images.shape[:3])
    region = binary_dilation(hole, np.ones((1, 3, 3)), iterations=SSIM_MARGIN)
    return _mean_in(values, region)


def measure(frame, completed):
    """PSNR, SSIM and L1 of a completed `inpainting.photos.Frame`.

    Args:
        frame: the `Frame`.
        completed: `[S, S, C]` uint8.

    Returns:
        `{psnr, ssim, l1}`; `{}` if the frame has no original or no hole.
    """
    if frame.truth is None or not frame.hole.any():
        return {}
    return {f.__name__: float(f(completed[np.newaxis], frame.truth[np.newaxis], frame.hole)[0])
            for f in (psnr, ssim, l1)}


def _mean_in(values, region):
    """The means `[B]` of values `[B, H, W, C]` over a region, `[H, W]` or `[B, H, W]` bool; nan
    for an empty region."""
    region = np.broadcast_to(region, values.shape[:3])[..., np.newaxis]
    with np.errstate(invalid="ignore"):
        return (values * region).sum(axis=(1, 2, 3)) / (region.sum(axis=(1, 2, 3))
                                                        * values.shape[3])
