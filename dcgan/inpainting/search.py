"""The compiled search for the z of damaged images (Yeh et al. 2016, section 3), and afterwards for
activations of deeper layers of G (Daras et al. 2021, arXiv 2102.07364)."""

import copy
import dataclasses
import time
import zlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dcgan.inpainting import approaches
from dcgan.inpainting.initial_z import InitialZ
from dcgan.inpainting.losses import contextual_weights
from dcgan.machine import memory
from dcgan.pictures import drawing
from dcgan.settings import SettingError


class CompletionBatch(NamedTuple):
    """Images that are completed together."""

    names: list  # the images' names
    images: np.ndarray  # `[B, H, W, C]` uint8
    y: np.ndarray  # the images as float32 in [-1, 1]
    mask: np.ndarray  # `[B, H, W, 1]` float32, 1 = known, 0 = missing
    weights: np.ndarray  # `[B, H, W, 1]` float32, weights of the contextual loss
    lowres_mask: np.ndarray  # `[1, 1, 1, 1]` float32, 1 = the means over blocks are known
    likely: np.ndarray  # `[B, H, W, C]` float32 in [-1, 1], the linear model's fill; or None
    numbers: np.ndarray  # `[B]` int32, seeds for the random draws of each image

    @classmethod
    def from_images(cls, images, masks, loss, lowres=False, names=None, model=None):
        """The batch.

        Args:
            images: `[B, H, W, C]` uint8.
            masks: `[B, H, W]` float32.
            loss: the `inpainting.settings.Loss`.
            lowres: the means over blocks are known.
            names: the images' names.
            model: the `DCGAN`, whose linear model of faces is used if the loss gives it a weight.
        """
        mask, y = masks[..., np.newaxis], drawing.to_float(images)
        weights = contextual_weights(mask, loss.contextual, loss.window, loss.mix)
        likely = model.gaussian.fills(y, mask) if loss.gaussian and not lowres else None
        numbers = numbers_of(images if lowres else np.where(mask, images, 0))
        return cls(names or [""] * len(images), images, y, mask, weights.numpy(),
                   np.full([1, 1, 1, 1], lowres, np.float32), likely, numbers)


def numbers_of(known):
    """A number for each image, `[B]` int32, that depends only on its known pixels, `[B, H, W, C]`
    uint8. An image's index in the batch would depend on the other images."""
    return np.array([zlib.crc32(np.ascontiguousarray(image)) >> 1 for image in known], np.int32)


class SearchState(NamedTuple):
    """The state of the search for B images, for z or for a layer's activations, `[B, ...]`."""

    z: tf.Tensor  # `[B, ...]`
    approach: tuple  # the approach's state: scalars, and tensors with a row per image
    best_z: tf.Tensor  # `[B, ...]`, the z of the lowest loss so far
    best_loss: tf.Tensor  # `[B]`
    mark: tf.Tensor  # `[B]`, the loss at the last progress
    waited: tf.Tensor  # `[B]` int32, iterations since then

    def rows(self, index):
        """The state of the images at these indices."""
        return tf.nest.map_structure(
            lambda t: tf.gather(t, index) if t.shape.rank else t, self)

    def result(self, loss, keep_best):
        """The z with the lowest loss, or the last z; `loss` `[B]` is the loss of the last z."""
        return chosen(loss < self.best_loss, self.z, self.best_z) if keep_best else self.z


def chosen(which, z, other):
    """The rows of z `[B, ...]` for which `which` `[B]` is True, otherwise the rows of other."""
    return tf.where(tf.reshape(which, [-1, *[1] * (len(z.shape) - 1)]), z, other)


class Arguments(NamedTuple):
    """The settings that are arguments of a compiled search: if one of them changes, the search is
    not compiled again. `patience` and `seed` are int32, the others float64."""

    lr: tf.Tensor  # a scalar, or `[n]`, one for each channel
    nIter: tf.Tensor
    tol: tf.Tensor
    patience: tf.Tensor
    lam: tf.Tensor
    seed: tf.Tensor

    @classmethod
    def of(cls, model, settings):
        """The arguments from an `inpainting.settings.Search` and a `DCGAN` set up for it."""
        given = (settings.lr or 0.0, settings.nIter, settings.tol, patience_of(settings),
                 model.lam, model.seed)
        return cls(*(tf.constant(value, tf.int32 if name in ("patience", "seed") else tf.float64)
                     for name, value in zip(cls._fields, given)))


# The settings of an approach that are compiled into the search.
COMPILED_IN = ("approach", "schedule", "momentum", "beta1", "beta2", "eps", "hmcBeta", "hmcEps",
               "hmcL", "hmcAnneal")


def patience_of(settings):
    """Iterations without progress after which an image's search stops."""
    return settings.patience if settings.tol > 0 else tf.int32.max


def approach_of(settings, lr, n_iter, seed, edge):
    """`(init, update)` of the settings' approach for z, or for a layer's activations if `edge` is
    not 0; see `approaches`."""
    rate = approaches.SCHEDULES[settings.schedule](lr, n_iter)
    return {
        "momentum": lambda s: approaches.nesterov(rate, s.momentum),
        "adam": lambda s: approaches.projected_adam(rate, s.beta1, s.beta2, s.eps, edge > 0),
        "hmc": lambda s: approaches.hmc(s.hmcBeta, s.hmcEps, s.hmcL, s.hmcAnneal, seed),
    }[settings.approach](settings)


def compile_search(model, settings, edge):
    """Compile the iterations that `make_search` describes. The compiled function takes the weights
    and the `Arguments` too, so it serves every search whose other settings are equal."""
    # AutoGraph would leave compiled code in the system's temporary folder.
    @tf.function(jit_compile=model.jit, reduce_retracing=True, autograph=False)
    def search(state, images, mask, lowres_mask, first, n, weights, arguments):
        lr, progress_factor, lam = (tf.cast(value, tf.float32) for value in (
            arguments.lr, 1 - arguments.tol, arguments.lam))
        _, update = approach_of(settings, lr, arguments.nIter, arguments.seed, edge)
        weighing = copy.copy(model)
        weighing.lam = lam

        def objective(z):
            return weighing.completion_gradient(z, images, mask, lowres_mask, weights)

        def iterate(k, state, losses, zs):
            z, approach, best_z, best_loss, mark, waited = state
            loss, gradient = objective(z)
            losses = losses.write(k, loss)
            zs = zs if edge else zs.write(k, z)  # activations would be gigabytes
            best_z = chosen(loss < best_loss, z, best_z)
            best_loss = tf.minimum(loss, best_loss)
            progress = loss < progress_factor * mark
            mark, waited = tf.where(progress, loss, mark), tf.where(progress, 0, waited + 1)
            next_z, approach = update(z, approach, loss, gradient, first + k, objective)
            next_z = chosen(waited >= arguments.patience, z, next_z)
            state = SearchState(next_z, approach, best_z, best_loss, mark, waited)
            return k + 1, state, losses, zs

        _, state, losses, zs = tf.while_loop(
            lambda k, *_: k < n, iterate,
            (0, state, *(tf.TensorArray(tf.float32, size=n) for _ in range(2))))
        return state, losses.stack(), None if edge else zs.stack()

    return search


def compile_evaluation(model):
    """Compile `evaluate(z, images, mask, lowres_mask, weights, lam)`, which returns `(complete,
    contextual, perceptual, G(z))`; see `DCGAN.completion_losses` for the losses."""
    @tf.function(reduce_retracing=True, autograph=False)
    def evaluate(z, images, mask, lowres_mask, weights, lam):
        weighing = copy.copy(model)
        weighing.lam = lam
        G = model.generator(z, weights=weights)
        return *weighing.completion_losses(z, images, mask, lowres_mask, weights, G), G

    return evaluate


def make_search(model, settings, batch=None, edge=0):
    """The compiled search, compiled once for each precision, loss and choice of `COMPILED_IN`.

    `search(state, images, mask, lowres_mask, first, n)` runs iterations `first` to `first + n - 1`
    inside the graph and returns `(state, losses, zs)`: the next state, and for each iteration the
    losses `[n, B]` and the zs `[n, B, z_dim]` that have these losses. An image keeps its z once
    `patience` iterations have not lowered its loss by the fraction `tol`.

    Args:
        model: a `DCGAN`.
        settings: the `inpainting.settings.Search`, with `lr`, `tol` and `patience`.
        batch: the usual number of z at once (default: `batch_size`), which decides what form of
            the weights is fastest.
        edge: 0 to search for z, or the width of the layer of G whose activations are searched
            instead. `lr` is then in standard deviations of the activations, and there are no zs.

    Returns:
        `(start, search)`: `start(z, numbers)` is the `SearchState` at z `[B, z_dim]`; numbers,
        `[B]` int32, seed the random draws.
    """
    init, _ = approach_of(settings, settings.lr, settings.nIter, model.seed, edge)
    weights = model.weights.for_search(model.dtype, batch or model.batch_size)
    arguments = Arguments.of(model, settings)
    if edge:
        arguments = arguments._replace(lr=arguments.lr * deviations(model, edge))
    compiled = model.compiled.of(
        (model.dtype, model.jit, model.prior, edge,
         *(getattr(settings, name) for name in COMPILED_IN)),
        lambda: compile_search(copy.copy(model), settings, edge))

    def start(z, numbers):
        worst = tf.fill([len(z)], np.inf)
        return SearchState(z, init(z, numbers), z, worst, worst, tf.zeros([len(z)], tf.int32))

    def search(state, images, mask, lowres_mask, first, n):
        return compiled(state, images, mask, lowres_mask, *map(tf.constant, (first, n)), weights,
                        arguments)

    return start, search


def deviations(model, edge):
    """The standard deviations of the activations of G's layer of that width, `[n]` float64: the
    batch-norm scales of its channels."""
    i = model.architecture.edges.index(edge)
    return tf.cast(tf.abs(model.weights.shown[f"generator/g_bn{i}/gamma"]), tf.float64)


def stages(model, settings):
    """The stages of a search: for z, and then for the activations of one deeper layer after the
    other; each stage starts from the previous result (Daras et al. 2021, arXiv 2102.07364).

    A layer has twice the activations of the layer before: twice the iterations, half the step size.

    Returns:
        `[(edge, Search)]`: 0 for z, or the layer's width; and the settings of the stage.
    """
    edges = [edge for edge in model.architecture.edges if edge <= settings.deeperTo]
    ends = np.round(settings.deeper * np.cumsum(edges) / sum(edges)).astype(int)
    return [(0, settings), *(
        (edge, dataclasses.replace(settings, approach="adam", schedule="cosine", tol=0.0,
                                   nIter=count, lr=settings.deeperLr * edges[0] / edge))
        for edge, count in zip(edges, np.diff(ends, prepend=0).tolist()) if count)]


def require_memory(model, settings, count):
    """Raise a SettingError if a search needs more memory than is free, because the system or
    TensorFlow may otherwise end the process without a message. The estimate is a lower bound.

    Args:
        model: the `DCGAN`.
        settings: the `inpainting.settings.Search`.
        count: images in a batch.
    """
    if tf.config.get_visible_devices("GPU"):  # TensorFlow reports a lack of GPU memory itself
        return
    sizes, n = model.architecture, settings.nInit
    pixels = model.image_size**2 * model.c_dim
    activations = sum(edge**2 * width for edge, width in zip(
        (*sizes.edges, *sizes.edges[::-1]), (*sizes.g_widths, *sizes.d_widths)))
    # A bank for each candidate, and one copy; for the regression, an equation of n unknowns.
    starts = (settings.nCandidates + 1) * n * pixels
    if settings.initBy == "regression":
        starts += n * pixels + 3 * n**2
    searches = "nCandidates" if settings.nCandidates > 1 else "batchSize"
    needed = {"nInit": 4 * starts * (n > 1),
              searches: 4 * (activations + 8 * pixels) * count * settings.nCandidates}
    name = max(needed, key=needed.get)
    free = memory.available()
    if needed[name] > free:
        raise SettingError(
            name, getattr(settings, name), "lower"
            + ", or batchSize lower" * (name == "nCandidates" and count > 1)
            + f", because the search needs over {needed[name] / 2**30:,.1f} GiB of memory, and "
            f"{free / 2**30:,.1f} GiB are free")


class Observer:
    """Is called during a search; does nothing itself. Subclasses write files or show pictures."""

    looks = False  # whether `pictures` is called

    def iterations(self, rows, first, losses, zs):
        """Called after n iterations, the first of which has number `first`, for the searches in
        `rows` (R of B * K; an image's K candidates are consecutive): losses `[n, R]` and zs
        `[n, R, z_dim]`."""

    def advance(self, n, loss):
        """Called after n more iterations; `loss` is the mean loss, or None if they were skipped
        because all searches had stopped."""

    def pictures(self, i, losses, G):
        """Called after i iterations with the lowest losses so far `[B, K]`, and G(z)
        `[B, K, S, S, C]` float32."""

    def stops(self):
        """Whether to stop the search now and keep its current result."""
        return False


class Found(NamedTuple):
    """The result of a search for B images, with K candidates each."""

    i: int  # number of iterations
    z: np.ndarray  # `[B, K, z_dim]` float32
    activations: np.ndarray  # `[B, K, r, r, n]` float16, of the deepest layer; or None
    complete: np.ndarray  # `[B, K]` float32, contextual + lam * perceptual
    contextual: np.ndarray
    perceptual: np.ndarray
    G: np.ndarray  # `[B, K, S, S, C]` float32 in [-1, 1], from the activations or from z


class Stage(NamedTuple):
    """A stage of the search: for z, or for the activations of a layer of G."""

    edge: int  # width of the layer; 0 for z
    settings: tuple  # an `inpainting.settings.Search`
    start: object  # from `make_search`
    search: object


@dataclasses.dataclass
class Task:
    """The state of the search for a batch; an image's candidates are consecutive."""

    batch: CompletionBatch
    y: np.ndarray  # `[B * K, H, W, C]`
    weights: np.ndarray  # `[B * K, H, W, 1]`
    observer: Observer
    z: np.ndarray  # `[B * K, z_dim]`, the start; after the first stage, its result
    lowest: np.ndarray  # `[B * K]`, the lowest losses so far
    i: int = 0  # number of iterations so far


class Searcher:
    """Searches for one batch after another.

    Args:
        model: a `DCGAN`.
        settings: the `inpainting.settings.Search`.
        images: the largest number of images in a batch.
        saved, source: see `InitialZ`.
    """

    def __init__(self, model, settings, images, saved=None, source=None):
        self.model, self.settings = model, settings
        batch = min(images, model.batch_size) * settings.nCandidates
        self.stages = [Stage(edge, stage, *make_search(model, stage, batch, edge))
                       for edge, stage in stages(model, settings)]
        self.weights = model.weights.for_inference(model.dtype)
        self.evaluate = model.compiled.of((model.dtype, model.prior, "evaluation", self.deepest),
                                          lambda: compile_evaluation(copy.copy(model)))
        self.initial_z = InitialZ(model, settings, saved, source)

    def run(self, batch, observer):
        """Search for the z of a batch, and then for activations of deeper layers.

        Args:
            batch: a `CompletionBatch` of B images.
            observer: an `Observer`.

        Returns:
            The `Found`.
        """
        count = self.settings.nCandidates
        y, weights = (np.repeat(t, count, axis=0) for t in (batch.y, batch.weights))
        z = self.initial_z.for_batch(batch).numpy()
        task = Task(batch, y, weights, observer, z, np.full(len(z), np.inf))
        h, evaluated = self._run_stage(task, self.stages[0], z)
        task.z, activations = h, None
        for stage in self.stages[1:]:
            h = self.model.generator(h, weights=self.weights, to=stage.edge).numpy()
            h, evaluated = self._run_stage(task, stage, h)
        if self.deepest:  # in half precision, in which they are saved
            activations = h.astype(np.float16)
            evaluated = self._evaluate(task, activations.astype(np.float32), slice(None))
        return Found(task.i, *(t if t is None else self._by_image(t)
                               for t in (task.z, activations, *evaluated)))

    @property
    def deepest(self):
        """The width of the last stage's layer; 0 if that stage searches for z."""
        return self.stages[-1].edge

    def _run_stage(self, task, stage, h):
        """Search from h, `[B * K, ...]`, which is z or the activations of the stage's layer.

        Returns:
            `(h, evaluated)`: the result, and the result of `_evaluate` for it; `evaluated` is None
            before the last stage.
        """
        settings, observer, end = stage.settings, task.observer, task.i + stage.settings.nIter
        began, at_once, evaluated = task.i, 1, None
        numbers = np.add.outer(
            task.batch.numbers, np.arange(settings.nCandidates, dtype=np.int32)).ravel()
        state = stage.start(tf.constant(h), numbers)
        now, result = h.copy(), h.copy()
        running = np.arange(len(h))  # indices of the running searches; the state has a row for each

        def tell(rows, losses, z):  # activations are too many to log; z is logged
            observer.iterations(rows, task.i, losses, z if not stage.edge else np.broadcast_to(
                task.z[rows], (*losses.shape, self.model.z_dim)))

        while True:
            ends = task.i >= end or observer.stops()
            if task.i % settings.outInterval == 0 or ends:
                done = self._done(state, settings, ends)
                if done.any():
                    last, loss = state.z, tf.fill([len(running)], np.inf)
                    if stage.edge == self.deepest:  # other stages pass on best_z
                        evaluated = self._evaluate(task, last, running)
                        loss = evaluated[0]
                        tell(running[done], loss.numpy()[np.newaxis, done],
                             last.numpy()[np.newaxis, done])
                    result[running] = state.result(loss, settings.keepBest)
                    running, state = running[~done], state.rows(np.flatnonzero(~done))
                if not len(running):
                    break
                if observer.looks:
                    observer.pictures(task.i, self._by_image(task.lowest), self._by_image(
                        self.model.generator(now, weights=self.weights)))
                if observer.stops():
                    continue  # stop with the z that was shown
            n = min(at_once, settings.outInterval - task.i % settings.outInterval, end - task.i)
            before = time.perf_counter()
            state, losses, zs = stage.search(
                state, tf.constant(task.y[running]), task.weights[running],
                task.batch.lowres_mask, task.i - began, n)
            tell(running, losses.numpy(), zs if stage.edge else zs.numpy())
            # Iterations of about a second, so that the user sees progress and can press Ctrl-C.
            at_once = max(1, int(n / (time.perf_counter() - before)))
            now[running] = state.z
            task.lowest[running] = np.minimum(task.lowest[running], state.best_loss)
            observer.advance(n, float(tf.reduce_mean(losses[-1])))
            task.i += n
        observer.advance(end - task.i, None)
        if stage.edge == self.deepest and not np.array_equal(last, result):
            evaluated = self._evaluate(task, result, slice(None))
        return result, evaluated

    def _evaluate(self, task, h, rows):
        """`(complete, contextual, perceptual, G(h))` of the searches in `rows`."""
        return self.evaluate(
            tf.constant(h), tf.constant(task.y[rows]), tf.constant(task.weights[rows]),
            tf.constant(task.batch.lowres_mask), self.weights,
            tf.constant(self.model.lam, tf.float32))

    def _by_image(self, t):
        return np.reshape(t, (-1, self.settings.nCandidates, *t.shape[1:]))

    def _done(self, state, settings, ends):
        """Boolean mask `[R]` of the finished searches: all, or those without progress."""
        done = (state.waited.numpy() >= patience_of(settings)) | ends
        if self.model.jit and not done.all():  # XLA would compile again for each smaller batch
            done[:] = False
        return done
