"""How far a completion is from the truth, where that is known: PSNR, SSIM and L1 in the hole."""

import numpy as np

SSIM_MARGIN = 2  # pixels around the hole: an edge that shows is part of what is judged
SSIM_WINDOW = 7


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
    """Structural similarity over the hole and `SSIM_MARGIN` pixels around it.

    Of square windows, as Wang et al. 2004 define it, with sample variances. Takes what `psnr` does
    and returns `[B]` float64, at most 1.
    """
    from scipy.ndimage import binary_dilation, uniform_filter

    def mean(x):
        return uniform_filter(x, (0, SSIM_WINDOW, SSIM_WINDOW, 0))

    x, y = images.astype(float), truth.astype(float)
    n = SSIM_WINDOW**2
    mean_x, mean_y = mean(x), mean(y)
    var_x, var_y = ((mean(a * a) - b * b) * n / (n - 1) for a, b in ((x, mean_x), (y, mean_y)))
    covariance = (mean(x * y) - mean_x * mean_y) * n / (n - 1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)
              / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)))
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
