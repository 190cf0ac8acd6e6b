"""benchmarks/linear.py against its definitions."""

import numpy as np

import utils
from benchmarks import linear


def test_principal_components():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(400, 3)) @ rng.normal(size=(3, 12)) * 3
         + rng.normal(size=(400, 12)) + 5).astype(np.float32)
    gaussian = linear.Gaussian.fit(x, 3, 0.5)
    variances, directions = np.linalg.eigh(np.cov(x.T, bias=True))
    np.testing.assert_allclose(gaussian.mean, x.mean(axis=0), rtol=1e-5)
    kept = directions[:, -3:]
    np.testing.assert_allclose(gaussian.factors.T @ gaussian.factors,
                               kept * variances[-3:] @ kept.T, rtol=1e-3, atol=1e-2)
    assert gaussian.noise == 0.5
    lengths = np.linalg.norm(gaussian.factors, axis=1)
    assert (np.diff(lengths) < 0).all()  # so that the first of more are those of fewer


def test_the_hole_by_the_conditional_mean():
    """E[hole | known] = mean_h + C_hk C_kk^-1 (x_k - mean_k), of the whole covariance C."""
    rng = np.random.default_rng(1)
    gaussian = linear.Gaussian(rng.normal(size=10), rng.normal(size=(4, 10)), 0.5)
    signal = gaussian.factors.T @ gaussian.factors
    C = signal + 0.25 * np.eye(10)
    x, known = rng.normal(size=10), np.arange(10) % 3 > 0
    weights = np.linalg.solve(C[np.ix_(known, known)], (x - gaussian.mean)[known])
    likely = gaussian.most_likely(x, known)
    np.testing.assert_allclose(
        likely[~known], gaussian.mean[~known] + C[np.ix_(~known, known)] @ weights, rtol=1e-8)
    np.testing.assert_allclose(
        likely[known], gaussian.mean[known] + signal[np.ix_(known, known)] @ weights, rtol=1e-8)


def test_pictures(tmp_path):
    rng = np.random.default_rng(2)
    images = rng.integers(0, 255, (30, 4, 4, 3), dtype=np.uint8)
    for i, image in enumerate(images):
        utils.save_image(str(tmp_path / f"{i:02d}.png"), image)
    x = linear.read(str(tmp_path), 4, 3)
    np.testing.assert_array_equal(x, utils.to_float(images).reshape(30, -1))
    gaussian = linear.Gaussian.fit(x, 5, 0.3)
    y = utils.to_float(images[:2])
    mask = np.ones((2, 4, 4, 1), np.float32)
    mask[0, 1:3, 1:3], mask[1, 0] = 0, 0
    fills = linear.fill(gaussian, y, mask)
    assert fills.dtype == np.float32 and fills.shape == y.shape and np.abs(fills).max() <= 1
    for i in range(2):
        known = np.broadcast_to(mask[i] == 1, y[i].shape)
        expected = gaussian.most_likely(y[i].ravel(), known.ravel()).clip(-1, 1)
        np.testing.assert_allclose(fills[i].ravel(), expected, atol=1e-6)
