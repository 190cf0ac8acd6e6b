"""The DCGAN of Brandon Amos, "Image Completion with Deep Learning in TensorFlow" (2016).

One class holds the article: generator G, discriminator D, their losses and updates (after Radford
et al. 2015, arXiv 1511.06434), and the completion of damaged images by a search for the latent z
(Yeh, Chen et al. 2016, arXiv 1607.07539).
"""

import contextlib
import itertools
import os
import re
import sys
import time
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import ops
import utils
from inpainting.masks import alike
from inpainting.photos import Framer
from inpainting.results import Results, read_latents
from utils import UserError

CHECKPOINT_NAME = "DCGAN"
SAMPLE_COUNT = 64
PATIENCE = 20  # iterations within which a search has to make progress, by --tol
# Of the regression of z on pixels; chosen in docs/search.md.
RIDGE_STRENGTH = 0.1


class Architecture(NamedTuple):
    """Everything that fixes the shape of every variable; each checkpoint carries it.

    `g_widths` are the generator's channels at resolutions 4, 8, ..., image_size / 2, and `d_widths`
    the discriminator's at image_size / 2, ..., 8, 4.
    """

    image_size: int
    z_dim: int
    c_dim: int
    g_widths: tuple
    d_widths: tuple

    @classmethod
    def make(cls, image_size=64, z_dim=100, gf_dim=64, df_dim=64, c_dim=3):
        """The article's widths at 64 pixels, continued to any power of two from 8 to 256."""
        if image_size not in (8, 16, 32, 64, 128, 256):
            raise ValueError(
                f"image_size must be a power of two from 8 to 256. Received: {image_size}")
        resolutions = [4 * 2**i for i in range(image_size.bit_length() - 3)]
        factors = [min(8, image_size // (2 * r)) for r in resolutions]
        return cls(image_size, z_dim, c_dim, tuple(gf_dim * f for f in factors),
                   tuple(df_dim * f for f in reversed(factors)))

    def shapes(self):
        """`{name: shape}` of every variable, under the names of the article's own checkpoint."""
        shapes = {}

        def add_batch_norm(name, width):
            for part in ("beta", "gamma", "moving_mean", "moving_variance"):
                shapes[f"{name}/{part}"] = (width,)

        def add_convolution(name, shape, width):
            shapes[f"{name}/w"] = shape
            shapes[f"{name}/biases"] = (width,)

        flat = 16 * self.g_widths[0]
        shapes["generator/g_h0_lin/Matrix"] = (self.z_dim, flat)
        shapes["generator/g_h0_lin/bias"] = (flat,)
        for i, (n_in, n_out) in enumerate(zip(self.g_widths, (*self.g_widths[1:], self.c_dim))):
            add_batch_norm(f"generator/g_bn{i}", n_in)
            add_convolution(f"generator/g_h{i + 1}", (5, 5, n_out, n_in), n_out)

        for i, (n_in, n_out) in enumerate(zip((self.c_dim, *self.d_widths), self.d_widths)):
            add_convolution(f"discriminator/d_h{i}_conv", (5, 5, n_in, n_out), n_out)
            if i > 0:
                add_batch_norm(f"discriminator/d_bn{i}", n_out)
        last = f"discriminator/d_h{len(self.d_widths) - 1}_lin"
        shapes[f"{last}/Matrix"] = (16 * self.d_widths[-1], 1)
        shapes[f"{last}/bias"] = (1,)
        return shapes


def initial_value(name, shape, seed):
    """Weights N(0, 0.02) (D's convolutions truncated at two deviations), gammas and variances 1."""
    part = name.rsplit("/", 1)[1]
    with tf.name_scope(f"{name}/initial"):  # inside the network's box in TensorBoard's graph
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
        prior: the perceptual loss in completion: article, -log D(G(z)), or saturating,
            log(1 - D(G(z))).
        lowres: edge of the blocks that the `lowres` mask averages.
        seed: seeds weights, z and the order of the data.
        precision: of the convolutions, float32, bfloat16 or float16; variables, batch norm's
            statistics, the first and the last layer and the losses are always float32.
        jit: compile training step and search with XLA; None is on GPUs alone (on a CPU, XLA's
            convolutions are many times slower).
        architecture: an `Architecture` that replaces the sizes above, as read from a checkpoint.
    """

    def __init__(self, image_size=64, batch_size=64, z_dim=100, gf_dim=64, df_dim=64, c_dim=3,
                 lam=0.1, prior="article", lowres=8, seed=0, precision="float32", jit=None,
                 architecture=None):
        super().__init__(name="DCGAN")
        self.architecture = architecture or Architecture.make(
            image_size, z_dim, gf_dim, df_dim, c_dim)
        self.image_size, self.z_dim, self.c_dim, *_ = self.architecture
        self.batch_size, self.lowres, self.seed = batch_size, lowres, seed
        self.lam, self.prior = lam, prior
        self.dtype = tf.as_dtype(precision)
        self.jit = bool(tf.config.get_visible_devices("GPU")) if jit is None else jit
        self.vars = {
            name: tf.Variable(initial_value(name, shape, (seed, i)), name=name,
                              trainable="moving_" not in name)
            for i, (name, shape) in enumerate(self.architecture.shapes().items())}
        self.g_vars = self._trainable("generator/")
        self.d_vars = self._trainable("discriminator/")
        self.g_optim = self.d_optim = None
        # Where training stands: steps taken, the epoch, and how far into its shuffled file list.
        self.progress = {
            name: tf.Variable(0, dtype=tf.int64, trainable=False, name=f"progress/{name}")
            for name in ("step", "epoch", "position")}

    def _trainable(self, prefix):
        return {name: v for name, v in self.vars.items() if v.trainable and name.startswith(prefix)}

    # Networks

    def _batch_norm_vars(self, name):
        return [self.vars[f"{name}/{part}"]
                for part in ("gamma", "beta", "moving_mean", "moving_variance")]

    def folded(self, net=""):
        """The weights for inference: batch norm, which is constant there, is multiplied into the
        layer in front of it, and convolutions have the model's precision.

        Args:
            net: generator or discriminator, or both.

        Returns:
            `{name: tensor}`, what `generator` and `discriminator` take as `weights`.
        """
        weights = {name: tf.convert_to_tensor(v) for name, v in self.vars.items()
                   if name.startswith(net) and "_bn" not in name}
        for norm in sorted({name.rpartition("/")[0] for name in self.vars
                            if name.startswith(net) and "_bn" in name}):
            scale, offset = ops.batch_norm_scale_and_offset(*self._batch_norm_vars(norm))
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

    def search_weights(self):
        """What `folded` returns, with the layers between 4x4 and 8x8 in the form that is fastest
        for weights that stay."""
        weights = self.folded()
        if ops.minimal_filters_pay(self.dtype):
            last = len(self.architecture.d_widths) - 1
            for name in ("generator/g_h1/w", f"discriminator/d_h{last}_conv/w"):
                weights[name] = ops.MinimalFilter.of(weights[name])
        return weights

    def generator(self, z, training=False, momentum=ops.BN_MOMENTUM, weights=None):
        """G: images from latents.

        Args:
            z: `[B, z_dim]` float32, in [-1, 1].
            training: batch norm by the batch's own statistics (True) or the running ones.
            momentum: batch norm's, in training.
            weights: what `folded` or `search_weights` returned, to spare folding again; only out
                of training.

        Returns:
            `[B, image_size, image_size, c_dim]` float32 in [-1, 1].
        """
        widths = self.architecture.g_widths
        with tf.name_scope("generator"):
            v = self.vars if training else weights or self.folded("generator")
            # In float32 at any precision: it costs next to nothing, and bfloat16 knows but 256
            # places between neighbouring powers of two, too few for a search to move z.
            h = ops.linear(z, v["generator/g_h0_lin/Matrix"], v["generator/g_h0_lin/bias"])
            h = tf.cast(tf.reshape(h, [-1, 4, 4, widths[0]]), self.dtype)
            for i in range(len(widths)):
                if training:
                    h = ops.batch_norm(h, *self._batch_norm_vars(f"generator/g_bn{i}"), momentum)
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
            v = self.vars if training else weights or self.folded("discriminator")
            h = tf.cast(images, self.dtype)
            for i in range(len(widths)):
                name = f"discriminator/d_h{i}_conv"
                if training and i > 0:
                    h = ops.conv2d(h, v[f"{name}/w"], v[f"{name}/biases"])
                    h = ops.batch_norm(h, *self._batch_norm_vars(f"discriminator/d_bn{i}"))
                    h = ops.lrelu(h)
                else:
                    h = ops.conv2d(h, v[f"{name}/w"], v[f"{name}/biases"], leak=ops.LEAK)
            name = f"discriminator/d_h{len(widths) - 1}_lin"
            h = tf.cast(tf.reshape(h, [-1, 16 * widths[-1]]), tf.float32)
            logits = ops.linear(h, v[f"{name}/Matrix"], v[f"{name}/bias"])
            return tf.sigmoid(logits), logits

    def graph(self):
        """The networks as TensorBoard shows them: z to G to D, and images to D.

        Built anew with variables of its own, which lie inside the boxes of their networks; in the
        graph of the compiled training step they are a hundred loose inputs that hide everything.
        """
        with tf.Graph().as_default() as graph:
            twin = DCGAN(architecture=self.architecture)
            shape = [self.batch_size, self.image_size, self.image_size, self.c_dim]
            twin.discriminator(tf.zeros(shape, name="images"))
            twin.discriminator(twin.generator(tf.zeros([self.batch_size, self.z_dim], name="z")))
        return graph

    # Training losses, each `[B]`: one per image

    @staticmethod
    def d_loss_real(logits):
        """D wants every real image to be called real."""
        return ops.sigmoid_cross_entropy(logits, 1.0)

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
            UserError: a size was asked for that the checkpoint does not have.
        """
        if os.path.exists(f"{config.checkpoint_dir}.index"):
            raise UserError(f"--checkpoint_dir {config.checkpoint_dir}: is one checkpoint, not a "
                            "folder; start from its weights with --init")
        source = config.checkpoint_dir if find_checkpoint(config.checkpoint_dir) else config.init
        architecture = checkpoint_architecture(source) if source else None
        given = {k: getattr(config, k)
                 for k in ("image_size", "z_dim", "gf_dim", "df_dim", "c_dim")
                 if getattr(config, k) is not None}
        settings = {k: getattr(config, k) for k in ("batch_size", "seed", "precision", "jit")}
        if architecture is None:
            return cls(**settings, **given)
        has = architecture._asdict() | {
            "gf_dim": architecture.g_widths[-1], "df_dim": architecture.d_widths[0]}
        for flag, value in given.items():
            if value != has[flag]:
                raise UserError(f"--{flag} {value}: the checkpoint in {source} has {has[flag]}; "
                                "leave the flag out, or train into another --checkpoint_dir")
        return cls(**settings, architecture=architecture)

    def make_optimizers(self, learning_rate=0.0002, beta1=0.5):
        """Fresh Adam slots for both networks; `load` fills them from a checkpoint that has some."""
        def adam(variables):
            scale = ops.LossScale() if self.dtype == tf.float16 else None
            return ops.Adam(variables, learning_rate, beta1, loss_scale=scale)

        self.g_optim, self.d_optim = adam(self.g_vars), adam(self.d_vars)

    def train_step(self, images, z):
        """One batch of the article's schedule: D is updated once, then G twice with the same z.

        (The GAN paper updates G once; the article updates it twice so that d_loss does not go to
        zero.) D's update and G's first see the same G(z), so that forward pass runs once; its batch
        statistics still move G's running ones twice, as two passes would: momentum 0.9 squared.

        Args:
            images: `[B, image_size, image_size, c_dim]` float32 in [-1, 1].
            z: `[B, z_dim]` float32 in [-1, 1].

        Returns:
            `{name: tensor}`: the scalars `d_loss`, `d_loss_real`, `d_loss_fake` and `g_loss` (batch
            means, as the updates used them; `g_loss` of the second), and D's probabilities `d` of
            the real and `d_` of the generated images, `[B, 1]`, before its update.
        """
        with tf.GradientTape() as g_tape:
            fake = self.generator(z, training=True, momentum=ops.BN_MOMENTUM**2)
        with tf.GradientTape() as d_tape:
            d, d_logits = self.discriminator(images, training=True)
            d_, d_logits_ = self.discriminator(tf.stop_gradient(fake), training=True)
            d_loss_real = tf.reduce_mean(self.d_loss_real(d_logits))
            d_loss_fake = tf.reduce_mean(self.d_loss_fake(d_logits_))
            d_loss = d_loss_real + d_loss_fake
            scaled = self.d_optim.scaled(d_loss)
        self.d_optim.apply(d_tape.gradient(scaled, self.d_vars))

        with tf.GradientTape() as tape:
            tape.watch(fake)
            g_loss = tf.reduce_mean(self.g_loss(self.discriminator(fake, training=True)[1]))
            scaled = self.g_optim.scaled(g_loss)
        self.g_optim.apply(
            g_tape.gradient(fake, self.g_vars, output_gradients=tape.gradient(scaled, fake)))

        with tf.GradientTape() as tape:
            logits = self.discriminator(self.generator(z, training=True), training=True)[1]
            g_loss = tf.reduce_mean(self.g_loss(logits))
            scaled = self.g_optim.scaled(g_loss)
        self.g_optim.apply(tape.gradient(scaled, self.g_vars))
        return {"d_loss": d_loss, "d_loss_real": d_loss_real, "d_loss_fake": d_loss_fake,
                "g_loss": g_loss, "d": d, "d_": d_}

    def z_batch(self, step):
        """Uniform z of a training step, `[batch_size, z_dim]`: a function of seed and step."""
        return tf.random.stateless_uniform(
            [self.batch_size, self.z_dim], tf.stack([tf.cast(self.seed, tf.int64), step]), -1, 1)

    def train(self, config):
        """Train on a folder of images, from the checkpoint in `checkpoint_dir` if there is one.

        Args:
            config: the flags of train-dcgan.py as attributes: `dataset`, `epoch`, `max_steps`,
                `learning_rate`, `beta1`, `train_size`, `crop`, `checkpoint_dir`, `sample_dir`,
                `log_dir`, `init`, `save_interval`, `sample_interval`, `summary_interval`,
                `max_to_keep`.

        Raises:
            UserError: no readable image, a damaged checkpoint, a folder that cannot be written.
            KeyboardInterrupt: after the checkpoint of an interrupted run is written.
        """
        files = utils.list_images([config.dataset], flag="--dataset ")
        if config.train_size is not None:
            files = files[:config.train_size]
        self._fit_batch_to(len(files), config.dataset)
        for flag in ("checkpoint_dir", "sample_dir", "log_dir"):
            utils.make_folder(getattr(config, flag), flag=f"--{flag} ")
        self.make_optimizers(config.learning_rate, config.beta1)
        self._load_for_training(config)
        start = int(self.progress["step"])
        writer = tf.summary.create_file_writer(config.log_dir)
        with writer.as_default(), utils.deferred_interrupt() as interrupted:
            self._train_batches(config, files, interrupted)
        writer.close()
        step = int(self.progress["step"])
        if step == start and not interrupted.is_set():
            print(f"nothing to do: {config.checkpoint_dir} is at step {step}, epoch "
                  f"{int(self.progress['epoch'])}; raise --epoch or --max_steps to go on")
            return
        path = self.save(config.checkpoint_dir, config.max_to_keep)
        if interrupted.is_set():
            raise KeyboardInterrupt
        print(f"{step} steps done: checkpoint {path}, samples in {config.sample_dir}; "
              f"watch with tensorboard --logdir {config.log_dir}")

    def _fit_batch_to(self, count, dataset):
        """Make the batch smaller where there are fewer images than it takes, and say so."""
        if count < self.batch_size:
            print(f"warning: {dataset} has {count} images, fewer than a batch of "
                  f"{self.batch_size}: training with batches of {count}", file=sys.stderr)
            self.batch_size = count

    def _load_for_training(self, config):
        """Resume from checkpoint_dir; else warm-start from `--init`; else stay freshly made."""
        if find_checkpoint(config.checkpoint_dir):
            path = self.load(config.checkpoint_dir)
            print(f"going on from {path} at step {int(self.progress['step'])}"
                  + f"; --init {config.init} is for a start, and left out" * bool(config.init))
            if not _is_own(_reader(path)):
                # CheckpointManager deletes what this list names once max_to_keep newer checkpoints
                # exist; a checkpoint of the original code is not ours to delete. Without the list
                # it is still found, by its own files.
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(config.checkpoint_dir, "checkpoint"))
        elif config.init:
            print(f"starting from the weights of {self.load(config.init, weights_only=True)}")

    def _train_batches(self, config, files, interrupted):
        """The training loop: a step for each batch that is left, until `interrupted` is set."""
        step_fn = tf.function(self.train_step, jit_compile=self.jit)
        step, epoch, position = (self.progress[k] for k in ("step", "epoch", "position"))
        sample_z = self.initial_z(0, SAMPLE_COUNT)
        steps_left = ((config.epoch - int(epoch)) * (len(files) // self.batch_size)
                      - int(position) // self.batch_size)
        if config.max_steps is not None:
            steps_left = min(steps_left, config.max_steps - int(step))
        before, place = time.perf_counter(), None
        with tqdm(total=max(0, steps_left), unit="step", dynamic_ncols=True, delay=1) as bar:
            for images, end in self._batches(config, files):
                if interrupted.is_set() or (
                        config.max_steps is not None and step >= config.max_steps):
                    break
                z = self.z_batch(step)
                if step == 0:
                    tf.summary.graph(self.graph())
                result = step_fn(images, z)
                place = int(epoch), int(position) // self.batch_size
                step.assign_add(1)
                position.assign(end)
                now = time.perf_counter()
                self._write_summaries(config, result, z, len(images) / (now - before))
                before = now
                bar.update()
                bar.set_postfix({
                    "epoch": int(epoch), "d_loss": f"{float(result['d_loss']):.3f}",
                    "g_loss": f"{float(result['g_loss']):.3f}"}, refresh=False)
                if step == 1 or step % config.sample_interval == 0:
                    self._write_samples(config.sample_dir, sample_z, *place)
                if step % config.save_interval == 0:
                    self.save(config.checkpoint_dir, config.max_to_keep)
        if place and step % config.sample_interval != 0:
            self._write_samples(config.sample_dir, sample_z, *place)  # of the end in any case

    def _batches(self, config, files):
        """Yield the batches of all epochs that are left, from where `progress` stands, and count
        the epochs in it; each batch with the place in the epoch's order behind it."""
        epoch, position = self.progress["epoch"], self.progress["position"]
        unreadable = set()
        while epoch < config.epoch:
            yield from utils.image_batches(
                files, self.batch_size, self.image_size, self.c_dim, config.crop,
                seed=(self.seed, int(epoch)), start=int(position), unreadable=unreadable)
            readable = len(files) - len(unreadable)
            if readable == 0:
                raise UserError(
                    f"--dataset {config.dataset}: none of the {len(files)} images can be read")
            if readable < self.batch_size:  # so there was no batch: once more, with a smaller one
                self._fit_batch_to(readable, config.dataset)
                continue
            epoch.assign_add(1)
            position.assign(0)

    def _write_summaries(self, config, result, z, images_per_second):
        """Scalars of every step, histograms every `summary_interval`, under the original tags."""
        step = self.progress["step"]
        scalars = {k: result[k] for k in ("d_loss", "d_loss_real", "d_loss_fake", "g_loss")}
        scalars["accuracy/real"] = tf.reduce_mean(tf.cast(result["d"] > 0.5, tf.float32))
        scalars["accuracy/fake"] = tf.reduce_mean(tf.cast(result["d_"] < 0.5, tf.float32))
        scalars["images_per_second"] = images_per_second
        for tag, value in scalars.items():
            tf.summary.scalar(tag, value, step)
        if step % config.summary_interval == 0:
            for tag, values in (("z", z), ("d", result["d"]), ("d_", result["d_"])):
                tf.summary.histogram(tag, values, step)

    def _write_samples(self, folder, z, epoch, index):
        """G of the fixed z as one grid: a PNG, and TensorBoard's image `G`."""
        grid = utils.grid(utils.to_uint8(self.generator(z).numpy()))
        utils.save_image(os.path.join(folder, f"train_{epoch:02d}_{index:04d}.png"), grid)
        tf.summary.image("G", grid[np.newaxis], self.progress["step"])

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
        """`[B]`: how unreal D finds each G(z): -log D, as the article's code has it, or log(1 - D),
        as it and the paper write it, whose gradient fades where D is sure."""
        return self.g_loss(logits) if self.prior == "article" else -self.d_loss_fake(logits)

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
        generate = tf.function(self.generator, jit_compile=self.jit, reduce_retracing=True)
        weights = self.search_weights()
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
                z[i] = saved.get(frame.name, z[i])
                if saved and frame.name not in saved:
                    print(f"warning: {frame.name}: --init {config.init} has no z of that name; it "
                          "starts anew", file=sys.stderr)
            return tf.constant(z.reshape(-1, self.z_dim))

        return start

    def make_search(self, config):
        """The compiled z-search.

        `search(state, images, mask, lowres_mask, first, n)` runs iterations `first` to `first + n -
        1` inside the graph and returns `(state, losses, zs)`: the next state, and for each
        iteration the losses `[n, B]` and the zs `[n, B, z_dim]` at which they were taken. An image
        stays at its z once `PATIENCE` iterations have not lowered its loss by a share of `tol`.

        Args:
            config: `approach` (momentum, adam or hmc) and the settings that it takes: `lr`,
                `momentum`, `beta1`, `beta2`, `eps`, `hmcBeta`, `hmcEps`, `hmcL`, `hmcAnneal`;
                `schedule` and `nIter`, which its step sizes run over; `tol`, 0 for never.

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
        weights = self.search_weights()

        def start(z, first):
            worst = tf.fill([len(z)], np.inf)
            return SearchState(z, init(z, first), z, worst, worst, tf.zeros([len(z)], tf.int32))

        @tf.function(jit_compile=self.jit, reduce_retracing=True)
        def search(state, images, mask, lowres_mask, first, n):
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
                next_z = tf.where((waited >= PATIENCE)[:, tf.newaxis], z, next_z)
                state = SearchState(next_z, approach, best_z, best_loss, mark, waited)
            return state, losses.stack(), zs.stack()

        return start, search

    def complete(self, config):
        """Complete damaged images and write what `inpainting.results.Results` says.

        Args:
            config: the flags of complete.py as attributes.

        Raises:
            UserError: nothing usable among `imgs`, or `outDir` cannot be written.
            KeyboardInterrupt: after what an interrupted search has found is written.
        """
        files = utils.list_images(config.imgs)
        framer = Framer(config, files, self.image_size, self.c_dim)
        batches = utils.batched(framer.frames(), self.batch_size)
        first = next(batches, None)
        if first is None:
            raise UserError(f"none of the {len(files)} images can be completed")
        results = Results(config, framer, self.z_dim, self.lowres)
        start, search = self.make_start(config), self.make_search(config)
        n_batches, done = -(-len(files) // self.batch_size), 0
        with utils.deferred_interrupt() as interrupted, results, tqdm(
                total=n_batches * config.nIter, unit="it", dynamic_ncols=True) as bar:
            for number, frames in enumerate(itertools.chain([first], batches)):
                if interrupted.is_set():
                    break
                bar.set_description(f"batch {number + 1}/{max(n_batches, number + 1)}")
                batch = self.completion_batch(frames, config)
                results.begin(batch, number, done)
                self._search_batch(
                    config, search, batch, start(batch, done), done, results, bar, interrupted)
                done += len(frames)
        print(f"{done} completed: {results.summary()}")
        if interrupted.is_set():
            raise KeyboardInterrupt

    def completion_batch(self, frames, config):
        """The `CompletionBatch` of `Frame`s, by `contextual`, `window` and `mix` of the flags."""
        images = np.stack([frame.image for frame in frames])
        mask = np.stack([frame.mask for frame in frames])[..., np.newaxis]
        weights = self.contextual_weights(mask, config.contextual, config.window, config.mix)
        is_lowres = config.maskType == "lowres" and not config.own_mask
        return CompletionBatch(frames, images, utils.to_float(images), mask, weights.numpy(),
                               np.full([1, 1, 1, 1], is_lowres, np.float32))

    def _search_batch(self, config, search, batch, z, first, results, bar, interrupted):
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
            ends = i >= config.nIter or interrupted.is_set()
            if i % config.outInterval == 0 or ends:
                stop = (state.waited.numpy() >= PATIENCE) | ends
                if self.jit and not stop.all():  # XLA would compile anew for each smaller batch
                    stop[:] = False
                if stop.any():
                    loss = self.completion_losses(
                        state.z, y[running], weights[running], batch.lowres_mask)[0]
                    result[running] = state.result(loss, config.keepBest)
                    results.iterations(running[stop], i, loss.numpy()[np.newaxis, stop],
                                       state.z.numpy()[np.newaxis, stop])
                    running, state = running[~stop], state.rows(np.flatnonzero(~stop))
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

    def _checkpoint(self):
        """Everything that rebuilds the networks and goes on training, as TensorFlow tracks it."""
        parts = {"variables": self.vars, "progress": self.progress,
                 "architecture": {k: tf.Variable(v, dtype=tf.int64, trainable=False)
                                  for k, v in self.architecture._asdict().items()}}
        if self.g_optim is not None:
            parts.update(g_optim=self.g_optim, d_optim=self.d_optim)
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
        try:
            # It writes beside, renames, and only then lists the checkpoint as the newest.
            return tf.train.CheckpointManager(
                self._checkpoint(), checkpoint_dir, max_to_keep, checkpoint_name=CHECKPOINT_NAME
            ).save(checkpoint_number=int(self.progress["step"]))
        except tf.errors.OpError as error:
            raise UserError(f"{checkpoint_dir}: a checkpoint cannot be written there: "
                            f"{_first_line(error)}") from error

    @classmethod
    def from_checkpoint(cls, checkpoint_dir, **settings):
        """A DCGAN of the sizes that the checkpoint has, with its weights.

        Args:
            checkpoint_dir: as `load` takes it.
            **settings: the constructor's, except the sizes.
        """
        model = cls(architecture=checkpoint_architecture(checkpoint_dir), **settings)
        model.load(checkpoint_dir)
        return model

    def load(self, checkpoint_dir, weights_only=False):
        """Restore the newest checkpoint: ours, or a name-based one of the original TF 1 code.

        Ours also restores where training stands, and the optimizers' slots if they were made.

        Args:
            checkpoint_dir: a folder of checkpoints, or one checkpoint's path without suffix.
            weights_only: restore the networks alone, for a fresh training from known weights.

        Returns:
            The path of the checkpoint.

        Raises:
            UserError: there is none, it is damaged, or its variables are not this network's.
        """
        path = _require_checkpoint(checkpoint_dir)
        found = checkpoint_architecture(path)
        if found != self.architecture:
            differences = ", ".join(
                f"{k} {getattr(found, k)} (here {getattr(self.architecture, k)})"
                for k in found._fields if getattr(found, k) != getattr(self.architecture, k))
            raise UserError(f"checkpoint {path} is of another network: {differences}")
        if not _is_own(_reader(path)):
            for name, value in _read_tf1(path).items():
                self.vars[name].assign(value)
            return path
        target = tf.train.Checkpoint(variables=self.vars) if weights_only else self._checkpoint()
        with _naming_damage(path):
            target.restore(path).assert_existing_objects_matched().expect_partial()
        return path


# Reading checkpoints

_OWN_KEY = "architecture/{}/.ATTRIBUTES/VARIABLE_VALUE"


def find_checkpoint(checkpoint_dir):
    """The newest checkpoint in a folder, or the one whose path this is; None if there is none."""
    if os.path.isfile(f"{checkpoint_dir}.index"):
        return checkpoint_dir
    try:
        listed = tf.train.latest_checkpoint(checkpoint_dir)
    except (tf.errors.OpError, ValueError):  # the list is damaged
        listed = None
    if listed or not os.path.isdir(checkpoint_dir):
        return listed
    # A folder that was copied may list paths that are no more: look at what is there.
    indices = [entry for entry in os.scandir(checkpoint_dir) if entry.name.endswith(".index")]
    newest = max(indices, key=lambda entry: entry.stat().st_mtime, default=None)
    return newest and newest.path.removesuffix(".index")


def _require_checkpoint(checkpoint_dir):
    path = find_checkpoint(checkpoint_dir)
    if path is None:
        raise UserError(f"no checkpoint in {checkpoint_dir}: train one with train-dcgan.py, or "
                        "name the folder that has one")
    return path


@contextlib.contextmanager
def _naming_damage(path):
    """What TensorFlow raises over a damaged checkpoint, as a UserError that names it."""
    try:
        yield
    except (tf.errors.OpError, AssertionError, IndexError, RuntimeError, ValueError) as error:
        raise UserError(f"checkpoint {path} is damaged: {_first_line(error)}") from error


def _reader(path):
    with _naming_damage(path):
        return tf.train.load_checkpoint(path)


def _is_own(reader):
    return reader.has_tensor(_OWN_KEY.format("image_size"))


def _first_line(error):
    return str(error).splitlines()[0]


def checkpoint_architecture(checkpoint_dir):
    """The `Architecture` of the newest checkpoint in a folder, ours or the original's."""
    path = _require_checkpoint(checkpoint_dir)
    reader = _reader(path)
    if _is_own(reader):
        with _naming_damage(path):
            values = {k: reader.get_tensor(_OWN_KEY.format(k)) for k in Architecture._fields}
        return Architecture(**{k: int(v) if v.ndim == 0 else tuple(map(int, v))
                               for k, v in values.items()})
    return _tf1_architecture(path, reader)


def _tf1_names(reader):
    """`{our name: their name}` of the variables of an original checkpoint, in either naming.

    The original's HEAD counts D's batch norms from 0, the published checkpoint from 1, and D's
    linear layer one further. Adam's slots and powers, which its Saver kept too, are left out.
    """
    names = {name for name in reader.get_variable_to_shape_map()
             if not re.search(r"/Adam(_\d+)?$|beta[12]_power", name)}
    if "discriminator/d_bn0/beta" not in names:
        return {name: name for name in names}

    def published(name):
        name = re.sub(r"(?<=/d_bn)\d+", lambda m: str(int(m[0]) + 1), name)
        return re.sub(r"(?<=/d_h)\d+(?=_lin/)", lambda m: str(int(m[0]) - 1), name)

    return {published(name): name for name in names}


def _tf1_architecture(path, reader):
    """The sizes behind a name-based checkpoint, read off its shapes, after checking every one."""
    all_shapes = reader.get_variable_to_shape_map()
    shapes = {ours: tuple(all_shapes[theirs]) for ours, theirs in _tf1_names(reader).items()}

    def length(*names):
        return next((shapes[name][0] for name in names if name in shapes), 0)

    n = max((int(m[1]) for m in map(re.compile(r"generator/g_h(\d+)/").match, shapes) if m),
            default=0)
    g, d = "generator/g_", "discriminator/d_"
    architecture = Architecture(
        image_size=4 * 2**n, z_dim=length(f"{g}h0_lin/Matrix"),
        c_dim=length(f"{g}h{n}/biases"),
        g_widths=tuple(length(f"{g}bn{i}/beta", f"{g}h{i}/biases") for i in range(n)),
        d_widths=tuple(length(f"{d}h{i}_conv/biases", f"{d}bn{i}/beta") for i in range(n)))
    expected = architecture.shapes() if n else Architecture.make().shapes()
    problems = {
        "missing": sorted(expected.keys() - shapes.keys()),
        "left over": sorted(shapes.keys() - expected.keys()),
        "of another shape": [f"{k} {shapes[k]} instead of {expected[k]}" for k in
                             sorted(expected.keys() & shapes.keys()) if shapes[k] != expected[k]]}
    if any(problems.values()):
        raise UserError(f"checkpoint {path} does not hold a DCGAN: " + "; ".join(
            f"{what}: {', '.join(names)}" for what, names in problems.items() if names))
    return architecture


def _read_tf1(path):
    """`{our name: array}` of an original checkpoint, all read before any is used."""
    reader = _reader(path)
    with _naming_damage(path):
        return {ours: reader.get_tensor(theirs) for ours, theirs in _tf1_names(reader).items()}
