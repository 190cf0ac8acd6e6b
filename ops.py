"""Layers and tensor functions: everything here maps tensors to tensors and touches no disk.

Shapes are NHWC. `linear`, `conv2d`, `conv2d_transpose`, `lrelu` and `batch_norm` are the article's
layers with its constants; variables are made by the caller (`model.py`) and passed in.
"""

import machine  # noqa: F401, I001  (before TensorFlow, whose environment it sets)

import math

import numpy as np
import tensorflow as tf

from kernels.convolution import MinimalFilter, ProductFilter, filter_gradient, input_gradient

BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5
LEAK = 0.2


def linear(x, matrix, bias):
    """`[B, n]` times `[n, m]` plus `[m]`, to `[B, m]`."""
    return tf.matmul(x, matrix) + bias


def conv2d(x, w, biases, leak=1.0):
    """5x5 stride-2 SAME convolution, as the article's, in the precision of x.

    Args:
        x: `[B, H, W, in]`.
        w: `[5, 5, in, out]`, or where H = W = 8 what `fastest_filter` makes of it.
        biases: `[out]`.
        leak: of an `lrelu` behind it, which TensorFlow can then fuse into it; 1 is none.

    Returns:
        `[B, ceil(H / 2), ceil(W / 2), out]`, the dtype of x.
    """
    if isinstance(w, (MinimalFilter, ProductFilter)):
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
            what `fastest_filter` makes of it.
        biases: `[out]`.

    Returns:
        `[B, 2 H, 2 W, out]`, the dtype of x.
    """
    if isinstance(w, (MinimalFilter, ProductFilter)):
        return tf.nn.bias_add(w.transpose(x), biases)

    @tf.custom_gradient
    def convolve(x, w, biases):
        def gradient(dy):
            return (tf.nn.conv2d(dy, w, strides=2, padding="SAME"),
                    filter_gradient(dy, x, w.shape), tf.raw_ops.BiasAddGrad(out_backprop=dy))

        shape = [tf.shape(x)[0], 2 * x.shape[1], 2 * x.shape[2], w.shape[2]]
        return tf.nn.bias_add(input_gradient(x, w, shape), biases), gradient

    return convolve(x, tf.cast(w, x.dtype), tf.cast(biases, x.dtype))


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


def ridge_prediction(features, targets, queries, strength):
    """Linear regression with a penalty on its coefficients (Hoerl & Kennard 1970), applied.

    Solved in its dual form, an equation of as many unknowns as there are samples.

    Args:
        features: `[N, ...]` float32, the samples.
        targets: `[N, k]` float32, what they belong to, with means of 0.
        queries: `[B, ...]` float32, of the shape of a sample.
        strength: of the penalty, as a share of the mean squared length of a (centred) sample.

    Returns:
        `[B, k]` float32, the targets predicted for the queries.
    """
    samples, queries = (tf.reshape(t, [tf.shape(t)[0], -1]) for t in (features, queries))
    mean = tf.reduce_mean(samples, axis=0)
    samples, queries = samples - mean, queries - mean
    kernel = tf.matmul(samples, samples, transpose_b=True)
    penalty = strength * tf.reduce_mean(tf.linalg.diag_part(kernel))
    # A little more, for features that are all alike (nothing is known of the image).
    kernel = tf.linalg.set_diag(kernel, tf.linalg.diag_part(kernel) + penalty + 1e-3)
    weights = tf.linalg.cholesky_solve(tf.linalg.cholesky(kernel), targets)
    return tf.matmul(tf.matmul(queries, samples, transpose_b=True), weights)


# Step sizes of a search: functions of the iteration, from the first step size and the iterations.
SCHEDULES = {
    "constant": lambda lr, n_iter: lambda i: lr,
    # Half a cosine down to 0 (Loshchilov & Hutter 2017).
    "cosine": lambda lr, n_iter: lambda i: (
        lr / 2 * (1 + tf.cos(math.pi / n_iter * tf.cast(i, tf.float32)))),
}


# The z-search. Each approach is a pair `(init, update)`: `init(z, first)` makes its state for the
# images that are numbered from `first` on, and `update(z, state, loss, gradient, i, objective)`
# returns the next `(z, state)`. z is `[B, z_dim]`, loss `[B]`, i the iteration counted from 0, and
# `objective(z)` returns `(loss, gradient)`; step sizes come from `rate(i)`. Every approach projects
# z onto [-1, 1], where z was drawn in training (Yeh et al. 2016).


def nesterov(rate, momentum):
    """Gradient descent with Nesterov momentum: the article's search."""
    def init(z, first):
        return (tf.zeros_like(z),)

    def update(z, state, loss, gradient, i, objective):
        (v_prev,) = state
        v = momentum * v_prev - rate(i) * gradient
        z += -momentum * v_prev + (1 + momentum) * v
        return tf.clip_by_value(z, -1, 1), (v,)

    return init, update


def projected_adam(rate, beta1, beta2, eps):
    """Adam with bias correction before epsilon, the paper's algorithm 1 (Kingma & Ba 2015)."""
    def init(z, first):
        return tf.zeros_like(z), tf.zeros_like(z)

    def update(z, state, loss, gradient, i, objective):
        m, v = state
        m = beta1 * m + (1 - beta1) * gradient
        v = beta2 * v + (1 - beta2) * gradient**2
        t = tf.cast(i + 1, tf.float32)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        return tf.clip_by_value(z - rate(i) * m_hat / (tf.sqrt(v_hat) + eps), -1, 1), (m, v)

    return init, update


def hmc(beta, epsilon, n_leapfrog, anneal, seed):
    """Hamiltonian Monte Carlo samples of exp(-beta * loss), each image accepted by itself.

    An iteration draws a momentum, takes `n_leapfrog` steps of size `epsilon` (Neal 2011, section
    2.3, in the original's order: half a momentum step before and after each step of z), and then
    multiplies beta by `anneal`. What it draws is a function of seed, image number and iteration.
    """
    def init(z, first):
        return tf.constant(beta, tf.float32), first + tf.range(tf.shape(z)[0])

    def draw(z, numbers, i):
        def draw_one(number):
            key = tf.random.fold_in(tf.stack([seed, i]), number)
            # Another key for the other draw: of one key, both would come from the same bits.
            return (tf.random.stateless_normal(z.shape[1:], key),
                    tf.random.stateless_uniform([], tf.random.fold_in(key, 1)))

        return tf.map_fn(draw_one, numbers, fn_output_signature=(tf.float32, tf.float32))

    def update(z, state, loss, gradient, i, objective):
        beta, numbers = state
        v_old, u = draw(z, numbers, i)

        def leap(k, z, v, loss, gradient):
            v -= epsilon / 2 * beta * gradient
            z = tf.clip_by_value(z + epsilon * v, -1, 1)
            loss, gradient = objective(z)
            return k + 1, z, v - epsilon / 2 * beta * gradient, loss, gradient

        _, z_new, v, new_loss, _ = tf.while_loop(
            lambda k, *_: k < n_leapfrog, leap, (0, z, v_old, loss, gradient))
        log_accept = beta * (loss - new_loss) + tf.reduce_sum(v_old**2 - v**2, axis=1) / 2
        z = tf.where((tf.math.log(u) < log_accept)[:, tf.newaxis], z_new, z)
        return z, (beta * anneal, numbers)

    return init, update
