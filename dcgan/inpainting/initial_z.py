"""The starts of the searches for z: random, or chosen by the known pixels of each image."""

import copy

import numpy as np
import tensorflow as tf

import ops
from dcgan.files import naming
from dcgan.inpainting.masks import group_by_mask
from dcgan.messages import UserError, warn

# For the regression of z on pixels; chosen in docs/search.md.
RIDGE_STRENGTH = 0.1
BANKS_KEPT = 2**28  # bytes; --preset best needs 151 MB at 64 pixels
COMPARED = 1024  # how many G(z) of a bank are compared with an image at once


def uniform_z(z_dim, seed, numbers, candidate=0):
    """The result of `DCGAN.initial_z` for a seed."""
    which = [candidate] if candidate else []
    return tf.constant(np.stack([
        np.random.default_rng([seed, number, *which]).uniform(-1, 1, z_dim)
        for number in numbers]), tf.float32)


def make_bank(model, count, candidate=0):
    """Random z and their G(z), from which `start_z` chooses the starts of searches.

    Returns:
        `(zs, images)`: `[count, z_dim]` and `[count, H, W, C]` float32 in [-1, 1]; the z depend
        only on the seed and the candidate.
    """
    zs = tf.random.stateless_uniform([count, model.z_dim], [model.seed, -1 - candidate], -1, 1)
    generate = model.compiled.of((model.dtype, model.jit, "generator"), lambda: tf.function(
        copy.copy(model).generator, jit_compile=model.jit, reduce_retracing=True, autograph=False))
    weights = model.weights.for_search(model.dtype, model.batch_size)
    return zs, tf.concat([generate(zs[i:i + model.batch_size], weights=weights)
                          for i in range(0, count, model.batch_size)], axis=0)


def start_z(model, bank, method, images, mask, lowres_mask=0.0):
    """The start of the search for each image, chosen by its known pixels.

    `best` takes the z of the bank whose G(z) has the lowest contextual loss (as in arXiv
    1908.04968), from one bank for all images. `regression` predicts z from the known pixels with a
    linear regression that is fitted to the bank. It replaces a trained encoder (as in arXiv
    1908.05861) by a solution in closed form, which needs no training and fits any mask.

    Args:
        model: a `DCGAN`.
        bank: what `make_bank` returned.
        method: best or regression.
        images, mask, lowres_mask: as `DCGAN.completion_losses` takes them.

    Returns:
        `[B, z_dim]` float32 in [-1, 1].
    """
    zs, bank_images = bank
    mask = np.broadcast_to(mask, [len(images), *np.shape(mask)[1:]])
    start = np.empty([len(images), model.z_dim], np.float32)
    for one, rows in group_by_mask(mask):  # images that share a mask share the regression

        def known(x, one=one):
            return tf.concat([tf.reshape(t, [len(x), -1]) for t in (
                one * x, lowres_mask * ops.downsample(x, model.lowres))], axis=1)

        def best(image, one=one):
            return np.argmin(ops.in_batches(
                lambda G: model.contextual_loss(G, image[tf.newaxis], one, lowres_mask),
                bank_images, COMPARED))

        y = tf.gather(images, rows)
        if method == "regression":
            start[rows] = tf.clip_by_value(ridge_prediction(
                known(bank_images), zs, known(y), RIDGE_STRENGTH), -1, 1)
        else:
            start[rows] = tf.gather(zs, list(map(best, y)))
    return tf.constant(start)


def ridge_prediction(features, targets, queries, strength):
    """Predict with a linear regression that penalises its coefficients (Hoerl & Kennard 1970).

    The dual form is solved: an equation with one unknown per sample.

    Args:
        features: `[N, ...]` float32, the samples.
        targets: `[N, k]` float32, the values to predict for the samples, with means of 0.
        queries: `[B, ...]` float32, in the shape of a sample.
        strength: the penalty, as a fraction of the mean squared length of a (centred) sample.

    Returns:
        `[B, k]` float32, the values predicted for the queries.
    """
    samples, queries = (tf.reshape(t, [tf.shape(t)[0], -1]) for t in (features, queries))
    mean = tf.reduce_mean(samples, axis=0)
    samples, queries = samples - mean, queries - mean
    kernel = tf.matmul(samples, samples, transpose_b=True)
    penalty = strength * tf.reduce_mean(tf.linalg.diag_part(kernel))
    # A small constant, in case all features are equal (no pixel of the image is known).
    kernel = tf.linalg.set_diag(kernel, tf.linalg.diag_part(kernel) + penalty + 1e-3)
    weights = tf.linalg.cholesky_solve(tf.linalg.cholesky(kernel), targets)
    return tf.matmul(tf.matmul(queries, samples, transpose_b=True), weights)


class InitialZ:
    """The starts of the searches for all images of a run.

    Args:
        model: a `DCGAN`.
        search: the `inpainting.settings.Search`. With `nInit` 1, each of an image's `nCandidates`
            searches starts from its own random z; otherwise `start_z` chooses the start from a
            bank of `nInit` z, one bank for each candidate.
        saved: `{name: z [nCandidates, z_dim]}`: the results of an earlier search for these images,
            from which theirs start.
        source: the file that `saved` was read from, which errors and warnings name.

    Raises:
        UserError: the saved z are for another network or number of candidates.
    """

    def __init__(self, model, search, saved=None, source=None):
        self.model, self.search, self.saved, self.source = model, search, saved or {}, source
        self.banks = self._make_banks() if search.nInit > 1 else []
        shape = (search.nCandidates, model.z_dim)
        for z in self.saved.values():
            if z.shape != shape:
                raise UserError(f"--init {source}: was made with --nCandidates {z.shape[0]} and "
                                f"z_dim {z.shape[1]}, but this run has {shape[0]} and {shape[1]}; "
                                "use the same --nCandidates and checkpoint")

    def _make_banks(self):
        """A bank for each candidate; the newest banks are kept unless they are large."""
        model, search = self.model, self.search

        def make():
            return [make_bank(model, search.nInit, k) for k in range(search.nCandidates)]

        size = 4 * search.nCandidates * search.nInit * model.image_size**2 * model.c_dim
        if size > BANKS_KEPT:
            return make()
        return model.weights.kept(model.weights.banks, (
            model.dtype, model.jit, model.batch_size, model.seed, search.nCandidates,
            search.nInit), make)

    def for_batch(self, batch):
        """The starts of a `CompletionBatch` of B images.

        Returns:
            `[B * nCandidates, z_dim]` float32, with an image's candidates one after another.
        """
        model = self.model
        if self.banks:
            zs = [start_z(model, bank, self.search.initBy, batch.y, batch.weights,
                          batch.lowres_mask) for bank in self.banks]
        else:
            zs = [model.initial_z(batch.numbers, k) for k in range(self.search.nCandidates)]
        z = np.stack(zs, axis=1)
        for i, name in enumerate(map(naming.composed, batch.names) if self.saved else ()):
            z[i] = self.saved.get(name, z[i])
            if name not in self.saved:
                warn(batch.names[i], f"not in --init {self.source}; its search starts from scratch")
        return tf.constant(z.reshape(-1, model.z_dim))
