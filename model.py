"""The DCGAN of Brandon Amos, "Image Completion with Deep Learning in TensorFlow" (2016).

One class holds the article: generator G, discriminator D, their losses and updates (after Radford
et al. 2015, arXiv 1511.06434), and the completion of damaged images by a search for the latent z
(Yeh, Chen et al. 2016, arXiv 1607.07539).
"""

import machine  # noqa: F401, I001  (before TensorFlow, whose environment it sets)

import contextlib
import functools
import itertools
import os
import re
import signal
import sys
import time
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import ops
import utils
from files import naming
from files import notices
from files import writing
from machine import signals
from inpainting import outputs as completion_outputs
from inpainting.losses import PRIORS
from inpainting.masks import alike
from inpainting.photos import Framer
from inpainting.results import Results, read_latents
from kernels.convolution import fastest_filter
from training import augment, checkpoints, cluster
from training import outputs as training_outputs
from training.checkpoints import Architecture, checkpoint_architecture
from training.penalty import with_r1
from training.pictures import Pictures
from training.recipe import Recipe
from training.record import Curves, record_run, refuse_to_overwrite, write_hparams
from files.errors import UserError
from validation.heldout import HeldOut

SAMPLE_COUNT = 64
PATIENCE = 20  # iterations within which a search has to make progress, if not said otherwise
# What TensorBoard shows, under the original's tags where it had one.
SCALARS = {
    "d_loss": "D's loss, in nats: d_loss_real + d_loss_fake; 1.39 if D only guesses.",
    "d_loss_real": "Mean of -log D(x) over the batch's real images, in nats.",
    "d_loss_fake": "Mean of -log(1 - D(G(z))) over the batch, in nats.",
    "g_loss": "G's loss in the second of its updates: mean of -log D(G(z)), in nats.",
    "accuracy/real": "Share of the batch's real images that D calls real.",
    "accuracy/fake": "Share of the batch's generated images that D calls generated.",
    "r1": "Half the mean squared length of D's gradient at the batch's real images, of --r1.",
    "images_per_second": "Real images that training takes in a second."}
HISTOGRAMS = {
    "z": "The latents of the step, uniform from -1 to 1.",
    "d": "D of the real images: how likely it thinks each of them real.",
    "d_": "D of the generated images: how likely it thinks each of them real."}
# The flags of a training by which TensorBoard compares runs.
HPARAMS = ("dataset", "train_size", "flip", "batch_size", "learning_rate", "beta1", "ema",
           "diffaug", "label_smoothing", "r1", "r1_interval", "lr_schedule", "image_size", "z_dim",
           "gf_dim", "df_dim", "c_dim", "sync_batch_norm", "precision", "init", "seed")
# Of the regression of z on pixels; chosen in docs/search.md.
RIDGE_STRENGTH = 0.1


class Diverged(UserError):
    """A loss or a weight that is not finite."""


def initial_value(name, shape, seed):
    """Weights N(0, 0.02) (D's convolutions truncated at two deviations), gammas and variances 1."""
    part = name.rsplit("/", 1)[1]
    if part in ("gamma", "moving_variance"):
        return tf.ones(shape)
    if part not in ("w", "Matrix"):
        return tf.zeros(shape)
    if "_conv" in name:
        return tf.random.stateless_truncated_normal(shape, seed, stddev=0.02)
    return tf.random.stateless_normal(shape, seed, stddev=0.02)


class CompletionBatch(NamedTuple):
    """Images that are completed together."""

    frames: list  # of `inpainting.photos.Frame`
    images: np.ndarray  # `[B, H, W, C]` uint8
    y: np.ndarray  # the same, float32 in [-1, 1]
    mask: np.ndarray  # `[B, H, W, 1]` float32, 1 = known, 0 = missing
    weights: np.ndarray  # `[B, H, W, 1]` float32, the mask as the contextual loss weighs it
    lowres_mask: np.ndarray  # `[1, 1, 1, 1]` float32, 1 = the blocks' means are known


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


class DCGAN(tf.Module):
    """Generator, discriminator, their training, and image completion.

    Args:
        image_size: edge of the square images, a power of two from 8 to 256.
        batch_size: images per training step, and per search in `complete`.
        z_dim: length of the latent z.
        gf_dim, df_dim: channels of G's and D's widest-resolution layer; deeper ones have up to 8x.
        c_dim: 3 for RGB, 1 for grey.
        lam: weight of the perceptual against the contextual loss in completion.
        prior: the perceptual loss in completion, by its name in `inpainting.losses`: article,
            -log D(G(z)), or saturating, log(1 - D(G(z))).
        lowres: edge of the blocks that the `lowres` mask averages.
        seed: seeds weights, z and the order of the data.
        precision: of the convolutions, float32, bfloat16 or float16; variables, batch norm's
            statistics, the first and the last layer and the losses are always float32.
        jit: compile training step and search with XLA; None is on a GPU alone (on a CPU, XLA's
            convolutions are many times slower; what several GPUs do was never tried).
        sync_batch_norm: in training, normalise with the statistics of the whole batch, where
            several replicas share it, and not each with its own.
        ema: in training, keep a moving average of G's weights too, of which each step keeps this
            share; samples and completions are the average's G (Yazici et al. 2018, arXiv
            1806.04498). 0 keeps none.
        recipe: the `training.recipe.Recipe`; None is the article's.
        architecture: an `Architecture` that replaces the sizes above, as read from a checkpoint.
        strategy: the `tf.distribute.Strategy` that trains it; None is one device.
    """

    def __init__(self, image_size=64, batch_size=64, z_dim=100, gf_dim=64, df_dim=64, c_dim=3,
                 lam=0.1, prior="article", lowres=8, seed=0, precision="float32", jit=None,
                 sync_batch_norm=False, ema=0.0, recipe=None, architecture=None, strategy=None):
        super().__init__(name="DCGAN")
        self.architecture = architecture or Architecture.make(
            image_size, z_dim, gf_dim, df_dim, c_dim)
        self.image_size, self.z_dim, self.c_dim, *_ = self.architecture
        self.batch_size, self.lowres, self.seed = batch_size, lowres, seed
        self.lam, self.prior = lam, prior
        self.dtype = tf.as_dtype(precision)
        self.sync_batch_norm, self.ema, self.recipe = sync_batch_norm, ema, recipe or Recipe()
        self.strategy = strategy or tf.distribute.get_strategy()
        one_gpu = (tf.config.get_visible_devices("GPU")
                   and self.strategy.num_replicas_in_sync == 1)
        self.jit = bool(one_gpu) if jit is None else jit
        with self.strategy.scope():
            self.vars = {
                name: tf.Variable(initial_value(name, shape, (seed, i)), name=name,
                                  trainable="moving_" not in name)
                for i, (name, shape) in enumerate(self.architecture.shapes().items())}
            self.average = {name: tf.Variable(tf.identity(v), trainable=False)
                            for name, v in self._net("generator").items() if ema}
        self.g_vars = self._net("generator", trainable=True)
        self.d_vars = self._net("discriminator", trainable=True)
        self.g_optim = self.d_optim = None
        # Where training stands: steps taken, the epoch, and how far into its shuffled file list.
        self.progress = {
            name: tf.Variable(0, dtype=tf.int64, trainable=False, name=f"progress/{name}")
            for name in ("step", "epoch", "position")}

    def _net(self, net, trainable=False):
        """`{name: variable}` of G or D; without the running statistics, if only the trainable."""
        return {name: v for name, v in self.vars.items()
                if name.startswith(f"{net}/") and (v.trainable or not trainable)}

    # Networks

    def _batch_norm_vars(self, name, variables=None):
        return [(variables or self.vars)[f"{name}/{part}"]
                for part in ("gamma", "beta", "moving_mean", "moving_variance")]

    def folded(self, net="", variables=None):
        """The weights for inference: batch norm, which is constant there, is multiplied into the
        layer in front of it, and convolutions have the model's precision.

        Args:
            net: generator or discriminator, or both.
            variables: what takes the place of `vars`, such as `average`.

        Returns:
            `{name: tensor}`, what `generator` and `discriminator` take as `weights`.
        """
        variables = {name: v for name, v in (variables or self.vars).items()
                     if name.startswith(net)}
        weights = {name: tf.convert_to_tensor(v) for name, v in variables.items()
                   if "_bn" not in name}
        for norm in sorted({name.rpartition("/")[0] for name in variables if "_bn" in name}):
            scale, offset = ops.batch_norm_scale_and_offset(
                *self._batch_norm_vars(norm, variables))
            i = int(re.search(r"\d+$", norm)[0])
            if norm.startswith("discriminator"):
                kernel, bias = f"discriminator/d_h{i}_conv/w", f"discriminator/d_h{i}_conv/biases"
                weights[kernel] *= scale
            elif i > 0:
                kernel, bias = f"generator/g_h{i}/w", f"generator/g_h{i}/biases"
                weights[kernel] *= scale[:, tf.newaxis]
            else:  # this layer makes 4x4 pixels of all channels
                kernel, bias = "generator/g_h0_lin/Matrix", "generator/g_h0_lin/bias"
                scale, offset = tf.tile(scale, [16]), tf.tile(offset, [16])
                weights[kernel] *= scale
            weights[bias] = weights[bias] * scale + offset
        return {name: w if "_lin/" in name else tf.cast(w, self.dtype)
                for name, w in weights.items()}

    def search_weights(self, batch):
        """What `folded` returns, in the form that is fastest for a search of `batch` z at once."""
        return self._with_fastest_filters(self.folded(), batch)

    def _training_weights(self, net, batch):
        """`vars` of G or D in the form that is fastest for updates with `batch` images, of which
        gradients reach `vars`; to be made within their tape."""
        return self._with_fastest_filters(self._net(net), batch, trained=True)

    def _with_fastest_filters(self, weights, batch, trained=False):
        """The weights, those of the layers between 8x8 and 4x4 by `fastest_filter`."""
        last = len(self.architecture.d_widths) - 1
        filters = fastest_filter(self.dtype, batch, trained)
        names = weights.keys() & {"generator/g_h1/w", f"discriminator/d_h{last}_conv/w"}
        return weights | {name: filters.of(weights[name]) for name in names if filters}

    def generator(self, z, training=False, momentum=ops.BN_MOMENTUM, weights=None):
        """G: images from latents.

        Args:
            z: `[B, z_dim]` float32, in [-1, 1].
            training: batch norm by the batch's own statistics (True) or the running ones.
            momentum: batch norm's, in training.
            weights: what `folded` or `search_weights` returned, to spare folding again; in
                training, what `_training_weights` did.

        Returns:
            `[B, image_size, image_size, c_dim]` float32 in [-1, 1].
        """
        widths = self.architecture.g_widths
        with tf.name_scope("generator"):
            v = weights or (self.vars if training else self.folded("generator"))
            # In float32 at any precision: it costs next to nothing, and bfloat16 knows but 256
            # places between neighbouring powers of two, too few for a search to move z.
            h = ops.linear(z, v["generator/g_h0_lin/Matrix"], v["generator/g_h0_lin/bias"])
            h = tf.cast(tf.reshape(h, [-1, 4, 4, widths[0]]), self.dtype)
            for i in range(len(widths)):
                if training:
                    h = ops.batch_norm(h, *self._batch_norm_vars(f"generator/g_bn{i}"), momentum,
                                       self.sync_batch_norm)
                name = f"generator/g_h{i + 1}"
                h = ops.conv2d_transpose(tf.nn.relu(h), v[f"{name}/w"], v[f"{name}/biases"])
            return tf.nn.tanh(tf.cast(h, tf.float32))

    def discriminator(self, images, training=False, weights=None):
        """D: how real each image looks.

        Args:
            images: `[B, image_size, image_size, c_dim]` float32 in [-1, 1].
            training: batch norm by the batch's own statistics (True) or the running ones.
            weights: as `generator` takes them.

        Returns:
            `(probability, logits)`, each `[B, 1]` float32; probability = sigmoid(logits).
        """
        widths = self.architecture.d_widths
        with tf.name_scope("discriminator"):
            v = weights or (self.vars if training else self.folded("discriminator"))
            h = tf.cast(images, self.dtype)
            for i in range(len(widths)):
                name = f"discriminator/d_h{i}_conv"
                if training and i > 0:
                    h = ops.conv2d(h, v[f"{name}/w"], v[f"{name}/biases"])
                    h = ops.batch_norm(h, *self._batch_norm_vars(f"discriminator/d_bn{i}"),
                                       sync=self.sync_batch_norm)
                    h = ops.lrelu(h)
                else:
                    h = ops.conv2d(h, v[f"{name}/w"], v[f"{name}/biases"], leak=ops.LEAK)
            name = f"discriminator/d_h{len(widths) - 1}_lin"
            h = tf.cast(tf.reshape(h, [-1, 16 * widths[-1]]), tf.float32)
            logits = ops.linear(h, v[f"{name}/Matrix"], v[f"{name}/bias"])
            return tf.sigmoid(logits), logits

    def graph(self):
        """The networks as TensorBoard shows them, a `GraphDef`: z to G to D, and images to D.

        Built anew with variables of its own, which lie inside the boxes of their networks; in the
        graph of the compiled training step they are a hundred loose inputs that hide everything.
        """
        shape = [None, self.image_size, self.image_size, self.c_dim]
        with tf.Graph().as_default() as graph:
            twin = DCGAN(architecture=self.architecture)
            images = tf.compat.v1.placeholder(tf.float32, shape, "images")
            z = tf.compat.v1.placeholder(tf.float32, [None, self.z_dim], "z")
            ends = twin.discriminator(images)[0], twin.discriminator(twin.generator(z))[0]
        # Without what G(z) and D do not need: initial values, and where training stands.
        return tf.compat.v1.graph_util.extract_sub_graph(
            graph.as_graph_def(add_shapes=True), [end.op.name for end in ends])

    # Training losses, each `[B]`: one per image

    @staticmethod
    def d_loss_real(logits, label=1.0):
        """D wants every real image to be called real; with a label below 1 (Salimans et al. 2016,
        arXiv 1606.03498, one-sided label smoothing), with that probability."""
        return ops.sigmoid_cross_entropy(logits, label)

    @staticmethod
    def d_loss_fake(logits):
        """D wants every G(z) to be called fake."""
        return ops.sigmoid_cross_entropy(logits, 0.0)

    @staticmethod
    def g_loss(logits):
        """G wants every G(z) to be called real: -log D(G(z))."""
        return ops.sigmoid_cross_entropy(logits, 1.0)

    # Training

    @classmethod
    def for_training(cls, config):
        """A DCGAN of the sizes in train-dcgan.py's flags, or of the checkpoint it starts from.

        Raises:
            UserError: a size was asked for that the checkpoint does not have, or the flags of the
                machine do not fit it.
        """
        if checkpoints.is_one(config.checkpoint_dir):
            raise UserError(f"--checkpoint_dir {config.checkpoint_dir}: is one checkpoint, not a "
                            "folder; start from its weights with --init")
        for flag in ("checkpoint_dir", "log_dir"):
            checkpoints.require_usable_name(getattr(config, flag), f"--{flag}")
        strategy = cluster.make_strategy(config.strategy, config.batch_size)
        worker, workers = cluster.worker_of(strategy)
        if not config.resume and worker == 0:
            refuse_to_overwrite(config.checkpoint_dir, config.sample_dir)
        source = (config.checkpoint_dir if checkpoints.find_checkpoints(config.checkpoint_dir)
                  else config.init)
        architecture = source and checkpoint_architecture(
            checkpoints.newest_whole(source, silent=True)[0])
        given = {k: getattr(config, k)
                 for k in ("image_size", "z_dim", "gf_dim", "df_dim", "c_dim")
                 if getattr(config, k) is not None}
        settings = {k: getattr(config, k)
                    for k in ("batch_size", "seed", "precision", "jit", "sync_batch_norm", "ema")}
        settings["recipe"] = Recipe.of(config)
        if architecture:
            has = architecture.sizes()
            for flag, value in given.items():
                if value != has[flag]:
                    raise UserError(
                        f"--{flag} {value}: the checkpoint in {source} has {has[flag]}; "
                        "leave the flag out, or train into another --checkpoint_dir")
        else:
            architecture = Architecture.make(**given)
        if workers > 1:
            cluster.require_agreement(strategy, architecture, settings, [
                getattr(config, k) for k in ("epoch", "max_steps", "learning_rate", "beta1",
                                             "train_size", "crop", "flip")])
        model = cls(**settings, architecture=architecture, strategy=strategy)
        if model.jit and strategy.num_replicas_in_sync > 1 and not tf.config.get_visible_devices(
                "GPU"):
            raise UserError("--jit: on CPUs, XLA cannot compile what several devices do together; "
                            "leave the flag out")
        return model

    def make_optimizers(self, learning_rate=0.0002, beta1=0.5):
        """Fresh Adam slots for both networks; `load` fills them from a checkpoint that has some."""
        def adam(variables):
            scale = ops.LossScale() if self.dtype == tf.float16 else None
            return ops.Adam(variables, learning_rate, beta1, loss_scale=scale)

        with self.strategy.scope():
            self.g_optim, self.d_optim = adam(self.g_vars), adam(self.d_vars)

    def train_step(self, images, z, learning_rate=None, u=None, penalised=False):
        """One batch of the article's schedule: D is updated once, then G twice with the same z.

        Where several replicas share the batch, each calls this with its part, and every update is
        by the mean of their gradients.

        (The GAN paper updates G once; the article updates it twice so that d_loss does not go to
        zero.) D's update and G's first see the same G(z), so that forward pass runs once; its batch
        statistics still move G's running ones twice, as two passes would: momentum 0.9 squared.

        Args:
            images: `[B, image_size, image_size, c_dim]` float32 in [-1, 1].
            z: `[B, z_dim]` float32 in [-1, 1].
            learning_rate: float32 scalar; None is the optimizers'.
            u: `[4, B, ...]` float32, of `training.augment.draw`; None augments nothing.
            penalised: add the R1 penalty to D's loss.

        Returns:
            `{name: tensor}`: the scalars `d_loss`, `d_loss_real`, `d_loss_fake` and `g_loss` (batch
            means, as the updates used them; `g_loss` of the second), and D's probabilities `d` of
            the real and `d_` of the generated images, `[B, 1]`, before its update; and `r1`, the
            penalty, if there is one, which `d_loss` is without.
        """
        def judge(images, k, weights):  # D of what it sees of them, in its k-th pass
            seen = images if u is None else augment.augment(images, self.recipe.diffaug, u[k])
            return self.discriminator(seen, training=True, weights=weights)

        with tf.GradientTape() as g_tape:
            fake = self.generator(z, training=True, momentum=ops.BN_MOMENTUM**2,
                                  weights=self._training_weights("generator", len(images)))
        with tf.GradientTape() as d_tape:
            weights = self._training_weights("discriminator", len(images))
            (d, d_logits), r1 = (
                with_r1(lambda real: judge(real, 0, weights), images) if penalised
                else (judge(images, 0, weights), None))
            d_, d_logits_ = judge(tf.stop_gradient(fake), 1, weights)
            d_loss_real = tf.reduce_mean(self.d_loss_real(d_logits, self.recipe.real_label))
            d_loss_fake = tf.reduce_mean(self.d_loss_fake(d_logits_))
            d_loss = d_loss_real + d_loss_fake
            scaled = self.d_optim.scaled(
                d_loss + self.recipe.r1_weight * r1 if penalised else d_loss)
        self.d_optim.apply(
            ops.mean_of_replicas(d_tape.gradient(scaled, self.d_vars)), learning_rate)

        weights = self._training_weights("discriminator", len(images))
        with tf.GradientTape() as tape:
            tape.watch(fake)
            g_loss = tf.reduce_mean(self.g_loss(judge(fake, 2, weights)[1]))
            scaled = self.g_optim.scaled(g_loss)
        self.g_optim.apply(ops.mean_of_replicas(
            g_tape.gradient(fake, self.g_vars, output_gradients=tape.gradient(scaled, fake))),
            learning_rate)

        with tf.GradientTape() as tape:
            fake = self.generator(
                z, training=True, weights=self._training_weights("generator", len(images)))
            g_loss = tf.reduce_mean(self.g_loss(judge(fake, 3, weights)[1]))
            scaled = self.g_optim.scaled(g_loss)
        self.g_optim.apply(
            ops.mean_of_replicas(tape.gradient(scaled, self.g_vars)), learning_rate)
        self._average_statistics()
        self._average_weights()
        return {"d_loss": d_loss, "d_loss_real": d_loss_real, "d_loss_fake": d_loss_fake,
                "g_loss": g_loss, "d": d, "d_": d_} | ({"r1": r1} if penalised else {})

    def _average_statistics(self):
        """Make the running statistics of all replicas the mean of theirs. An update of them is
        linear in the batch's, so that once at the end of a step is as good as at every update."""
        if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
            moved = {name: tf.identity(v) for name, v in self.vars.items() if not v.trainable}
            for name, mean in ops.mean_of_replicas(moved).items():
                self.vars[name].assign(mean)

    def _average_weights(self):
        """Move the average of G's weights and running statistics towards the present ones; the
        first steps keep less, so that the initial weights are soon forgotten."""
        updates = tf.cast(self.g_optim.step, tf.float32)
        keep = tf.minimum(self.ema, (1 + updates) / (10 + updates))
        for name, average in self.average.items():
            average.assign_sub((1 - keep) * (average - self.vars[name]))

    def make_train_step(self):
        """The compiled training step of all replicas.

        Returns:
            The function `(images, z, stop, learning_rate, u, penalised) -> result`: of a
            distributed batch of images, z `[batch_size, z_dim]`, a float32 that is not 0 if this
            worker was asked to stop, and what else `train_step` takes; `result` is what that
            returns, with the means of all replicas, D's probabilities of this worker's, the
            accuracies, and `stop`, 0 unless any worker was asked to, so that all of them stop
            behind the same step.
        """
        def of_replica(images, z, stop, learning_rate, u, penalised):
            count = images.shape[0]
            first = count * tf.distribute.get_replica_context().replica_id_in_sync_group
            z = tf.slice(z, [first, 0], [count, self.z_dim])
            if u is not None:
                u = tf.slice(u, [0, first, 0], [u.shape[0], count, u.shape[2]])
            result = self.train_step(images, z, learning_rate, u, penalised)
            d, d_ = result.pop("d"), result.pop("d_")
            result["accuracy/real"] = tf.reduce_mean(tf.cast(d > 0.5, tf.float32))
            result["accuracy/fake"] = tf.reduce_mean(tf.cast(d_ < 0.5, tf.float32))
            result["stop"] = tf.identity(stop)
            return ops.mean_of_replicas(result), d, d_

        if self.jit:
            of_replica = tf.function(of_replica, jit_compile=True)

        @tf.function
        def step(images, z, stop, learning_rate=None, u=None, penalised=False):
            result, d, d_ = self.strategy.run(
                of_replica, (images, z, stop, learning_rate, u, penalised))
            local = self.strategy.experimental_local_results
            return {**{name: local(mean)[0] for name, mean in result.items()},
                    "d": tf.concat(local(d), axis=0), "d_": tf.concat(local(d_), axis=0)}

        return step

    def z_batch(self, step):
        """Uniform z of a training step, `[batch_size, z_dim]`: a function of seed and step."""
        return tf.random.stateless_uniform(
            [self.batch_size, self.z_dim], tf.stack([tf.cast(self.seed, tf.int64), step]), -1, 1)

    def _of_step(self, first_rate, step, steps):
        """What the recipe adds to a step: `(learning_rate, u, penalised)`, as `train_step` takes
        them, a function of seed and step."""
        rate = self.recipe.learning_rate(first_rate, step, steps)
        u = augment.draw(self.seed, step, self.batch_size) if self.recipe.diffaug else None
        return tf.constant(rate, tf.float32), u, self.recipe.penalises(step)

    def train(self, config):
        """Train on a folder of images, from the newest whole checkpoint in `checkpoint_dir` on.

        Of a cluster, each worker calls this; only the first, the chief, writes anything but caches.

        Args:
            config: the flags of train-dcgan.py as attributes.

        Raises:
            UserError: no readable image, no whole checkpoint among those there are, a folder that
                cannot be written, a loss that is not finite, or a worker that is gone.
            Stopped: a signal asked to, and a checkpoint is written.
        """
        worker, workers = cluster.worker_of(self.strategy)
        chief = worker == 0
        if chief:
            training_outputs.adopt(config)
        files = training_outputs.read_pictures(config)[:config.train_size]
        self._fit_batch_to(len(files), config.dataset)
        if chief:
            training_outputs.require_free(config, files)
            for flag in ("checkpoint_dir", "sample_dir", "log_dir"):
                writing.make_folder(getattr(config, flag), flag=f"--{flag} ",
                                  by="train-dcgan.py" if flag != "log_dir" else None)
        with (checkpoints.locked(config.checkpoint_dir) if chief else contextlib.nullcontext(),
              signals.deferred_stop() as stop):
            pictures = Pictures(
                files, config.dataset, self.image_size, self.c_dim, config.crop, self.seed,
                config.cache and config.cache + f".{worker}" * (worker > 0), config.flip)
            self.make_optimizers(config.learning_rate, config.beta1)
            heldout = HeldOut(config, self, files) if chief and config.validation else None
            if chief:
                self._load_for_training(config)
            if workers > 1:
                cluster.require_agreement(self.strategy, pictures.names)
                self._take_state_of_chief()
            steps = self._steps_left(config, pictures)
            curves = self._begin_record(config, pictures, workers) if chief and steps else None
            if steps:
                self._train_steps(config, pictures, steps, stop, curves, heldout)
            if chief:
                self._end_training(config, pictures, curves, heldout)
            if pictures.failure:
                raise pictures.failure
        stop.raise_if_set()

    def _begin_record(self, config, pictures, workers):
        """Write `run.json`, and return the `Curves` that go on where training stands."""
        step = int(self.progress["step"])
        run = record_run(config, pictures, step, workers=workers,
                         replicas=self.strategy.num_replicas_in_sync)
        curves = Curves(config.log_dir, run, step)
        flags = vars(config) | self.architecture.sizes()
        curves.write(step, write_hparams, {name: flags[name] for name in HPARAMS}, run)
        return curves

    def _steps_left(self, config, pictures):
        """Steps until the end of the epochs, or `max_steps`."""
        step, epoch, position = (int(self.progress[k]) for k in ("step", "epoch", "position"))
        left = pictures.steps_until(config.epoch, epoch, position, self.batch_size)
        return left if config.max_steps is None else max(0, min(left, config.max_steps - step))

    def _fit_batch_to(self, count, dataset):
        """Make the batch smaller where there are fewer images than it takes, and say so."""
        replicas = self.strategy.num_replicas_in_sync
        if count < replicas:
            raise UserError(f"--dataset {dataset}: has {count} images; {replicas} devices want one "
                            "each")
        if count < self.batch_size:
            fits = count // replicas * replicas
            notices.warn(dataset, f"has {count} images, fewer than a batch of {self.batch_size}: "
                                f"training with batches of {fits}")
            self.batch_size = fits

    def _load_for_training(self, config):
        """Resume from checkpoint_dir; else warm-start from `--init`; else stay freshly made."""
        checkpoints.tidy(config.checkpoint_dir)
        if checkpoints.find_checkpoints(config.checkpoint_dir):
            path, damaged = checkpoints.newest_whole(config.checkpoint_dir)
            for newer in damaged:  # or it would be taken for newer than what comes
                checkpoints.set_aside(newer)
            self.load(path)
            print(f"going on from {path} at step {int(self.progress['step'])}"
                  + f"; --init {config.init} is for a start, and left out" * bool(config.init))
            if checkpoints.has_average(path):
                return
        elif config.init:
            print(f"starting from the weights of {self.load(config.init, weights_only=True)}")
        for name, average in self.average.items():
            average.assign(self.vars[name])

    def _training_variables(self):
        """All that a training changes."""
        slots = [[optim.step, *optim.m.values(), *optim.v.values()]
                 for optim in (self.g_optim, self.d_optim)]
        scales = [each for net in self._loss_scales().values() for each in net.values()]
        return [*self.vars.values(), *self.average.values(), *itertools.chain(*slots), *scales,
                *self.progress.values()]

    def _loss_scales(self):
        """The variables of float16's loss scales; none in another precision."""
        return {net: {"scale": optim.loss_scale.scale, "since": optim.loss_scale.since}
                for net, optim in (("g", self.g_optim), ("d", self.d_optim)) if optim.loss_scale}

    def _take_state_of_chief(self):
        """So no worker but the first needs to see the checkpoint."""
        variables = self._training_variables()
        values = cluster.total(
            self.strategy, [tf.identity(v) for v in variables], first_alone=True)
        for variable, value in zip(variables, values):
            variable.assign(value)

    def _train_steps(self, config, pictures, steps, stop, curves=None, heldout=None):
        """The training loop: so many steps, or until `stop` is set on any worker.

        Args:
            config: as of `train`.
            pictures: a `Pictures`.
            steps: at least 1.
            stop: a `StopRequest`.
            curves: the `Curves`, on the chief, who alone writes.
            heldout: the `HeldOut` of `--validation`, there too.
        """
        worker, workers = cluster.worker_of(self.strategy)
        step, epoch, position = (int(self.progress[k]) for k in ("step", "epoch", "position"))
        start, train_step, end = (epoch, position), self.make_train_step(), step + steps
        batches = iter(self.strategy.distribute_datasets_from_function(
            lambda context: self._prefetched(pictures.batches(
                *start, self.batch_size, worker,
                self.strategy.num_replicas_in_sync // workers, workers))))
        if step == 0 and curves:
            curves.write(0, tf.summary.graph, self.graph())
        before = saved = time.monotonic()
        with tqdm(total=steps, unit="step", dynamic_ncols=True, delay=1, disable=not curves) as bar:
            for done in range(1, steps + 1):
                images, z = next(batches), self.z_batch(step)
                if pictures.failure:
                    break
                result = train_step(images, z, tf.constant(float(stop.is_set())),
                                    *self._of_step(config.learning_rate, step, end))
                step, place = step + 1, (epoch, position // self.batch_size)
                losses = {k: float(result[k]) for k in ("d_loss", "g_loss")}
                self._require_finite(
                    ", ".join(f"{k} {v}" for k, v in losses.items()), losses.values(), step, config)
                epoch, position = pictures.place(done, *start, self.batch_size)
                for name, value in (("step", step), ("epoch", epoch), ("position", position)):
                    self.progress[name].assign(value)
                # Of several workers, all have to stop behind the same step.
                if result["stop"] > 0 and not stop.is_set():
                    stop.signum = signal.SIGTERM
                ends = done == steps or result["stop"] > 0 or (workers == 1 and stop.is_set())
                now = time.monotonic()
                if curves:
                    curves.write(step, self._summarise, config, result, z,
                                 self.batch_size / (now - before))
                    bar.update()
                    bar.set_postfix({"epoch": epoch, **{k: f"{v:.3f}" for k, v in losses.items()}},
                                    refresh=False)
                    if step == 1 or step % config.sample_interval == 0 or ends:
                        self._write_samples(config.sample_dir, curves, *place)
                    if heldout and step % config.validation_interval == 0:
                        heldout.validate(step, curves)
                    if step % config.save_interval == 0 or now - saved > 60 * config.save_minutes:
                        self._save_or_warn(config, curves)
                        saved = now
                before = now
                if ends:
                    break

    def _prefetched(self, batches):
        """On one GPU, batches that are there before they are wanted; several have it anyway."""
        one_device = self.strategy is tf.distribute.get_strategy()
        if one_device and tf.config.get_visible_devices("GPU"):
            return batches.apply(tf.data.experimental.prefetch_to_device("/GPU:0"))
        return batches

    def _require_finite(self, what, values, step, config):
        """Stop a training that has diverged, before it writes a checkpoint of that."""
        if all(bool(tf.reduce_all(tf.math.is_finite(value))) for value in values):
            return
        newest = next(iter(checkpoints.find_checkpoints(config.checkpoint_dir)), None)
        raise Diverged(
            f"step {step}: {what}: training has diverged. "
            + (f"The last checkpoint is {newest}" if newest else "There is no checkpoint yet")
            + ": start again with a lower --learning_rate")

    def _save_or_warn(self, config, curves):
        """A checkpoint in between; without it training goes on, because the disk may get better."""
        curves.flush(int(self.progress["step"]))  # they must not end before the checkpoint
        try:
            self._save(config)
        except Diverged:
            raise
        except UserError as error:
            print(f"warning: {error}; training goes on", file=sys.stderr)

    def _save(self, config):
        step = int(self.progress["step"])
        weights = [v for v in self._training_variables() if v.dtype.is_floating]
        self._require_finite("a weight is not finite", weights, step, config)
        return self.save(config.checkpoint_dir, config.max_to_keep)

    def _end_training(self, config, pictures, curves, heldout=None):
        """The last checkpoint, and a word of what was done."""
        step, epoch = int(self.progress["step"]), int(self.progress["epoch"])
        if curves is None:
            print(f"nothing to do: {config.checkpoint_dir} is at step {step}, epoch {epoch}; raise "
                  "--epoch or --max_steps to go on")
            return
        curves.flush(step)
        path = os.path.join(config.checkpoint_dir, f"{checkpoints.NAME}-{step}")
        if step and path not in checkpoints.find_checkpoints(config.checkpoint_dir):
            path = self._save(config)
        if not pictures.failure:
            best = heldout.summary() if heldout else ""
            print(f"{step} steps done: checkpoint {path}, samples in {config.sample_dir}; "
                  f"watch with tensorboard --logdir {config.log_dir}{best}")

    def _summarise(self, config, result, z, images_per_second):
        """Scalars of every step, histograms every `summary_interval`, under the original tags."""
        result = result | {"images_per_second": images_per_second, "z": z}
        for tag, description in SCALARS.items():
            if tag in result:
                tf.summary.scalar(tag, result[tag], description=description)
        if self.progress["step"] % config.summary_interval == 0:
            for tag, description in HISTOGRAMS.items():
                tf.summary.histogram(tag, result[tag], description=description)

    def _write_samples(self, folder, curves, epoch, index):
        """G of the same z as ever as one grid: a PNG, and TensorBoard's image `G`."""
        weights = self.folded("generator", self.average)
        G = self.generator(self.initial_z(0, SAMPLE_COUNT), weights=weights)
        grid = utils.grid(utils.to_uint8(G))
        curves.write(int(self.progress["step"]), functools.partial(
            tf.summary.image, description="G of the same 64 z, as training goes on."),
                     "G", grid[np.newaxis])
        try:
            utils.save_image(os.path.join(folder, f"train_{epoch:02d}_{index:04d}.png"), grid)
        except UserError as error:
            print(f"warning: {error}; training goes on", file=sys.stderr)

    # Completion

    def completion_losses(self, z, images, mask, lowres_mask=0.0, weights=None):
        """The loss of each z as a completion of its image (Yeh et al. 2016, section 3).

        complete = contextual + lam * perceptual. All per image: the article adds lam times the
        *batch mean* of the perceptual loss to each, whose gradient is the same.

        Args:
            z: `[B, z_dim]` float32 in [-1, 1].
            images: `[B, H, W, C]` float32 in [-1, 1], the y; pixels under mask 0 do not matter.
            mask: broadcastable to `images`, 1 = known, 0 = missing; or its `contextual_weights`.
            lowres_mask: broadcastable to the block means, 1 = that mean is known.
            weights: as `generator` takes them.

        Returns:
            `(complete, contextual, perceptual)`, each `[B]` float32.
        """
        G = self.generator(z, weights=weights)
        contextual = self.contextual_loss(G, images, mask, lowres_mask)
        perceptual = self.perceptual_loss(self.discriminator(G, weights=weights)[1])
        return contextual + self.lam * perceptual, contextual, perceptual

    def contextual_loss(self, G, images, mask, lowres_mask=0.0):
        """`[B]`: sum |mask * G(z) - mask * y|, how far each G(z) is from what is known of its
        image, plus the same over block means where `lowres_mask` is 1."""
        means = ops.downsample(G, self.lowres) - ops.downsample(images, self.lowres)
        return (tf.reduce_sum(tf.abs(mask * G - mask * images), axis=[1, 2, 3])
                + tf.reduce_sum(lowres_mask * tf.abs(means), axis=[1, 2, 3]))

    def perceptual_loss(self, logits):
        """`[B]`: how unreal D finds each G(z), by the prior's name in `inpainting.losses`."""
        return PRIORS[self.prior](logits)

    @staticmethod
    def contextual_weights(mask, method, window=7, mix=0.5):
        """How much each known pixel counts in the contextual loss.

        `weighted` is the importance of Yeh et al., CVPR 2017: the share of missing pixels in the
        window around a known pixel, here scaled so that the weights' sum is the mask's and `lam`
        keeps its meaning. `uniform` is the mask, `mixed` between both.

        Args:
            mask: `[B, H, W, 1]` float32, 1 = known, 0 = missing.
            method: uniform, weighted or mixed.
            window: edge of the window, odd; beyond the image it is mirrored.
            mix: the share of `weighted` in `mixed`.

        Returns:
            `[B, H, W, 1]` float32, 0 where pixels are missing.
        """
        half = [window // 2] * 2
        missing = tf.pad(1 - mask, [[0, 0], half, half, [0, 0]], "SYMMETRIC")
        importance = mask * tf.nn.avg_pool2d(missing, window, 1, "VALID")
        total, known = (tf.reduce_sum(t, axis=[1, 2, 3], keepdims=True) for t in (importance, mask))
        # Where nothing is missing, no pixel is more important than another.
        weighted = tf.where(total > 0, importance * tf.math.divide_no_nan(known, total), mask)
        share = {"uniform": 0.0, "weighted": 1.0, "mixed": mix}[method]
        return share * weighted + (1 - share) * mask

    def initial_z(self, first, count, candidate=0):
        """Uniform z number `first`, `first + 1`, ..., each a function of the seed and its number.

        Args:
            first: the number of the first image.
            count: B, how many.
            candidate: which of an image's searches they are for.

        Returns:
            `[count, z_dim]` float32 in [-1, 1].
        """
        which = [candidate] if candidate else []
        return tf.constant(np.stack([
            np.random.default_rng([self.seed, index, *which]).uniform(-1, 1, self.z_dim)
            for index in range(first, first + count)]), tf.float32)

    def make_bank(self, count, candidate=0):
        """Random z and their G(z), which `start_z` chooses the starts of searches from.

        Returns:
            `(zs, images)`: `[count, z_dim]` and `[count, H, W, C]` float32 in [-1, 1]; the z are a
            function of the seed and the candidate.
        """
        zs = tf.random.stateless_uniform(
            [count, self.z_dim], [self.seed, -1 - candidate], -1, 1)
        generate = tf.function(
            self.generator, jit_compile=self.jit, reduce_retracing=True, autograph=False)
        weights = self.search_weights(self.batch_size)
        return zs, tf.concat([generate(zs[i:i + self.batch_size], weights=weights)
                              for i in range(0, count, self.batch_size)], axis=0)

    def start_z(self, bank, method, images, mask, lowres_mask=0.0):
        """Where the search for each image starts, by what is known of it.

        `best` takes the z of the bank whose G(z) has the lowest contextual loss (as arXiv
        1908.04968 does), one bank for all images. `regression` predicts z from the known pixels by
        a linear regression that is fitted to the bank: a trained encoder (as in arXiv 1908.05861),
        but with a solution in closed form, so that it costs no training and suits any mask.

        Args:
            bank: what `make_bank` returned.
            method: best or regression.
            images, mask, lowres_mask: as `completion_losses` takes them.

        Returns:
            `[B, z_dim]` float32 in [-1, 1].
        """
        zs, bank_images = bank
        mask = np.broadcast_to(mask, [len(images), *np.shape(mask)[1:]])
        start = np.empty([len(images), self.z_dim], np.float32)
        for one, rows in alike(mask):  # those of one mask share their regression

            def known(x, one=one):
                return tf.concat([tf.reshape(t, [len(x), -1]) for t in (
                    one * x, lowres_mask * ops.downsample(x, self.lowres))], axis=1)

            def best(image, one=one):
                return tf.argmin(
                    self.contextual_loss(bank_images, image[tf.newaxis], one, lowres_mask))

            y = tf.gather(images, rows)
            if method == "regression":
                start[rows] = tf.clip_by_value(ops.ridge_prediction(
                    known(bank_images), zs, known(y), RIDGE_STRENGTH), -1, 1)
            else:
                start[rows] = tf.gather(zs, tf.map_fn(best, y, fn_output_signature=tf.int64))
        return tf.constant(start)

    def make_start(self, config):
        """Where searches start.

        Args:
            config: `nInit` (1: at a random z of each image's own; N: by `start_z`), `initBy`,
                `nCandidates` and `init`, the path of a latents.npz, whose images go on where they
                were, or None.

        Returns:
            The function `(batch, first) -> z`: of a `CompletionBatch` of B images, numbered from
            `first` on, `[B * nCandidates, z_dim]` float32, an image's candidates side by side.

        Raises:
            UserError: the latents are not for this network or number of candidates.
        """
        candidates = range(config.nCandidates)
        banks = [self.make_bank(config.nInit, k) for k in candidates if config.nInit > 1]
        saved = read_latents(config.init)[0] if config.init else {}
        shape = (config.nCandidates, self.z_dim)
        for z in saved.values():
            if z.shape != shape:
                raise UserError(f"--init {config.init}: for an image, it has {z.shape[0]} z of "
                                f"{z.shape[1]} numbers, not {shape[0]} of {shape[1]}")

        def start(batch, first):
            if banks:
                zs = [self.start_z(bank, config.initBy, batch.y, batch.weights, batch.lowres_mask)
                      for bank in banks]
            else:
                zs = [self.initial_z(first, len(batch.y), k) for k in candidates]
            z = np.stack(zs, axis=1)
            for i, frame in enumerate(batch.frames):
                name = naming.composed(frame.name)
                z[i] = saved.get(name, z[i])
                if saved and name not in saved:
                    print(f"warning: {frame.name}: --init {config.init} has no z of that name; it "
                          "starts anew", file=sys.stderr)
            return tf.constant(z.reshape(-1, self.z_dim))

        return start

    def make_search(self, config, batch=None, patience=PATIENCE):
        """The compiled z-search.

        `search(state, images, mask, lowres_mask, first, n)` runs iterations `first` to `first + n -
        1` inside the graph and returns `(state, losses, zs)`: the next state, and for each
        iteration the losses `[n, B]` and the zs `[n, B, z_dim]` at which they were taken. An image
        stays at its z once `patience` iterations have not lowered its loss by a share of `tol`.

        Args:
            config: `approach` (momentum, adam or hmc) and the settings that it takes: `lr`,
                `momentum`, `beta1`, `beta2`, `eps`, `hmcBeta`, `hmcEps`, `hmcL`, `hmcAnneal`;
                `schedule` and `nIter`, which its step sizes run over; `tol`, 0 for never.
            batch: how many z it mostly has at once (`batch_size`); what is fastest depends on it.
            patience: of `tol`.

        Returns:
            `(start, search)`: `start(z, first)` is the `SearchState` at z, for images that are
            numbered from `first` on.
        """
        rate = ops.SCHEDULES[config.schedule](config.lr, config.nIter)
        init, update = {
            "momentum": lambda c: ops.nesterov(rate, c.momentum),
            "adam": lambda c: ops.projected_adam(rate, c.beta1, c.beta2, c.eps),
            "hmc": lambda c: ops.hmc(c.hmcBeta, c.hmcEps, c.hmcL, c.hmcAnneal, self.seed),
        }[config.approach](config)
        weights = self.search_weights(batch or self.batch_size)

        def start(z, first):
            worst = tf.fill([len(z)], np.inf)
            return SearchState(z, init(z, first), z, worst, worst, tf.zeros([len(z)], tf.int32))

        @tf.function(jit_compile=self.jit, reduce_retracing=True)
        def search(state, images, mask, lowres_mask, first, n):
            @tf.autograph.experimental.do_not_convert
            def objective(z):
                with tf.GradientTape() as tape:
                    tape.watch(z)
                    loss = self.completion_losses(z, images, mask, lowres_mask, weights)[0]
                return loss, tape.gradient(loss, z)

            losses = tf.TensorArray(tf.float32, size=n)
            zs = tf.TensorArray(tf.float32, size=n)
            for k in tf.range(n):
                z, approach, best_z, best_loss, mark, waited = state
                loss, gradient = objective(z)
                losses, zs = losses.write(k, loss), zs.write(k, z)
                best_z = tf.where((loss < best_loss)[:, tf.newaxis], z, best_z)
                best_loss = tf.minimum(loss, best_loss)
                if config.tol > 0:
                    progress = loss < (1 - config.tol) * mark
                    mark, waited = tf.where(progress, loss, mark), tf.where(progress, 0, waited + 1)
                next_z, approach = update(z, approach, loss, gradient, first + k, objective)
                next_z = tf.where((waited >= patience)[:, tf.newaxis], z, next_z)
                state = SearchState(next_z, approach, best_z, best_loss, mark, waited)
            return state, losses.stack(), zs.stack()

        return start, search

    def complete(self, config):
        """Complete damaged images and write what `inpainting.results.Results` says.

        Args:
            config: the flags of complete.py as attributes.

        Raises:
            UserError: nothing usable among `imgs`, or `outDir` or a whole picture cannot be
                written; what else the search had found is.
            Stopped: a signal asked to, and what the search had found is written.
        """
        files = completion_outputs.read_pictures(config)
        framer = Framer(config, files, self.image_size, self.c_dim)
        completion_outputs.require_free(config, files, framer.names,
                                        checkpoints.files_of(config.checkpointDir))
        batches = utils.batched(framer.frames(), self.batch_size)
        first = next(batches, None)
        if first is None:
            raise UserError(f"none of the {len(files)} images can be completed")
        results = Results(config, framer, self.z_dim, self.lowres)
        start = self.make_start(config)
        search = self.make_search(config, min(len(files), self.batch_size) * config.nCandidates,
                                  config.patience)
        n_batches, done = -(-len(files) // self.batch_size), 0
        with signals.deferred_stop() as stop, results, tqdm(
                total=n_batches * config.nIter, unit="it", dynamic_ncols=True) as bar:
            for number, frames in enumerate(itertools.chain([first], batches)):
                if stop.is_set():
                    break
                bar.set_description(f"batch {number + 1}/{max(n_batches, number + 1)}")
                batch = self.completion_batch(frames, config)
                results.begin(batch, number, done)
                self._search_batch(
                    config, search, batch, start(batch, done), done, results, bar, stop)
                done += len(frames)
        print(f"{done} completed: {results.summary()}")
        stop.raise_if_set()
        results.raise_if_failed()

    def completion_batch(self, frames, config):
        """The `CompletionBatch` of `Frame`s, by `contextual`, `window` and `mix` of the flags."""
        images = np.stack([frame.image for frame in frames])
        mask = np.stack([frame.mask for frame in frames])[..., np.newaxis]
        weights = self.contextual_weights(mask, config.contextual, config.window, config.mix)
        is_lowres = config.maskType == "lowres" and not config.own_mask
        return CompletionBatch(frames, images, utils.to_float(images), mask, weights.numpy(),
                               np.full([1, 1, 1, 1], is_lowres, np.float32))

    def _search_batch(self, config, search, batch, z, first, results, bar, stop):
        """Search from z, `[B * nCandidates, z_dim]`, for the images numbered from `first` on, and
        hand what becomes of them to `results`."""
        count = config.nCandidates
        y, weights = (np.repeat(t, count, axis=0) for t in (batch.y, batch.weights))
        start, advance = search
        state, i, at_once = start(z, first * count), 0, 1
        now, result, lowest = z.numpy(), z.numpy(), np.full(len(z), np.inf)
        running = np.arange(len(now))  # the searches that are not done, a row of the state each

        def by_image(t):
            return np.reshape(t, (-1, count, *t.shape[1:]))

        while True:
            ends = i >= config.nIter or stop.is_set()
            if i % config.outInterval == 0 or ends:
                done = (state.waited.numpy() >= config.patience) | ends
                if self.jit and not done.all():  # XLA would compile anew for each smaller batch
                    done[:] = False
                if done.any():
                    loss = self.completion_losses(
                        state.z, y[running], weights[running], batch.lowres_mask)[0]
                    result[running] = state.result(loss, config.keepBest)
                    results.iterations(running[done], i, loss.numpy()[np.newaxis, done],
                                       state.z.numpy()[np.newaxis, done])
                    running, state = running[~done], state.rows(np.flatnonzero(~done))
                if not len(running):
                    break
                results.pictures(i, by_image(lowest), by_image(self.generator(now)))
            n = min(at_once, config.outInterval - i % config.outInterval, config.nIter - i)
            before = time.perf_counter()
            state, losses, zs = advance(
                state, tf.constant(y[running]), weights[running], batch.lowres_mask,
                tf.constant(i), tf.constant(n))
            results.iterations(running, i, losses.numpy(), zs.numpy())
            # About a second's, so that progress is seen and Ctrl-C is answered.
            at_once = max(1, int(n / (time.perf_counter() - before)))
            now[running], lowest[running] = state.z, state.best_loss
            bar.update(n)
            bar.set_postfix(loss=f"{float(tf.reduce_mean(losses[-1])):.1f}")
            i += n
        bar.update(config.nIter - i)
        losses = self.completion_losses(result, y, weights, batch.lowres_mask)
        results.end(i, by_image(result), *map(by_image, losses), by_image(self.generator(result)))

    # Checkpoints

    def _checkpoint(self, path=None):
        """Everything that rebuilds the networks and goes on training, as TensorFlow tracks it; to
        be read from `path`, without what only some checkpoints have."""
        parts = {"variables": self.vars, "progress": self.progress,
                 "architecture": {k: tf.Variable(v, dtype=tf.int64, trainable=False)
                                  for k, v in self.architecture._asdict().items()}}
        if self.g_optim is not None:
            parts.update(g_optim=self.g_optim, d_optim=self.d_optim)
            if path is None or checkpoints.has(path, "loss_scales/g/scale"):
                parts["loss_scales"] = self._loss_scales()
        if self.average and (path is None or checkpoints.has_average(path)):
            parts["average"] = self.average
        return tf.train.Checkpoint(**parts)

    def save(self, checkpoint_dir, max_to_keep=5):
        """Write a checkpoint of the present step.

        Args:
            checkpoint_dir: the folder; it is made if need be.
            max_to_keep: older ones than this many of the newest are deleted.

        Returns:
            The path of the checkpoint.

        Raises:
            UserError: it cannot be written.
        """
        return checkpoints.save(self._checkpoint(), checkpoint_dir, int(self.progress["step"]),
                                max_to_keep)

    def export(self, path):
        """Write the weights alone: `training.checkpoints.export`; `from_checkpoint` reads it."""
        checkpoints.export({name: v.numpy() for name, v in self.vars.items()}, path)

    @classmethod
    def from_checkpoint(cls, checkpoint_dir, **settings):
        """A DCGAN of the sizes that the newest whole checkpoint has, with its weights: of G the
        average, if it has one.

        Args:
            checkpoint_dir: as `load` takes it.
            **settings: the constructor's, except the sizes.
        """
        path, _ = checkpoints.newest_whole(checkpoint_dir)
        model = cls(architecture=checkpoint_architecture(path), **settings)
        model.load(path)
        model._take_average(path)
        return model

    def _take_average(self, path):
        """Make G the average that a checkpoint has, if it has one."""
        if checkpoints.has_average(path):
            checkpoints.restore(tf.train.Checkpoint(average=self._net("generator")), path)

    def load(self, checkpoint_dir, weights_only=False):
        """Restore the newest whole checkpoint: ours, or a name-based one of the original TF 1 code.

        Ours also restores where training stands, and the optimizers' slots if they were made.

        Args:
            checkpoint_dir: a folder of checkpoints, or one checkpoint's path without suffix.
            weights_only: restore the networks alone, for a fresh training from known weights.

        Returns:
            The path of the checkpoint.

        Raises:
            UserError: there is none, it is damaged, or its variables are not this network's.
        """
        path, _ = checkpoints.newest_whole(checkpoint_dir)
        found = checkpoint_architecture(path)
        if found != self.architecture:
            differences = ", ".join(
                f"{k} {getattr(found, k)} (here {getattr(self.architecture, k)})"
                for k in found._fields if getattr(found, k) != getattr(self.architecture, k))
            raise UserError(f"checkpoint {path} is of another network: {differences}")
        if not checkpoints.is_own(path):
            for name, value in checkpoints.read_tf1(path).items():
                self.vars[name].assign(value)
            return path
        if weights_only:
            checkpoints.restore(tf.train.Checkpoint(variables=self.vars), path)
            self._take_average(path)
        else:
            checkpoints.restore(self._checkpoint(path), path)
        return path
