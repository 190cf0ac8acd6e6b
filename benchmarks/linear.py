"""The most likely hole given the known pixels, if faces were normally distributed.

It is the article's own completion of its first step, "the most likely y given x", of all pixels of
a face instead of two: principal components fitted to training faces, and noise in each pixel
(Tipping & Bishop 1999). What the components leave over is not independent from pixel to pixel, so
that the noise under which known pixels tell most of the others is far more than that.
"""

from typing import NamedTuple

import numpy as np

import utils
from files import notices
from files.listing import list_images


class Gaussian(NamedTuple):
    """x = mean + u factors + noise, with u and noise independent and normal."""

    mean: np.ndarray  # `[n]`
    factors: np.ndarray  # `[k, n]`, orthogonal, each as long as the deviation along it
    noise: float  # standard deviation

    @classmethod
    def fit(cls, x, components, noise, seed=0):
        """Principal components, found by subspace iteration (Halko et al. 2011, arXiv 0909.4061,
        algorithm 4.4).

        Args:
            x: `[N, n]` float32.
            components: k, fewer than N and n.
            noise: standard deviation, in the units of x.
            seed: of the subspace that it starts from.
        """
        mean = x.mean(axis=0)
        x = x - mean
        count = min(components + 20, *x.shape)
        basis = np.random.default_rng(seed).standard_normal((x.shape[1], count), np.float32)
        for _ in range(4):
            basis = np.linalg.qr(x.T @ (x @ basis))[0]
        _, lengths, directions = np.linalg.svd(x @ basis, full_matrices=False)
        deviations = lengths[:components, np.newaxis] / np.sqrt(len(x))
        return cls(mean, deviations * (directions[:components] @ basis.T), noise)

    def most_likely(self, x, known):
        """The mean of x without its noise given the known values, which is the most likely, too.

        Args:
            x: `[n]`, of which only the known values matter.
            known: `[n]` bool.

        Returns:
            `[n]` float64, of the known values too, which a blend compares with them.
        """
        W = self.factors[:, known].astype(float)
        u = np.linalg.solve(W @ W.T + self.noise**2 * np.eye(len(W)), W @ (x - self.mean)[known])
        return self.mean + u @ self.factors


def read(folder, size, c_dim):
    """The pictures in a folder as the network would see them, `[N, size * size * c_dim]` float32
    in [-1, 1]."""
    images = (notices.or_warn(path, lambda path=path: utils.read_image(path, size, c_dim))
              for path in list_images([folder], "--linear "))
    images = np.stack([image for image in images if image is not None])
    return utils.to_float(images).reshape(len(images), -1)


def fill(gaussian, y, mask):
    """Fills of images, of which a blend takes the holes.

    Args:
        gaussian: a `Gaussian` of pictures of their shape.
        y: `[B, H, W, C]` float32 in [-1, 1].
        mask: `[B, H, W, 1]`, 1 = known.

    Returns:
        The shape of y, float32 in [-1, 1].
    """
    known = np.broadcast_to(mask == 1, y.shape)
    fills = [gaussian.most_likely(image.ravel(), one.ravel()) for image, one in zip(y, known)]
    return np.clip(np.reshape(fills, y.shape), -1, 1).astype(np.float32)
