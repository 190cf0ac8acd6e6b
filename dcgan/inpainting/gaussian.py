"""The linear model of faces: the most likely completion if faces were normally distributed.

The article completes two numbers in this way in its first step, "the most likely y given x"; this
model completes all pixels of a face. It has principal components that are fitted to faces, and
independent noise in each pixel (Tipping & Bishop 1999). The residuals of real faces are not
independent, so the best completions need a noise that is larger than the residuals: `best_noise`
finds it.
"""

import os
from typing import NamedTuple

import numpy as np

from dcgan.files import record, writing
from dcgan.files.listing import evenly_spaced, list_images
from dcgan.inpainting.masks import center, group_by_mask
from dcgan.inpainting.settings import Masking
from dcgan.messages import UserError
from dcgan.pictures import drawing, reading

NAME = "gaussian.npz"  # next to the checkpoints
NOISES = 0.1 * 2 ** (np.arange(13) / 2)  # standard deviations to choose from: 0.1 to 6.4
ROUNDS = 4  # of the subspace iteration
MOST = 2**28  # pixel values that are read at most: one GiB
SPARE = 20  # dimensions of the subspace, beyond the components


class Gaussian(NamedTuple):
    """x = mean + u @ factors + noise; u and noise are independent and normally distributed."""

    mean: np.ndarray  # `[n]` float32
    factors: np.ndarray  # `[k, n]` float32, orthogonal; each length is the deviation along it
    noise: float  # standard deviation

    @classmethod
    def fit(cls, x, components, noise, mirror=None, seed=0):
        """Fit principal components by subspace iteration (Halko et al. 2011, arXiv 0909.4061,
        algorithm 4.4).

        Args:
            x: `[N, n]` float32.
            components: k, fewer than N and n.
            noise: standard deviation, in the units of x.
            mirror: `[n]` int, where each value of a mirrored image is in the image; then the
                mirrored images of x are fitted too.
            seed: for the initial subspace.
        """
        orders = [slice(None)] if mirror is None else [slice(None), mirror]
        mean = np.mean([x.mean(axis=0)[order] for order in orders], axis=0)
        x = x - mean  # which is its own mirror image
        count = min(components + SPARE, *x.shape)
        basis = np.random.default_rng(seed).standard_normal((x.shape[1], count), np.float32)
        for _ in range(ROUNDS):
            basis = np.linalg.qr(sum((x.T @ (x @ basis[order]))[order] for order in orders))[0]
        seen = np.concatenate([x @ basis[order] for order in orders])
        _, lengths, directions = np.linalg.svd(seen, full_matrices=False)
        deviations = lengths[:components, np.newaxis] / np.sqrt(len(seen))
        return cls(mean, deviations * (directions[:components] @ basis.T), noise)

    def conditional_mean(self, x, known):
        """The conditional mean, which is also the most likely value, of each noiseless x, given its
        known values.

        Args:
            x: `[B, n]`, of which only the known values are used.
            known: `[n]` bool.

        Returns:
            `[B, n]` float64, including the known values, because blending needs an estimate of
            them too.
        """
        W = self.factors[:, known].astype(float)
        projected = W @ (x - self.mean)[:, known].T
        u = np.linalg.solve(W @ W.T + self.noise**2 * np.eye(len(W)), projected)
        return self.mean + u.T @ self.factors

    def fills(self, y, mask):
        """The most likely image for the known pixels of each image.

        Args:
            y: `[B, H, W, C]` float32 in [-1, 1].
            mask: `[B, H, W, 1]`, 1 = known.

        Returns:
            The shape of y, float32 in [-1, 1].
        """
        fills = np.empty_like(y)
        for one, rows in group_by_mask(mask):  # images that share a mask share the equations
            known = np.broadcast_to(one == 1, y.shape[1:]).ravel()
            likely = self.conditional_mean(y[rows].reshape(len(rows), -1), known)
            fills[rows] = np.clip(likely, -1, 1).reshape(fills[rows].shape)
        return fills


def mirror_of(shape):
    """Where each value of a mirrored image is in the image, `[n]` int; both of shape `[H, W, C]`,
    flattened."""
    return np.arange(np.prod(shape)).reshape(shape)[:, ::-1].ravel()


def best_noise(x, shape, components, mirror=None):
    """The noise of `NOISES` that completes the middle of faces best: a tenth of them, the last,
    by a model of the others.

    Args:
        x: `[N, n]` float32, N > 1, in an order that keeps the pictures of a person together.
        shape: of an image, `(H, W, C)`.
        components, mirror: as of `Gaussian.fit`.
    """
    held_out = x[-max(1, len(x) // 10):]
    x = x[:-len(held_out)]
    gaussian = Gaussian.fit(x, min(components, len(x) - 1), 0.0, mirror)
    mask = center(shape[:2], None, Masking())
    known = np.broadcast_to(mask[..., np.newaxis] == 1, shape).ravel()
    return min(NOISES, key=lambda noise: np.mean((held_out - gaussian._replace(
        noise=noise).conditional_mean(held_out, known))[:, ~known]**2))


def read_faces(paths, size, c_dim, crop=True):
    """Pictures at a network's size, `[N, size * size * c_dim]` float32 in [-1, 1]. Unreadable
    pictures are skipped with a warning; UserError if none can be read."""
    images = (reading.read_or_warn(path, size, c_dim, crop) for path in paths)
    images = [image for image in images if image is not None]
    if not images:
        raise UserError(f"no picture could be read ({len(paths)} tried); see the warnings above")
    return drawing.to_float(np.reshape(images, (len(images), -1)).astype(np.uint8))


def write(gaussian, folder):
    """Write a `Gaussian` into a folder of checkpoints, with its factors in half precision.

    Returns:
        The path of the file.

    Raises:
        UserError: the file cannot be written.
    """
    path = os.path.join(folder, NAME)
    with writing.whole(path) as temporary:
        np.savez(temporary, mean=gaussian.mean.astype(np.float32),
                 factors=gaussian.factors.astype(np.float16), noise=gaussian.noise)
    return path


def read_beside(checkpoint, size):
    """The `Gaussian` in the folder of a checkpoint, or None if there is none.

    Args:
        checkpoint: the checkpoint's path.
        size: how many values an image of its network has.

    Raises:
        UserError: the file is damaged, or was made for another picture size.
    """
    path = os.path.join(os.path.dirname(checkpoint), NAME)
    try:
        with np.load(path) as file:
            gaussian = Gaussian(file["mean"], file["factors"].astype(np.float32),
                                float(file["noise"]))
    except FileNotFoundError:
        return None
    except Exception as error:  # what damaged archives raise is manifold
        raise UserError(f"{path}: not a {NAME} written by train-dcgan.py --components") from error
    if gaussian.factors.ndim != 2 or not (
            gaussian.mean.shape == (size,) == gaussian.factors.shape[1:]):
        raise UserError(f"{path}: was made for another picture size; create it again with "
                        "train-dcgan.py --components")
    return gaussian


def fit_gaussian(model, settings):
    """Fit a `Gaussian` to the pictures of `dataset`, and write it into `checkpoint_dir`.

    Args:
        model: a `DCGAN`, whose size the pictures get.
        settings: a `TrainingSettings` that is also a `training.settings.Latent`.

    Raises:
        UserError: there are too few pictures, or the file cannot be written.
    """
    from dcgan.checkpoints import finding, saving  # they import TensorFlow

    source = settings.checkpoint_dir
    saving.require_usable_name(source, "--checkpoint_dir")
    folder = os.path.dirname(source) if finding.is_one(source) else source
    files = list_images([settings.dataset], "--dataset ",
                        reads=[settings.validation] if settings.validation else [])
    files = files[:settings.train_size]
    most = MOST // (model.image_size**2 * model.c_dim)
    record.require_free([os.path.join(folder, NAME)])  # before the work
    faces = read_faces(
        evenly_spaced(files, most), model.image_size, model.c_dim, settings.crop)
    if settings.components >= min(faces.shape):
        raise UserError(f"--components {settings.components}: must be at most "
                        f"{min(faces.shape) - 1}, for {len(faces)} pictures")
    shape = model.image_size, model.image_size, model.c_dim
    mirror = mirror_of(shape) if settings.flip else None
    noise = best_noise(faces, shape, settings.components, mirror)
    path = write(Gaussian.fit(faces, settings.components, noise, mirror), folder)
    print(f"{settings.components} components of {len(faces)} pictures"
          f"{' and their mirror images' * settings.flip}, noise {noise:.2f}: {path}")
