"""Layers and tensor functions: everything here maps tensors to tensors and touches no disk.

Shapes are NHWC. `linear`, `conv2d`, `conv2d_transpose`, `lrelu` and `batch_norm` are the article's
layers with its constants; variables are made by the caller (`model.py`) and passed in.
"""

import dcgan  # noqa: F401, I001  (before TensorFlow, whose environment it sets)

import numpy as np
import tensorflow as tf

BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5
LEAK = 0.2
FEW_CHANNELS = 4  # at most as many: `subpixel_transpose`
FEW_PLACES = 16  # at most as many: `product_filter_gradient`


def linear(x, matrix, bias):
    """`[B, n]` times `[n, m]` plus `[m]`, to `[B, m]`."""
    return tf.matmul(x, matrix) + bias


def conv2d(x, w, biases, leak=1.0):
    """5x5 stride-2 SAME convolution, as the article's, in the precision of x.

    Args:
        x: `[B, H, W, in]`.
        w: `[5, 5, in, out]`, or where H = W = 8 what `networks.convolution.fastest_filter` makes of
            it.
        biases: `[out]`.
        leak: of an `lrelu` behind it, which TensorFlow can then fuse into it; 1 is none.

    Returns:
        `[B, ceil(H / 2), ceil(W / 2), out]`, the dtype of x.
    """
    if hasattr(w, "convolve"):
        return lrelu(tf.nn.bias_add(w.convolve(x), biases), leak)

    @tf.custom_gradient
    def convolve(x, w, biases):
        y = tf.nn.bias_add(tf.nn.conv2d(x, w, strides=2, padding="SAME"), biases)
        if leak < 1:
            y = lrelu(y, leak)

        def gradient(dy):
            if leak < 1:  # by the result's sign, so that nothing else needs what goes into lrelu
                dy = tf.raw_ops.LeakyReluGrad(
                    gradients=dy, features=tf.stop_gradient(y), alpha=leak)
            shape = [tf.shape(x)[0], *x.shape[1:]]
            return (input_gradient(dy, w, shape), filter_gradient(x, dy, w.shape),
                    tf.raw_ops.BiasAddGrad(out_backprop=dy))

        return y, gradient

    return convolve(x, tf.cast(w, x.dtype), tf.cast(biases, x.dtype))


def conv2d_transpose(x, w, biases):
    """Stride-2 transposed convolution: the gradient of `conv2d` on an image twice the size.

    Args:
        x: `[B, H, W, in]`.
        w: `[5, 5, out, in]`, TensorFlow's order for transposed convolutions, or where H = W = 4
            what `networks.convolution.fastest_filter` makes of it.
        biases: `[out]`.

    Returns:
        `[B, 2 H, 2 W, out]`, the dtype of x.
    """
    if hasattr(w, "convolve"):
        return tf.nn.bias_add(w.transpose(x), biases)

    @tf.custom_gradient
    def convolve(x, w, biases):
        def gradient(dy):
            return (tf.nn.conv2d(dy, w, strides=2, padding="SAME"),
                    filter_gradient(dy, x, w.shape), tf.raw_ops.BiasAddGrad(out_backprop=dy))

        shape = [tf.shape(x)[0], 2 * x.shape[1], 2 * x.shape[2], w.shape[2]]
        return tf.nn.bias_add(input_gradient(x, w, shape), biases), gradient

    return convolve(x, tf.cast(w, x.dtype), tf.cast(biases, x.dtype))


# The gradients of the two, which are each other's. On a CPU oneDNN's kernels reach the speed of a
# plain matrix product, except at the two ends of the networks: where a picture of few channels is
# made, and between 8x8 and 4x4 places. `benchmarks/layers.py` measures what takes their place.


def on_cpu():
    """Whether TensorFlow computes on the CPU, where the detours pay."""
    return not tf.config.get_visible_devices("GPU")


def input_gradient(dy, w, shape):
    """The gradient of `conv2d(x, w)` for its x of `shape`."""
    doubles = all(shape[axis] == 2 * dy.shape[axis] for axis in (1, 2))
    if on_cpu() and doubles and w.shape[2] <= FEW_CHANNELS:
        return subpixel_transpose(dy, w)
    return tf.nn.conv2d_transpose(dy, w, tf.stack(shape), strides=2, padding="SAME")


def filter_gradient(x, dy, shape):
    """The gradient of `conv2d(x, w)` for its w of `shape`."""
    if on_cpu() and dy.shape[1] * dy.shape[2] <= FEW_PLACES:
        return product_filter_gradient(x, dy, shape)
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=shape, out_backprop=dy, strides=[1, 2, 2, 1], padding="SAME")


def subpixel_transpose(dy, w):
    """`conv2d` transposed, to twice the size, as a 3x3 convolution that makes each 2x2 block of
    the result as 4 times the channels (Shi et al. 2016, arXiv 1609.07009).

    Row 2m + p of the result is the sum over d = -1, 0, 1 of row m + d of dy times tap p + 1 - 2d:
    with a zero in front of the five taps, those of p = 0, 1 are a pair of six, the last pair first.
    It computes 36 products for 25, which only pays where there are few channels to make.
    """
    height, width, n_out, n_in = dy.shape[1], dy.shape[2], w.shape[2], w.shape[3]
    taps = tf.reshape(tf.pad(w, [[1, 0], [1, 0], [0, 0], [0, 0]]), [3, 2, 3, 2, n_out, n_in])
    kernel = tf.transpose(tf.reverse(taps, axis=[0, 2]), [0, 2, 5, 1, 3, 4])
    y = tf.nn.conv2d(dy, tf.reshape(kernel, [3, 3, n_in, 4 * n_out]), strides=1, padding="SAME")
    y = tf.reshape(y, [-1, height, width, 2, 2 * n_out])  # columns lie beside their channels
    return tf.reshape(tf.transpose(y, [0, 1, 3, 2, 4]), [-1, 2 * height, 2 * width, n_out])


def columns_of(x):
    """The 5x5 places of x that each result of `conv2d` is made of: `[B h w, 25 in]`."""
    patches = tf.image.extract_patches(
        x, [1, 5, 5, 1], [1, 2, 2, 1], [1, 1, 1, 1], padding="SAME")
    return tf.reshape(patches, [-1, 25 * x.shape[3]])


def product_filter_gradient(x, dy, shape):
    """The gradient for a filter as one matrix product, which pays for the smallest maps."""
    rows = tf.reshape(dy, [-1, shape[3]])
    return tf.reshape(tf.matmul(columns_of(x), rows, transpose_a=True), shape)


def lrelu(x, leak=LEAK):
    """max(x, leak * x)."""
    return tf.nn.leaky_relu(x, leak)


def in_batches(function, values, size):
    """What a function makes of values, so many at once, as one array.

    Args:
        function: of `[B, ...]`, B at most `size`, to as many rows.
        values: `[N, ...]`, N at least 1.
        size: how many at once.
    """
    return np.concatenate([function(values[i:i + size]) for i in range(0, len(values), size)])


def mean_of_replicas(values):
    """The mean over all replicas of a structure of tensors; with one replica, the tensors."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)


def average_statistics(variables):
    """Make the running statistics of all replicas the mean of theirs. An update of them is linear
    in the batch's, so that once at the end of a step is as good as at every update.

    Args:
        variables: `{name: variable}`; those that are not trainable are running statistics.
    """
    if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
        moved = {name: tf.identity(v) for name, v in variables.items() if not v.trainable}
        for name, mean in mean_of_replicas(moved).items():
            variables[name].assign(mean)


def move_average(averages, variables, decay, updates):
    """Move averages of variables towards their present values; the first steps keep less, so that
    the initial values are soon forgotten.

    Args:
        averages, variables: `{name: variable}`.
        decay: the share that an average keeps in a step.
        updates: how many the variables had.
    """
    updates = tf.cast(updates, tf.float32)
    keep = tf.minimum(decay, (1 + updates) / (10 + updates))
    for name, average in averages.items():
        average.assign_sub((1 - keep) * (average - variables[name]))


def batch_norm(x, gamma, beta, moving_mean, moving_variance, momentum=BN_MOMENTUM, sync=False):
    """Batch normalisation in training, over every axis but the last (Ioffe & Szegedy 2015).

    It normalises with the batch's own mean and variance and moves the two running statistics
    towards them (the variance by its unbiased estimate, as TensorFlow's fused kernel reports it).

    Args:
        x: `[B, H, W, C]`, of any precision; the statistics are float32.
        gamma, beta: `[C]` float32 scale and offset.
        moving_mean, moving_variance: `[C]` float32 `tf.Variable`, updated.
        momentum: the share of the old running statistics that an update keeps.
        sync: take the mean and variance of all replicas' x together.

    Returns:
        `[B, H, W, C]`, the shape and dtype of `x`.
    """
    if sync and tf.distribute.get_replica_context().num_replicas_in_sync > 1:
        y, mean, variance = _synchronised_batch_norm(x, gamma, beta)
    else:
        # The raw op because tf.nn.batch_normalization is not fused, and because its public wrapper
        # silently raises an epsilon of 1e-5 to 1.001e-5.
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=BN_EPSILON,
            is_training=True)
    moving_mean.assign_sub((1 - momentum) * (moving_mean - mean))
    moving_variance.assign_sub((1 - momentum) * (moving_variance - variance))
    return y


def _synchronised_batch_norm(x, gamma, beta):
    """`(y, mean, unbiased variance)` by the statistics of all replicas, each with as large an x."""
    wide = tf.cast(x, tf.float32)
    mean, variance = tf.nn.moments(wide, [0, 1, 2])
    mean, square = tf.unstack(mean_of_replicas(tf.stack([mean, variance + mean**2])))
    variance = tf.maximum(square - mean**2, 0)
    scale = gamma * tf.math.rsqrt(variance + BN_EPSILON)
    count = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
    count *= tf.distribute.get_replica_context().num_replicas_in_sync
    return (tf.cast(wide * scale + (beta - mean * scale), x.dtype), mean,
            variance * count / (count - 1))


def batch_norm_scale_and_offset(gamma, beta, moving_mean, moving_variance):
    """Batch normalisation in inference, which is `x * scale + offset` with constants.

    Args:
        gamma, beta, moving_mean, moving_variance: `[C]` float32.

    Returns:
        `(scale, offset)`, each `[C]` float32.
    """
    scale = gamma * tf.math.rsqrt(moving_variance + BN_EPSILON)
    return scale, beta - moving_mean * scale


def sigmoid_cross_entropy(logits, label):
    """Cross-entropy of `sigmoid(logits)` with one label for the whole batch.

    Args:
        logits: `[B, 1]` float32, before the sigmoid.
        label: 0.0 (fake) to 1.0 (real).

    Returns:
        `[B]` float32, one loss per image, finite for logits of any size.
    """
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.squeeze(losses, axis=1)


def downsample(images, factor):
    """Means over `factor` x `factor` blocks: `[B, H, W, C]` to `[B, H/factor, W/factor, C]`."""
    return tf.nn.avg_pool2d(images, ksize=factor, strides=factor, padding="VALID")


class LossScale:
    """Keeps small gradients above float16's smallest number (Micikevicius et al. 2018).

    The loss is multiplied by a scale that halves whenever a gradient overflows, in which case the
    update is left out, and doubles after `patience` updates without. Not a `tf.Module`, so that a
    checkpoint has it only where it is asked for, and others can be read without.
    """

    def __init__(self, scale=2.0**15, patience=2000):
        self.scale = tf.Variable(scale, trainable=False)
        self.since = tf.Variable(0, trainable=False)
        self.patience = patience

    def update(self, finite):
        """Count an update whose gradients were all finite, or not."""
        grows = self.since + 1 >= self.patience
        factor = tf.where(finite, tf.where(grows, 2.0, 1.0), 0.5)
        self.scale.assign(tf.maximum(self.scale * factor, 1.0))
        self.since.assign(tf.where(finite & ~grows, self.since + 1, 0))


class Adam(tf.Module):
    """Adam (Kingma & Ba 2015) in TensorFlow's form: epsilon is added before bias correction.

    One fused kernel updates a variable and both its slots in a single pass over memory, where
    Keras 3's optimizer is written in separate operations. Slots and step count are `tf.Variable`s,
    so a `tf.train.Checkpoint` keeps them.

    Args:
        variables: `{name: tf.Variable}`, what it updates.
        learning_rate, beta1, beta2, epsilon: Python floats; epsilon is TensorFlow's default.
        loss_scale: a `LossScale`, or None.
    """

    def __init__(self, variables, learning_rate, beta1, beta2=0.999, epsilon=1e-8,
                 loss_scale=None):
        super().__init__()
        self.variables_by_name = variables
        self.learning_rate, self.beta1, self.beta2, self.epsilon = (
            learning_rate, beta1, beta2, epsilon)
        self.loss_scale = loss_scale
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.m = {name: tf.Variable(tf.zeros_like(v), trainable=False)
                  for name, v in variables.items()}
        self.v = {name: tf.Variable(tf.zeros_like(v), trainable=False)
                  for name, v in variables.items()}

    def scaled(self, loss):
        """The loss whose gradients `apply` takes."""
        return loss if self.loss_scale is None else loss * self.loss_scale.scale

    def minimize(self, loss, tape, learning_rate=None):
        """Update every variable once by a loss.

        Args:
            loss: scalar, of this replica's part of the batch.
            tape: the `tf.GradientTape` that recorded it.
            learning_rate: as `apply` takes it.
        """
        with tape:
            loss = self.scaled(loss)
        self.apply(mean_of_replicas(tape.gradient(loss, self.variables_by_name)), learning_rate)

    def apply(self, gradients, learning_rate=None):
        """Update every variable in place.

        Args:
            gradients: `{name: tensor}` float32, with the names of the variables.
            learning_rate: float32 scalar, for this update instead of the optimizer's.
        """
        if learning_rate is None:
            learning_rate = self.learning_rate
        if self.loss_scale is None:
            self._update(gradients, learning_rate)
            return
        gradients = {name: g / self.loss_scale.scale for name, g in gradients.items()}
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients.values()])
        tf.cond(finite, lambda: self._update(gradients, learning_rate), lambda: None)
        self.loss_scale.update(finite)

    def _update(self, gradients, learning_rate):
        step = tf.cast(self.step.assign_add(1), tf.float32)
        beta1_power, beta2_power = tf.pow(self.beta1, step), tf.pow(self.beta2, step)
        for name, variable in self.variables_by_name.items():
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=self.m[name].handle, v=self.v[name].handle,
                beta1_power=beta1_power, beta2_power=beta2_power, lr=learning_rate,
                beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon, grad=gradients[name])
