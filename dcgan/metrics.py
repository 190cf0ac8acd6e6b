"""How far a completion is from the truth, where that is known: PSNR, SSIM and L1 in the hole."""

import numpy as np

SSIM_MARGIN = 2  # pixels around the hole: an edge that shows is part of what is judged


def psnr(images, truth, hole):
    """PSNR of the pixels in the hole, of each image.

    Args:
        images, truth: `[B, H, W, C]` uint8.
        hole: `[H, W]` or `[B, H, W]` bool.

    Returns:
        `[B]` float64, in dB; inf where both are alike.
    """
    error = _mean_in((images.astype(float) - truth) ** 2, hole)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / error)


def l1(images, truth, hole):
    """Mean absolute difference in the hole as a share of the range, `[B]`; as `psnr` takes it."""
    return _mean_in(np.abs(images.astype(float) - truth), hole) / 255


def ssim(images, truth, hole):
    """Structural similarity (Wang et al. 2004) over the hole and `SSIM_MARGIN` pixels around it:
    takes what `psnr` does, at least 7 pixels wide and high, and returns `[B]` float64, at most 1.
    """
    from scipy.ndimage import binary_dilation
    from skimage.metrics import structural_similarity

    values = np.stack([structural_similarity(*pair, channel_axis=2, data_range=255, full=True)[1]
                       for pair in zip(images, truth)])
    hole = np.broadcast_to(hole, images.shape[:3])
    region = binary_dilation(hole, np.ones((1, 3, 3)), iterations=SSIM_MARGIN)
    return _mean_in(values, region)


def measure(frame, completed):
    """All three of a completed `inpainting.photos.Frame`.

    Args:
        frame: the `Frame`.
        completed: `[S, S, C]` uint8.

    Returns:
        `{psnr, ssim, l1}`; nothing where the truth is not known, or nothing is missing.
    """
    if frame.truth is None or not frame.hole.any():
        return {}
    return {f.__name__: float(f(completed[np.newaxis], frame.truth[np.newaxis], frame.hole)[0])
            for f in (psnr, ssim, l1)}


def _mean_in(values, region):
    """Means of `[B, H, W, C]` over regions `[H, W]` or `[B, H, W]`, `[B]`; nan of none."""
    region = np.broadcast_to(region, values.shape[:3])[..., np.newaxis]
    with np.errstate(invalid="ignore"):
        return (values * region).sum(axis=(1, 2, 3)) / (region.sum(axis=(1, 2, 3))
                                                        * values.shape[3])
