"""Blending against a dense solution of the equation, and measures against their definitions."""

import numpy as np
import pytest

from dcgan import metrics
from dcgan.inpainting import blending


def dense_poisson(image, fill, known):
    """Each unknown pixel by its own equation: sum over neighbours q inside the picture of
    (f_p - f_q) = sum of (g_p - g_q)."""
    height, width, channels = image.shape
    A, right = np.eye(height * width), image.reshape(-1, channels).astype(float)
    for y, x in np.argwhere(~known):
        p = y * width + x
        A[p], right[p] = 0, 0
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= v < height and 0 <= u < width:
                A[p, p] += 1
                A[p, v * width + u] -= 1
                right[p] += fill[y, x].astype(float) - fill[v, u]
    return np.linalg.solve(A, right).reshape(image.shape)


def holes():
    known = np.ones((12, 10), bool)
    middle, border, corner, several = (known.copy() for _ in range(4))
    middle[3:8, 2:7] = False
    border[:, :5] = False
    corner[8:, 7:] = corner[9:, 2:] = False
    several[1, 1] = several[4:7, 5:] = several[9, :4] = False
    scattered = np.random.default_rng(0).random((12, 10)) > 0.5
    return {"middle": middle, "border": border, "corner": corner, "several": several,
            "scattered": scattered}


@pytest.mark.parametrize("name", holes())
def test_poisson_is_the_dense_solution(name):
    rng, known = np.random.default_rng(1), holes()[name]
    image, fill = rng.uniform(-1, 1, (2, 3, 12, 10, 3)).astype(np.float32)
    result = blending.poisson_blend(image, fill, known)
    assert result.shape == image.shape
    np.testing.assert_array_equal(result[:, known], image[:, known])
    for one, i, f in zip(result, image, fill):
        np.testing.assert_allclose(one, dense_poisson(i, f, known), atol=1e-5)


@pytest.mark.parametrize("method", blending.BLENDS)
def test_the_hidden_truth_is_not_used(method):
    rng, known = np.random.default_rng(1), holes()["several"]
    image, fill = rng.uniform(-1, 1, (2, 2, 12, 10, 3)).astype(np.float32)
    other = np.where(known[..., np.newaxis], image, np.nan)
    masks = np.stack([known, known])
    np.testing.assert_array_equal(blending.blend(method, image, fill, masks),
                                  blending.blend(method, other, fill, masks))


def test_paste_and_batches_of_masks():
    rng = np.random.default_rng(1)
    image, fill = rng.uniform(-1, 1, (2, 3, 12, 10, 1)).astype(np.float32)
    names = ("middle", "border", "middle")
    masks = np.stack([holes()[name] for name in names])
    pasted = blending.blend("paste", image, fill, masks)
    np.testing.assert_array_equal(pasted, np.where(masks[..., np.newaxis], image, fill))
    blended = blending.blend("poisson", image, fill, masks)
    for i in range(3):
        np.testing.assert_array_equal(
            blended[i], blending.poisson_blend(image[i], fill[i], masks[i]))


def test_a_seam_of_another_brightness_disappears():
    """A fill that is the image but for its brightness becomes the image."""
    image = np.random.default_rng(2).uniform(-0.5, 0.5, (12, 10, 3)).astype(np.float32)
    known = holes()["middle"]
    np.testing.assert_allclose(blending.poisson_blend(image, image + 0.3, known), image, atol=1e-5)


def test_everything_or_nothing_known():
    image, fill = np.zeros((4, 4, 3), np.float32), np.ones((4, 4, 3), np.float32)
    np.testing.assert_array_equal(blending.poisson_blend(image, fill, np.zeros((4, 4))), fill)
    np.testing.assert_array_equal(blending.poisson_blend(image, fill, np.ones((4, 4))), image)


def test_a_mask_is_factored_once(monkeypatch):
    import scipy.sparse.linalg

    calls, splu = [], scipy.sparse.linalg.splu
    monkeypatch.setattr(scipy.sparse.linalg, "splu",
                        lambda *args, **kwargs: calls.append(1) or splu(*args, **kwargs))
    known = np.random.default_rng(5).random((12, 10)) > 0.4  # of no other test
    for _ in range(2):
        blending.harmonic(np.ones((4, 12, 10, 3)), known)
    assert len(calls) == 1
    monkeypatch.setattr(blending, "CACHE_LIMIT", 0)
    blending.harmonic(np.ones((4, 12, 10, 3)), known)
    assert len(calls) == 2, "those of large holes are not kept"


# Measures


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (3, 24, 20, 3), dtype=np.uint8)
    noise = rng.integers(-20, 21, truth.shape)
    holes = np.zeros((3, 24, 20), bool)
    holes[0, 8:16, 6:14] = holes[1, :, :10] = holes[2, 3, 3] = True
    return np.clip(truth + noise, 0, 255).astype(np.uint8), truth, holes


def test_psnr_and_l1_count_the_hole_alone(pictures):
    images, truth, holes = pictures
    for i in range(3):
        error = images[i][holes[i]].astype(float) - truth[i][holes[i]]
        assert metrics.psnr(images, truth, holes)[i] == pytest.approx(
            10 * np.log10(255**2 / np.mean(error**2)))
        assert metrics.l1(images, truth, holes)[i] == pytest.approx(np.abs(error).mean() / 255)
    assert np.isinf(metrics.psnr(truth, truth, holes)).all()
    np.testing.assert_array_equal(metrics.psnr(images[:1], truth[:1], holes[0]),
                                  metrics.psnr(images, truth, holes)[:1])


def test_ssim_is_that_of_windows_of_7_pixels(pictures):
    """Equation 13 of Wang et al. 2004, with sample variances, around each pixel near the hole."""
    images, truth, holes = pictures
    found = metrics.ssim(images, truth, holes)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    for i in range(3):
        near = np.pad(holes[i], 2)
        near = [(v, u) for v, u in np.ndindex(holes[i].shape) if near[v:v + 5, u:u + 5].any()]
        x, y = (np.pad(each[i].astype(float), ((3, 3), (3, 3), (0, 0)), mode="symmetric")
                for each in (images, truth))
        values = []
        for v, u in near:
            for a, b in zip(*(each[v:v + 7, u:u + 7].reshape(49, 3).T for each in (x, y))):
                (var_a, covariance), (_, var_b) = np.cov(a, b)
                values.append((2 * a.mean() * b.mean() + c1) * (2 * covariance + c2) / (
                    (a.mean() ** 2 + b.mean() ** 2 + c1) * (var_a + var_b + c2)))
        assert found[i] == pytest.approx(np.mean(values), abs=1e-9)
    np.testing.assert_allclose(metrics.ssim(truth, truth, holes), 1)
