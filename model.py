"""The DCGAN of Brandon Amos, "Image Completion with Deep Learning in TensorFlow" (2016).

The networks, generator G and discriminator D, their losses and their updates follow Radford et al.
2015 (arXiv 1511.06434). The completion of damaged images by a search for the latent z follows Yeh,
Chen et al. 2016 (arXiv 1607.07539).
"""

import dcgan  # noqa: F401, I001  (before TensorFlow, whose environment it sets)

import copy
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

import ops
from dcgan.checkpoints import tracking
from dcgan.inpainting import completion, gaussian, initial_z
from dcgan.inpainting.losses import PRIORS
from dcgan.machine import forks
from dcgan.networks.architecture import Architecture, initial_value
from dcgan.networks.weights import BATCH_NORM, Recent, Weights
from dcgan.pictures import drawing
from dcgan.settings import Number, PathLike, local_path
from dcgan.training import augment
from dcgan.training.loop import Training
from dcgan.training.penalty import with_r1
from dcgan.training.recipe import Recipe
from dcgan.training.settings import TrainingSettings

COMPILED = 16  # how many compiled searches a network keeps; --preset best has five


class DCGAN(tf.Module):
    """Generator and discriminator, their training, and image completion.

    Args:
        image_size: width and height of the images, a power of two from 8 to 256.
        batch_size: images per training step, and per search.
        z_dim: length of the latent z.
        gf_dim, df_dim: channels of G's and D's layer next to the image; 8x in the 4x4 layer, at 64.
        c_dim: 3 for RGB, 1 for grey.
        lam: weight of the perceptual against the contextual loss in completion.
        prior: the perceptual loss in completion, a name in `dcgan.inpainting.losses.PRIORS`.
        seed: seed for the weights, z and the order of the data.
        precision: of the convolutions, float32, bfloat16 or float16; variables, batch norm's
            statistics, G's first and D's last layer and the losses are always float32.
        jit: compile training step and search with XLA. None compiles only the training step, and
            only on one GPU (on a CPU, XLA's convolutions are many times slower).
        margin: the `--margin` that align.py had for the training faces.
        architecture: an `Architecture` that replaces the sizes above, as read from a checkpoint.
        strategy: the `tf.distribute.Strategy` that trains it; None is one device.
    """

    lowres = 8  # width of the blocks that the `lowres` mask averages

    def __init__(self, image_size=64, batch_size=64, z_dim=100, gf_dim=64, df_dim=64, c_dim=3,
                 lam=0.1, prior="article", seed=0, precision="float32", jit=None, margin=0.0,
                 architecture=None, strategy=None):
        forks.refuse_in_children(DCGAN)
        super().__init__(name="DCGAN")
        self.architecture = architecture or Architecture.make(
            image_size, z_dim, gf_dim, df_dim, c_dim)
        self.image_size, self.z_dim, self.c_dim, *_ = self.architecture
        self.batch_size, self.seed, self.dtype = batch_size, seed, tf.as_dtype(precision)
        self.lam, self.prior, self.margin = lam, prior, margin
        self.jit, self.strategy = jit, strategy or tf.distribute.get_strategy()
        self.recipe, self.sync_batch_norm, self.ema = Recipe(), False, 0.0  # set by a training
        with self.strategy.scope():
            self.vars = {
                name: tf.Variable(initial_value(name, shape, (seed, i)), name=name,
                                  trainable="moving_" not in name)
                for i, (name, shape) in enumerate(self.architecture.shapes().items())}
        self.average = {}  # moving average of G's variables, if the training keeps one
        self.weights = Weights(self.vars, self.average)
        self.g_vars = self.weights.net("generator", trainable=True)
        self.d_vars = self.weights.net("discriminator", trainable=True)
        self.g_optim = self.d_optim = None
        # Progress of training: the steps, the epoch, and the position in its shuffled file list.
        self.progress = {
            name: tf.Variable(0, dtype=tf.int64, trainable=False, name=f"progress/{name}")
            for name in ("step", "epoch", "position")}
        self.source = None  # the checkpoint that was loaded
        self.compiled = Recent(COMPILED)  # searches, by their settings; copies share them

    # 1. Networks

    def batch_norm(self, h, name, momentum=ops.BN_MOMENTUM):
        """Batch norm with the batch's own statistics, which also update the running ones."""
        return ops.batch_norm(h, *(self.vars[f"{name}/{part}"] for part in BATCH_NORM),
                              momentum, self.sync_batch_norm)

    def generator(self, z, training=False, momentum=ops.BN_MOMENTUM, weights=None, to=None):
        """G: images from latents.

        Args:
            z: `[B, z_dim]` float32, in [-1, 1]; or a layer's activations, as `to` returns them,
                from which the later layers compute the image (not in training).
            training: batch norm uses the batch's own statistics (True) or the running ones.
            momentum: momentum of batch norm, in training.
            weights: prepared by `self.weights`, so as not to prepare them again; None prepares.
            to: the width of the layer to stop at, 4, 8, ..., image_size / 2; None is the image.

        Returns:
            `[B, image_size, image_size, c_dim]` float32 in [-1, 1]; or the layer's activations
            before its ReLU, `[B, to, to, n]` float32.
        """
        widths = self.architecture.g_widths
        with tf.name_scope("generator"):
            v = weights or (  # folded: batch norm is multiplied into these weights
                self.vars if training else self.weights.folded("generator", self.dtype))
            h = z
            if len(z.shape) == 2:
                # Always in float32: it costs almost nothing, and bfloat16 has only 128 values
                # between neighbouring powers of two, too few for a search to move z.
                h = ops.linear(z, v["generator/g_h0_lin/Matrix"], v["generator/g_h0_lin/bias"])
                h = tf.reshape(h, [-1, 4, 4, widths[0]])
            h = tf.cast(h, self.dtype)
            for i in self.architecture.layers(h.shape[1], to):
                if training:
                    h = self.batch_norm(h, f"generator/g_bn{i}", momentum)
                if h.shape[1] == to:
                    return tf.cast(h, tf.float32)
                name = f"generator/g_h{i + 1}"
                h = ops.conv2d_transpose(tf.nn.relu(h), v[f"{name}/w"], v[f"{name}/biases"])
            return tf.nn.tanh(tf.cast(h, tf.float32))

    def discriminator(self, images, training=False, weights=None):
        """D: how real each image looks.

        Args:
            images: `[B, image_size, image_size, c_dim]` float32 in [-1, 1].
            training: batch norm uses the batch's own statistics (True) or the running ones.
            weights: as for `generator`.

        Returns:
            `(probability, logits)`, each `[B, 1]` float32; probability = sigmoid(logits).
        """
        widths = self.architecture.d_widths
        with tf.name_scope("discriminator"):
            v = weights or (
                self.vars if training else self.weights.folded("discriminator", self.dtype))
            h = tf.cast(images, self.dtype)
            for i in range(len(widths)):
                name = f"discriminator/d_h{i}_conv"
                if training and i > 0:
                    h = ops.conv2d(h, v[f"{name}/w"], v[f"{name}/biases"])
                    h = ops.lrelu(self.batch_norm(h, f"discriminator/d_bn{i}"))
                else:  # leaky ReLU; batch norm is folded into the weights, or this layer has none
                    h = ops.conv2d(h, v[f"{name}/w"], v[f"{name}/biases"], leak=ops.LEAK)
            name = f"discriminator/d_h{len(widths) - 1}_lin"
            h = tf.cast(tf.reshape(h, [-1, 16 * widths[-1]]), tf.float32)
            logits = ops.linear(h, v[f"{name}/Matrix"], v[f"{name}/bias"])
            return tf.sigmoid(logits), logits

    # 2. Losses of training, `[B]`: one per image

    @staticmethod
    def d_loss_real(logits, label=1.0):
        """D should call every real image real: -log D(x); with a label below 1, real with that
        probability (one-sided label smoothing, Salimans et al. 2016, arXiv 1606.03498)."""
        return ops.sigmoid_cross_entropy(logits, label)

    @staticmethod
    def d_loss_fake(logits):
        """D should call every G(z) fake: -log(1 - D(G(z)))."""
        return ops.sigmoid_cross_entropy(logits, 0.0)

    @staticmethod
    def g_loss(logits):
        """G is updated so that D calls every G(z) real: -log D(G(z))."""
        return ops.sigmoid_cross_entropy(logits, 1.0)

    # 3. The training step

    def make_optimizers(self, learning_rate=0.0002, beta1=0.5, ema=0.0):
        """Create Adam slots for both networks, which `load` can then restore from a checkpoint.
        `ema` is the decay of a moving average of G's weights, which samples and completions then
        use (Yazici et al. 2018, arXiv 1806.04498); 0 keeps none."""
        def adam(variables):
            scale = ops.LossScale() if self.dtype == tf.float16 else None
            return ops.Adam(variables, learning_rate, beta1, loss_scale=scale)

        with self.strategy.scope():
            self.g_optim, self.d_optim, self.ema = adam(self.g_vars), adam(self.d_vars), ema
            self.average = self.weights.average = {
                name: tf.Variable(tf.identity(v), trainable=False)
                for name, v in self.weights.net("generator").items() if ema}

    def train_step(self, images, z, learning_rate=None, noise=None, penalise=False):
        """One batch of the article's schedule: D is updated once, then G twice with the same z, so
        that d_loss does not go to zero (the GAN paper updates G once).

        D's update and G's first update use the same G(z), so G(z) is computed only once; momentum
        0.9 squared moves the running statistics as two passes would. With several replicas, each
        calls this with its part of the batch, and the mean of their gradients is applied.

        Args:
            images: `[B, image_size, image_size, c_dim]` float32 in [-1, 1].
            z: `[B, z_dim]` float32 in [-1, 1], drawn by `dcgan.training.steps.z_of_step`.
            learning_rate: float32 scalar; None is the optimizers' own.
            noise: `[4, B, ...]` float32, from `dcgan.training.augment.draw`; None: no augmentation.
            penalise: add the R1 penalty to D's loss.

        Returns:
            `{name: tensor}`: scalars `d_loss`, `d_loss_real`, `d_loss_fake`, `g_loss` (at G's last
            update) and, with a penalty, `r1`, which `d_loss` does not include; `d`, `d_`, `[B, 1]`,
            D's probabilities for the real and the generated images before its update.
        """
        def weights(net):
            return self.weights.for_training(net, self.dtype, images.shape[0])

        def D(x, k):  # noise[k] augments x in the k-th pass
            seen = x if noise is None else augment.augment(x, self.recipe.policies, noise[k])
            return self.discriminator(seen, training=True, weights=d_weights)

        with tf.GradientTape() as g_tape:  # G(z), for D's update and G's first update
            fake = self.generator(z, training=True, momentum=ops.BN_MOMENTUM**2,
                                  weights=weights("generator"))

        with tf.GradientTape() as d_tape:
            d_weights = weights("discriminator")
            (d, d_logits), r1 = with_r1(lambda x: D(x, 0), images) if penalise else (
                D(images, 0), None)
            d_, d_logits_ = D(tf.stop_gradient(fake), 1)
            d_loss_real = tf.reduce_mean(self.d_loss_real(d_logits, self.recipe.real_label))
            d_loss_fake = tf.reduce_mean(self.d_loss_fake(d_logits_))
            d_loss = d_loss_real + d_loss_fake
            penalised = d_loss + self.recipe.r1_weight * r1 if penalise else d_loss
        self.d_optim.minimize(penalised, d_tape, learning_rate)

        d_weights = weights("discriminator")
        with g_tape:
            g_loss = tf.reduce_mean(self.g_loss(D(fake, 2)[1]))
        self.g_optim.minimize(g_loss, g_tape, learning_rate)

        with tf.GradientTape() as g_tape:  # G's second update
            fake = self.generator(z, training=True, weights=weights("generator"))
            g_loss = tf.reduce_mean(self.g_loss(D(fake, 3)[1]))
        self.g_optim.minimize(g_loss, g_tape, learning_rate)

        ops.average_statistics(self.vars)
        ops.move_average(self.average, self.vars, self.ema, self.g_optim.step)
        return {"d_loss": d_loss, "d_loss_real": d_loss_real, "d_loss_fake": d_loss_fake,
                "g_loss": g_loss, "d": d, "d_": d_} | ({"r1": r1} if penalise else {})

    def train(self, settings: TrainingSettings) -> None:
        """Train on a folder of images as the `dcgan.training.settings.TrainingSettings` say,
        resuming from the newest intact checkpoint; `dcgan.training.loop` lists the errors."""
        Training(self, settings).run()

    # 4. Completion (Yeh et al. 2016, section 3). The losses are `[B]`: one per image

    def contextual_loss(self, G, images, mask, lowres_mask=0.0):
        """`[B]`: sum |mask * G(z) - mask * y|, the distance of each G(z) from its image's known
        pixels, plus the distance of the block means if `lowres_mask` is 1."""
        # Three gradients meet in G. The identity adds two of them first: TensorFlow adds three in
        # any order, and the last digits could differ from call to call.
        G = tf.identity(G)
        means = ops.downsample(G, self.lowres) - ops.downsample(images, self.lowres)
        return (tf.reduce_sum(tf.abs(mask * G - mask * images), axis=[1, 2, 3])
                + tf.reduce_sum(lowres_mask * tf.abs(means), axis=[1, 2, 3]))

    def perceptual_loss(self, logits):
        """`[B]`: -log D(G(z)) by default; `dcgan.inpainting.losses.PRIORS` has the others."""
        return PRIORS[self.prior](logits)

    def completion_losses(self, z, images, mask, lowres_mask=0.0, weights=None, G=None):
        """The loss of each z as a completion of its image (Yeh et al. 2016, section 3).

        complete = contextual + lam * perceptual, for each image. The article adds lam times the
        *batch mean* of the perceptual loss to each image's loss; the gradient is the same.

        Args:
            z: `[B, z_dim]` float32 in [-1, 1].
            images: `[B, H, W, C]` float32 in [-1, 1], the y; pixels under mask 0 are ignored.
            mask: broadcastable to `images`, 1 = known, 0 = missing; or each pixel's weight.
            lowres_mask: broadcastable to the block means, 1 = that mean is known.
            weights: as for `generator`.
            G: G(z), if it was already computed.

        Returns:
            `(complete, contextual, perceptual)`, each `[B]` float32.
        """
        G = self.generator(z, weights=weights) if G is None else G
        contextual = self.contextual_loss(G, images, mask, lowres_mask)
        perceptual = self.perceptual_loss(self.discriminator(G, weights=weights)[1])
        return contextual + self.lam * perceptual, contextual, perceptual

    def completion_gradient(self, z, *arguments):
        """`(loss, gradient)`: the complete loss of `completion_losses`, `[B]`, and its gradient
        with respect to z, `[B, z_dim]`."""
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = self.completion_losses(z, *arguments)[0]
        return loss, tape.gradient(loss, z)

    def complete(self, images: ArrayLike, masks: ArrayLike, preset: str | None = None,
                 progress: Callable | None = None, **settings) -> completion.Completion:
        """Complete damaged images. The rest of the article's step 3 is in `dcgan.inpainting`:
        `masks`, the updates of z (`approaches`) and x_reconstructed (`blending`).

        Args:
            images: `[B, image_size, image_size, c_dim]` uint8, or floats in [-1, 1], which are
                rounded to bytes; pixels under mask 0 are ignored.
            masks: `[B, image_size, image_size]`, or one for all, 1 = known, 0 = missing.
            preset: article, fast or best; None is the default search.
            progress: called with a `dcgan.inpainting.completion.Progress` before the first
                iteration of each batch and then every `outInterval` iterations, except after the
                last. If it returns a true value, the search stops; later batches are not searched.
            **settings: some of `dcgan.inpainting.completion.SETTINGS`, such as `nIter` and `lam`,
                named like complete.py's flags; with `maskType` `lowres`, the means over blocks are
                known too. All others are the preset's, or else as given to the constructor.

        Returns:
            The images, their z, losses, ...; raises ValueError if an array or a setting is invalid.
        """
        chosen = completion.call_settings(self, preset, settings)
        return completion.complete(self.configured(chosen), images, masks, chosen, progress)

    # 5. Use

    def configured(self, settings):
        """The same networks, set up by a `dcgan.inpainting.presets.CompletionSettings`."""
        return completion.configure(copy.copy(self), settings)

    def initial_z(self, numbers, candidate=0, seed=None):
        """Uniform z in [-1, 1], `[B, z_dim]`, one for each of B numbers. Each z depends only on
        the seed, its own number, and the index of an image's search (`candidate`)."""
        return initial_z.uniform_z(
            self.z_dim, self.seed if seed is None else seed, numbers, candidate)

    @functools.cached_property
    def gaussian(self):
        """The checkpoint folder's `Gaussian`, read when first needed; None if there is none."""
        return self.source and gaussian.read_beside(self.source, self.image_size**2 * self.c_dim)

    def sample(self, count: int, seed: int | None = None) -> np.ndarray:
        """Images `[count, H, W, C]` uint8 that G generates; seed None is the constructor's."""
        Number(int, low=1).require("count", count)
        Number(int, low=0).require("seed", self.seed if seed is None else seed)
        z = self.initial_z(range(count), seed=seed)
        weights = self.weights.for_inference(self.dtype)
        return ops.in_batches(
            lambda z: drawing.to_uint8(self.generator(z, weights=weights)), z, self.batch_size)

    def discriminate(self, images: ArrayLike) -> np.ndarray:
        """D's probability that each image is real, `[B]` float32. Images are `[B, image_size,
        image_size, c_dim]`, uint8 or floats in [-1, 1]."""
        y = completion.as_floats(completion.checked_images(self, images))
        weights = self.weights.for_inference(self.dtype)
        return ops.in_batches(lambda y: self.discriminator(y, weights=weights)[0][:, 0], y,
                              self.batch_size)

    # 6. Checkpoints

    def save(self, checkpoint_dir: PathLike, max_to_keep: int = 5) -> str:
        """Write a checkpoint of the current step; returns its path."""
        return tracking.save(self, local_path(checkpoint_dir), max_to_keep)

    def export(self, path: PathLike) -> None:
        """Write the weights (G's average, if kept) in half precision, for `from_checkpoint`."""
        tracking.export(self, local_path(path))

    @classmethod
    def from_checkpoint(cls, checkpoint_dir: PathLike, **settings) -> "DCGAN":
        """A DCGAN with the sizes, margin and weights of the newest intact checkpoint (G's averaged
        weights, if any) and the `gaussian.npz` next to it. `pretrained` is the network that ships
        with the program. The settings are the constructor's other arguments."""
        return tracking.from_checkpoint(cls, local_path(checkpoint_dir), settings)

    def load(self, checkpoint_dir: PathLike, weights_only: bool = False) -> str:
        """Restore the newest intact checkpoint of a folder, or one named by its path without
        suffix: this project's, or a name-based one of the original TF 1 code. This project's also
        restores training progress and existing optimizer slots, unless `weights_only` is set.

        Returns:
            The path of the checkpoint.

        Raises:
            UserError: it is missing or damaged, or its variables are not this network's.
        """
        return tracking.load(self, local_path(checkpoint_dir), weights_only)
