"""Layers and tensor functions; nothing here reads or writes files.

Shapes are NHWC. `linear`, `conv2d`, `conv2d_transpose`, `lrelu` and `batch_norm` are the article's
layers with its constants; the caller (`model.py`) creates the variables and passes them in.
"""

import dcgan  # noqa: F401, I001  (before TensorFlow, whose environment it sets)

import numpy as np
import tensorflow as tf

BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5
LEAK = 0.2
FEW_CHANNELS = 4  # up to this many output channels: `subpixel_transpose`
FEW_PLACES = 16  # up to this many output pixels: `product_filter_gradient`


def linear(x, matrix, bias):
    """`[B, n]` times `[n, m]` plus `[m]`: `[B, m]`."""
    return tf.matmul(x, matrix) + bias


def conv2d(x, w, biases, leak=1.0):
    """The article's 5x5 convolution with stride 2 and padding SAME, in the precision of x.

    Args:
        x: `[B, H, W, in]`.
        w: `[5, 5, in, out]`; or for H = W = 8, the kernel in a form that
            `networks.convolution.fastest_filter` returns.
        biases: `[out]`.
        leak: negative slope of a leaky ReLU that is fused into the convolution; 1: no activation.

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
            if leak < 1:  # the result has the sign of lrelu's input, which need not be kept
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
        w: `[5, 5, out, in]`, TensorFlow's order for transposed convolutions; or for H = W = 4, the
            kernel in a form that `networks.convolution.fastest_filter` returns.
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


# The gradients of `conv2d` and `conv2d_transpose`, which are each other's. On a CPU, oneDNN's
# kernels reach the speed of a plain matrix product, except at the two ends of the networks: in the
# layer that outputs a picture of few channels, and between 8x8 and 4x4 pixels.
# `benchmarks/layers.py` measures the replacements.


def on_cpu():
    """Whether TensorFlow computes on the CPU, where the replacements are faster."""
    return not tf.config.get_visible_devices("GPU")


def input_gradient(dy, w, shape):
    """The gradient of `conv2d(x, w)` with respect to x, which has the shape `shape`."""
    doubles = all(shape[axis] == 2 * dy.shape[axis] for axis in (1, 2))
    if on_cpu() and doubles and w.shape[2] <= FEW_CHANNELS:
        return subpixel_transpose(dy, w)
    return tf.nn.conv2d_transpose(dy, w, tf.stack(shape), strides=2, padding="SAME")


def filter_gradient(x, dy, shape):
    """The gradient of `conv2d(x, w)` with respect to w, which has the shape `shape`."""
    if on_cpu() and dy.shape[1] * dy.shape[2] <= FEW_PLACES:
        return product_filter_gradient(x, dy, shape)
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=shape, out_backprop=dy, strides=[1, 2, 2, 1], padding="SAME")


def subpixel_transpose(dy, w):
    """The transpose of `conv2d`, to twice the size, as a 3x3 convolution that computes each 2x2
    block of the result as 4 times the channels (Shi et al. 2016, arXiv 1609.07009).

    Row 2m + p of the result is the sum over d = -1, 0, 1 of row m + d of dy times tap p + 1 - 2d.
    With a zero before the five taps there are six, and p = 0, 1 use them in pairs, the last pair
    first. This computes 36 products instead of 25, which is faster only for few output channels.
    """
    height, width, n_out, n_in = dy.shape[1], dy.shape[2], w.shape[2], w.shape[3]
    taps = tf.reshape(tf.pad(w, [[1, 0], [1, 0], [0, 0], [0, 0]]), [3, 2, 3, 2, n_out, n_in])
    kernel = tf.transpose(tf.reverse(taps, axis=[0, 2]), [0, 2, 5, 1, 3, 4])
    y = tf.nn.conv2d(dy, tf.reshape(kernel, [3, 3, n_in, 4 * n_out]), strides=1, padding="SAME")
    y = tf.reshape(y, [-1, height, width, 2, 2 * n_out])  # columns next to their channels
    return tf.reshape(tf.transpose(y, [0, 1, 3, 2, 4]), [-1, 2 * height, 2 * width, n_out])


def columns_of(x):
    """The 5x5 pixels of x from which `conv2d` computes each output pixel: `[B h w, 25 in]`."""
    patches = tf.image.extract_patches(
        x, [1, 5, 5, 1], [1, 2, 2, 1], [1, 1, 1, 1], padding="SAME")
    return tf.reshape(patches, [-1, 25 * x.shape[3]])


def product_filter_gradient(x, dy, shape):
    """`filter_gradient` as one matrix product, which is faster for the smallest feature maps."""
    rows = tf.reshape(dy, [-1, shape[3]])
    return tf.reshape(tf.matmul(columns_of(x), rows, transpose_a=True), shape)


def lrelu(x, leak=LEAK):
    """max(x, leak * x)."""
    return tf.nn.leaky_relu(x, leak)


def in_batches(function, values, size):
    """Apply a function to values in batches; returns one array.

    Args:
        function: a function of `[B, ...]`, B at most `size`, that returns B rows.
        values: `[N, ...]`, N at least 1.
        size: the batch size.
    """
    return np.concatenate([function(values[i:i + size]) for i in range(0, len(values), size)])


def mean_of_replicas(values):
    """The mean of a structure of tensors over all replicas."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)


def average_statistics(variables):
    """Set the running statistics of all replicas to their mean. An update of running statistics is
    linear in the batch's statistics, so averaging once at the end of a step is equivalent.

    Args:
        variables: `{name: variable}`; the variables that are not trainable are running statistics.
    """
    if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
        moved = {name: tf.identity(v) for name, v in variables.items() if not v.trainable}
        for name, mean in mean_of_replicas(moved).items():
            variables[name].assign(mean)


def move_average(averages, variables, decay, updates):
    """Update exponential moving averages of variables. The decay is smaller in the first steps, so
    that the initial values are forgotten quickly.

    Args:
        averages, variables: `{name: variable}`.
        decay: the fraction of an average that a step keeps.
        updates: how many updates the variables have had.
    """
    updates = tf.cast(updates, tf.float32)
    keep = tf.minimum(decay, (1 + updates) / (10 + updates))
    for name, average in averages.items():
        average.assign_sub((1 - keep) * (average - variables[name]))


def batch_norm(x, gamma, beta, moving_mean, moving_variance, momentum=BN_MOMENTUM, sync=False):
    """Batch normalisation in training, over all axes except the last (Ioffe & Szegedy 2015).

    It normalises with the batch's own mean and variance and moves the two running statistics
    towards them (towards the unbiased variance, as TensorFlow's fused kernel returns it).

    Args:
        x: `[B, H, W, C]`, of any precision; the statistics are float32.
        gamma, beta: `[C]` float32 scale and offset.
        moving_mean, moving_variance: `[C]` float32 `tf.Variable`, updated.
        momentum: the fraction of the old running statistics that an update keeps.
        sync: use the mean and variance over all replicas' x.

    Returns:
        `[B, H, W, C]`, the shape and dtype of `x`.
    """
    if sync and tf.distribute.get_replica_context().num_replicas_in_sync > 1:
        y, mean, variance = _synchronised_batch_norm(x, gamma, beta)
    else:
        # The raw op, because tf.nn.batch_normalization is not fused, and the public wrapper of this
        # op silently raises an epsilon of 1e-5 to 1.001e-5.
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=BN_EPSILON,
            is_training=True)
    moving_mean.assign_sub((1 - momentum) * (moving_mean - mean))
    moving_variance.assign_sub((1 - momentum) * (moving_variance - variance))
    return y


def _synchronised_batch_norm(x, gamma, beta):
    """`(y, mean, unbiased variance)` with the statistics of all replicas, whose x are equally
    large."""
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
    """Batch normalisation in inference, as the constants of `x * scale + offset`.

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

    The loss is multiplied by a scale. If a gradient overflows, the update is skipped and the scale
    halved; after `patience` updates without an overflow, the scale is doubled. This is not a
    `tf.Module`, so that checkpoints contain it only for float16, and others can be read without it.
    """

    def __init__(self, scale=2.0**15, patience=2000):
        self.scale = tf.Variable(scale, trainable=False)
        self.since = tf.Variable(0, trainable=False)
        self.patience = patience

    def update(self, finite):
        """Adjust the scale after an update; `finite` says whether all its gradients were finite."""
        grows = self.since + 1 >= self.patience
        factor = tf.where(finite, tf.where(grows, 2.0, 1.0), 0.5)
        self.scale.assign(tf.maximum(self.scale * factor, 1.0))
        self.since.assign(tf.where(finite & ~grows, self.since + 1, 0))


class Adam(tf.Module):
    """Adam (Kingma & Ba 2015) in TensorFlow's form: epsilon is added before bias correction.

    One fused kernel updates a variable and both its slots in a single pass over memory, whereas
    Keras 3's optimizer uses separate operations. Slots and step count are `tf.Variable`s, so a
    `tf.train.Checkpoint` saves them.

    Args:
        variables: `{name: tf.Variable}`, the variables to update.
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
        """The loss, multiplied by the loss scale; `apply` expects the gradients of this."""
        return loss if self.loss_scale is None else loss * self.loss_scale.scale

    def minimize(self, loss, tape, learning_rate=None):
        """Update every variable once by the gradient of a loss.

        Args:
            loss: scalar, for this replica's part of the batch.
            tape: the `tf.GradientTape` that recorded the loss.
            learning_rate: as for `apply`.
        """
        with tape:
            loss = self.scaled(loss)
        self.apply(mean_of_replicas(tape.gradient(loss, self.variables_by_name)), learning_rate)

    def apply(self, gradients, learning_rate=None):
        """Update every variable in place.

        Args:
            gradients: `{name: tensor}` float32, with the names of the variables.
            learning_rate: float32 scalar for this update; None is the optimizer's own.
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
