"""The search for the z of damaged images (Yeh et al. 2016, section 3), compiled and observed."""

import copy
import time
import zlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dcgan.inpainting import approaches
from dcgan.inpainting.losses import contextual_weights
from dcgan.inpainting.starts import Starts
from dcgan.pictures import drawing


class CompletionBatch(NamedTuple):
    """Images that are completed together."""

    names: list  # of the images
    images: np.ndarray  # `[B, H, W, C]` uint8
    y: np.ndarray  # the same, float32 in [-1, 1]
    mask: np.ndarray  # `[B, H, W, 1]` float32, 1 = known, 0 = missing
    weights: np.ndarray  # `[B, H, W, 1]` float32, the mask as the contextual loss weighs it
    lowres_mask: np.ndarray  # `[1, 1, 1, 1]` float32, 1 = the blocks' means are known
    likely: np.ndarray  # `[B, H, W, C]` float32 in [-1, 1], of `Gaussian.fills`; or None
    numbers: np.ndarray  # `[B]` int32, which the random draws for an image depend on

    @classmethod
    def of(cls, images, masks, loss, lowres=False, names=None, model=None):
        """The batch.

        Args:
            images: `[B, H, W, C]` uint8.
            masks: `[B, H, W]` float32.
            loss: the `inpainting.settings.Loss`.
            lowres: the blocks' means are known.
            names: of the images.
            model: the `DCGAN` whose Gaussian counts, where the loss gives it a share.
        """
        mask, y = masks[..., np.newaxis], drawing.to_float(images)
        weights = contextual_weights(mask, loss.contextual, loss.window, loss.mix)
        likely = model.gaussian.fills(y, mask) if loss.gaussian and not lowres else None
        numbers = numbers_of(images if lowres else np.where(mask, images, 0))
        return cls(names or [""] * len(images), images, y, mask, weights.numpy(),
                   np.full([1, 1, 1, 1], lowres, np.float32), likely, numbers)


def numbers_of(known):
    """A number for each image, `[B]` int32, that depends only on its bytes: the known pixels,
    `[B, H, W, C]` uint8. (An image's place in the batch would depend on the other images.)"""
    return np.array([zlib.crc32(np.ascontiguousarray(image)) >> 1 for image in known], np.int32)


class SearchState(NamedTuple):
    """Where the z-search of B images stands."""

    z: tf.Tensor  # `[B, z_dim]`
    approach: tuple  # what the approach keeps, with a row per image but for scalars
    best_z: tf.Tensor  # `[B, z_dim]`, the z of the lowest loss so far
    best_loss: tf.Tensor  # `[B]`
    mark: tf.Tensor  # `[B]`, the loss that last counted as progress
    waited: tf.Tensor  # `[B]` int32, iterations since then

    def rows(self, index):
        """The state of some of the images."""
        return tf.nest.map_structure(
            lambda t: tf.gather(t, index) if t.shape.rank else t, self)

    def result(self, loss, keep_best):
        """The z of lowest loss, or the last one; `loss` `[B]` is that of the last."""
        last_is_best = (loss < self.best_loss)[:, tf.newaxis]
        return tf.where(last_is_best, self.z, self.best_z) if keep_best else self.z


class Numbers(NamedTuple):
    """What a compiled search is told of its settings at each call, so that others of these need no
    other one: scalars, `patience` and `seed` int32, the others float64."""

    lr: tf.Tensor
    nIter: tf.Tensor
    tol: tf.Tensor
    patience: tf.Tensor
    lam: tf.Tensor
    seed: tf.Tensor

    @classmethod
    def of(cls, model, settings):
        """Those of the `inpainting.settings.Search`, and of a `DCGAN` that is set as it says."""
        given = (settings.lr or 0.0, settings.nIter, settings.tol, patience_of(settings),
                 model.lam, model.seed)
        return cls(*(tf.constant(value, tf.int32 if name in ("patience", "seed") else tf.float64)
                     for name, value in zip(cls._fields, given)))


# What of an approach's settings is compiled in.
COMPILED_IN = ("approach", "schedule", "momentum", "beta1", "beta2", "eps", "hmcBeta", "hmcEps",
               "hmcL", "hmcAnneal")


def patience_of(settings):
    """Iterations without progress after which an image's search ends."""
    return settings.patience if settings.tol > 0 else tf.int32.max


def approach_of(settings, lr, n_iter, seed):
    """`(init, update)` of the settings' approach, as `approaches` has them."""
    rate = approaches.SCHEDULES[settings.schedule](lr, n_iter)
    return {
        "momentum": lambda s: approaches.nesterov(rate, s.momentum),
        "adam": lambda s: approaches.projected_adam(rate, s.beta1, s.beta2, s.eps),
        "hmc": lambda s: approaches.hmc(s.hmcBeta, s.hmcEps, s.hmcL, s.hmcAnneal, seed),
    }[settings.approach](settings)


def compile_search(model, settings):
    """The compiled iterations, as `make_search` describes them, of weights and `Numbers` too."""
    # (AutoGraph leaves compiled code in the system's temporary folder.)
    @tf.function(jit_compile=model.jit, reduce_retracing=True, autograph=False)
    def search(state, images, mask, lowres_mask, first, n, weights, numbers):
        lr, less_tol, lam = (tf.cast(value, tf.float32)
                             for value in (numbers.lr, 1 - numbers.tol, numbers.lam))
        _, update = approach_of(settings, lr, numbers.nIter, numbers.seed)
        weighing = copy.copy(model)
        weighing.lam = lam

        def objective(z):
            return weighing.completion_gradient(z, images, mask, lowres_mask, weights)

        def iterate(k, state, losses, zs):
            z, approach, best_z, best_loss, mark, waited = state
            loss, gradient = objective(z)
            losses, zs = losses.write(k, loss), zs.write(k, z)
            best_z = tf.where((loss < best_loss)[:, tf.newaxis], z, best_z)
            best_loss = tf.minimum(loss, best_loss)
            progress = loss < less_tol * mark
            mark, waited = tf.where(progress, loss, mark), tf.where(progress, 0, waited + 1)
            next_z, approach = update(z, approach, loss, gradient, first + k, objective)
            next_z = tf.where((waited >= numbers.patience)[:, tf.newaxis], z, next_z)
            state = SearchState(next_z, approach, best_z, best_loss, mark, waited)
            return k + 1, state, losses, zs

        _, state, *found = tf.while_loop(
            lambda k, *_: k < n, iterate,
            (0, state, *(tf.TensorArray(tf.float32, size=n) for _ in range(2))))
        return state, *(each.stack() for each in found)

    return search


def compile_evaluation(model):
    """`evaluate(z, images, mask, lowres_mask, weights, lam)`: `(complete, contextual, perceptual,
    G(z))`, the losses as `DCGAN.completion_losses` has them."""
    @tf.function(reduce_retracing=True, autograph=False)
    def evaluate(z, images, mask, lowres_mask, weights, lam):
        weighing = copy.copy(model)
        weighing.lam = lam
        G = model.generator(z, weights=weights)
        return *weighing.completion_losses(z, images, mask, lowres_mask, weights, G), G

    return evaluate


def make_search(model, settings, batch=None):
    """The compiled z-search, which is made once for a network and the settings that matter.

    `search(state, images, mask, lowres_mask, first, n)` runs iterations `first` to `first + n - 1`
    inside the graph and returns `(state, losses, zs)`: the next state, and for each iteration the
    losses `[n, B]` and the zs `[n, B, z_dim]` at which they were taken. An image stays at its z
    once `patience` iterations have not lowered its loss by a share of `tol`.

    Args:
        model: a `DCGAN`.
        settings: the `inpainting.settings.Search`, with `lr`, `tol` and `patience`.
        batch: how many z it mostly has at once (`batch_size`); what is fastest depends on it.

    Returns:
        `(start, search)`: `start(z, numbers)` is the `SearchState` at z `[B, z_dim]`, for searches
        that have these numbers, `[B]` int32.
    """
    init, _ = approach_of(settings, settings.lr, settings.nIter, model.seed)
    weights = model.weights.for_search(model.dtype, batch or model.batch_size)
    numbers = Numbers.of(model, settings)
    compiled = model.compiled.of(
        (model.dtype, model.jit, model.prior, *(getattr(settings, name) for name in COMPILED_IN)),
        lambda: compile_search(copy.copy(model), settings))

    def start(z, numbers):
        worst = tf.fill([len(z)], np.inf)
        return SearchState(z, init(z, numbers), z, worst, worst, tf.zeros([len(z)], tf.int32))

    def search(state, images, mask, lowres_mask, first, n):
        return compiled(state, images, mask, lowres_mask, *map(tf.constant, (first, n)), weights,
                        numbers)

    return start, search


class Observer:
    """Is called as a search goes on. This one ignores it; others write files, or show pictures."""

    looks = False  # whether it wants `pictures`

    def iterations(self, rows, first, losses, zs):
        """After the n iterations from `first` on, of the searches numbered `rows` (R of B * K, an
        image's K candidates side by side): losses `[n, R]` and zs `[n, R, z_dim]`."""

    def advance(self, n, loss):
        """After another n iterations; `loss` is the mean, or None if they were skipped because all
        searches had ended."""

    def pictures(self, i, losses, G):
        """After i iterations: the lowest losses so far `[B, K]`, and G(z) `[B, K, S, S, C]`
        float32."""

    def stops(self):
        """Whether the search is to end now, with what it has."""
        return False


class Found(NamedTuple):
    """The result of a search for B images, of K candidates each."""

    i: int  # iterations that were done
    z: np.ndarray  # `[B, K, z_dim]` float32
    complete: np.ndarray  # `[B, K]` float32, contextual + lam * perceptual
    contextual: np.ndarray
    perceptual: np.ndarray
    G: np.ndarray  # `[B, K, S, S, C]` float32 in [-1, 1]


class Searcher:
    """Searches for one batch after another.

    Args:
        model: a `DCGAN`.
        settings: the `inpainting.settings.Search`.
        images: how many images a batch has at most.
        saved, source: as `Starts` takes them.
    """

    def __init__(self, model, settings, images, saved=None, source=None):
        self.model, self.settings = model, settings
        self.start, self.search = make_search(
            model, settings, min(images, model.batch_size) * settings.nCandidates)
        self.weights = model.weights.for_inference(model.dtype)
        self.evaluate = model.compiled.of((model.dtype, model.prior, "evaluation"),
                                          lambda: compile_evaluation(copy.copy(model)))
        self.starts = Starts(model, settings, saved, source)

    def run(self, batch, observer):
        """Search for the z of a batch.

        Args:
            batch: a `CompletionBatch` of B images.
            observer: an `Observer`.

        Returns:
            The `Found`.
        """
        settings, model, count = self.settings, self.model, self.settings.nCandidates
        y, weights = (np.repeat(t, count, axis=0) for t in (batch.y, batch.weights))
        z = self.starts.of(batch)
        numbers = np.add.outer(batch.numbers, np.arange(count, dtype=np.int32)).ravel()
        state, i, at_once = self.start(z, numbers), 0, 1
        now, result, lowest = z.numpy(), z.numpy(), np.full(len(z), np.inf)
        running = np.arange(len(now))  # the searches that are not done, a row of the state each

        def by_image(t):
            return np.reshape(t, (-1, count, *t.shape[1:]))

        def evaluate(z, rows):
            """`(complete, contextual, perceptual, G(z))` of some of the searches."""
            return self.evaluate(
                tf.constant(z), tf.constant(y[rows]), tf.constant(weights[rows]),
                tf.constant(batch.lowres_mask), self.weights, tf.constant(model.lam, tf.float32))

        while True:
            ends = i >= settings.nIter or observer.stops()
            if i % settings.outInterval == 0 or ends:
                done = self._done(state, ends)
                if done.any():
                    last, evaluated = state.z, evaluate(state.z, running)
                    loss = evaluated[0]
                    result[running] = state.result(loss, settings.keepBest)
                    observer.iterations(running[done], i, loss.numpy()[np.newaxis, done],
                                        state.z.numpy()[np.newaxis, done])
                    running, state = running[~done], state.rows(np.flatnonzero(~done))
                if not len(running):
                    break
                if observer.looks:
                    observer.pictures(i, by_image(lowest),
                                      by_image(model.generator(now, weights=self.weights)))
                if observer.stops():
                    continue  # to the end, with the z that was shown
            n = min(at_once, settings.outInterval - i % settings.outInterval, settings.nIter - i)
            before = time.perf_counter()
            state, losses, zs = self.search(
                state, tf.constant(y[running]), weights[running], batch.lowres_mask, i, n)
            observer.iterations(running, i, losses.numpy(), zs.numpy())
            # About a second's, so that progress is seen and Ctrl-C is answered.
            at_once = max(1, int(n / (time.perf_counter() - before)))
            now[running], lowest[running] = state.z, state.best_loss
            observer.advance(n, float(tf.reduce_mean(losses[-1])))
            i += n
        observer.advance(settings.nIter - i, None)
        if not np.array_equal(last, result):
            evaluated = evaluate(result, slice(None))
        return Found(i, by_image(result), *map(by_image, evaluated))

    def _done(self, state, ends):
        """Which searches have ended, `[R]` bool: all, or those without progress."""
        done = (state.waited.numpy() >= patience_of(self.settings)) | ends
        if self.model.jit and not done.all():  # XLA would compile anew for each smaller batch
            done[:] = False
        return done
