"""Layers and tensor functions: everything here maps tensors to tensors and touches no disk.

Shapes are NHWC. `linear`, `conv2d`, `conv2d_transpose`, `lrelu` and `batch_norm` are the article's
layers with its constants; variables are made by the caller (`model.py`) and passed in.
"""

import tensorflow as tf

BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5


def linear(x, matrix, bias):
    """`[B, n]` times `[n, m]` plus `[m]`, to `[B, m]`."""
    return tf.matmul(x, matrix) + bias


def conv2d(x, w, biases):
    """5x5 stride-2 SAME convolution, as the article's.

    Args:
        x: `[B, H, W, in]`.
        w: `[kh, kw, in, out]`.
        biases: `[out]`.

    Returns:
        `[B, ceil(H / 2), ceil(W / 2), out]`.
    """
    return tf.nn.bias_add(tf.nn.conv2d(x, w, strides=2, padding="SAME"), biases)


def conv2d_transpose(x, w, biases):
    """Stride-2 transposed convolution: the gradient of `conv2d` on an image twice the size.

    Args:
        x: `[B, H, W, in]`.
        w: `[kh, kw, out, in]`, TensorFlow's order for transposed convolutions.
        biases: `[out]`.

    Returns:
        `[B, 2 H, 2 W, out]`.
    """
    batch, height, width = tf.shape(x)[0], x.shape[1], x.shape[2]
    shape = tf.stack([batch, 2 * height, 2 * width, w.shape[2]])
    y = tf.nn.conv2d_transpose(x, w, shape, strides=2, padding="SAME")
    return tf.nn.bias_add(y, biases)


def lrelu(x, leak=0.2):
    """max(x, leak * x)."""
    return tf.nn.leaky_relu(x, leak)


def batch_norm(x, gamma, beta, moving_mean, moving_variance, training, momentum=BN_MOMENTUM):
    """Batch normalisation over every axis but the last (Ioffe & Szegedy 2015).

    In training it normalises with the batch's own mean and variance and moves the two running
    statistics towards them (the variance by its unbiased estimate, as TensorFlow's fused kernel
    reports it). Otherwise it normalises with the running statistics, which stay as they are.

    Args:
        x: `[B, H, W, C]` float32.
        gamma, beta: `[C]` scale and offset.
        moving_mean, moving_variance: `[C]` `tf.Variable`, updated in training.
        training: Python bool.
        momentum: the share of the old running statistics that an update keeps.

    Returns:
        `[B, H, W, C]`, the shape and dtype of `x`.
    """
    if not training:
        scale = gamma * tf.math.rsqrt(moving_variance + BN_EPSILON)
        return x * scale + (beta - moving_mean * scale)
    # The raw op because tf.nn.batch_normalization is not fused, and because its public wrapper
    # silently raises an epsilon of 1e-5 to 1.001e-5.
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=BN_EPSILON, is_training=True)
    moving_mean.assign_sub((1 - momentum) * (moving_mean - mean))
    moving_variance.assign_sub((1 - momentum) * (moving_variance - variance))
    return y


def sigmoid_cross_entropy(logits, label):
    """Cross-entropy of `sigmoid(logits)` with one label (0 or 1) for the whole batch.

    Args:
        logits: `[B, 1]` float32, before the sigmoid.
        label: 0.0 (fake) or 1.0 (real).

    Returns:
        `[B]` float32, one loss per image, finite for logits of any size.
    """
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.squeeze(losses, axis=1)


def downsample(images, factor):
    """Means over `factor` x `factor` blocks: `[B, H, W, C]` to `[B, H/factor, W/factor, C]`."""
    return tf.nn.avg_pool2d(images, ksize=factor, strides=factor, padding="VALID")


class Adam(tf.Module):
    """Adam (Kingma & Ba 2015) in TensorFlow's form: epsilon is added before bias correction.

    One fused kernel updates a variable and both its slots in a single pass over memory, where
    Keras 3's optimizer is written in separate operations. Slots and step count are `tf.Variable`s,
    so a `tf.train.Checkpoint` keeps them.

    Args:
        variables: `{name: tf.Variable}`, what it updates.
        learning_rate, beta1, beta2, epsilon: Python floats; epsilon is TensorFlow's default.
    """

    def __init__(self, variables, learning_rate, beta1, beta2=0.999, epsilon=1e-8):
        super().__init__()
        self.variables_by_name = variables
        self.learning_rate, self.beta1, self.beta2, self.epsilon = (
            learning_rate, beta1, beta2, epsilon)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.m = {name: tf.Variable(tf.zeros_like(v), trainable=False)
                  for name, v in variables.items()}
        self.v = {name: tf.Variable(tf.zeros_like(v), trainable=False)
                  for name, v in variables.items()}

    def apply(self, gradients):
        """Update every variable in place; `gradients` is `{name: tensor}` with the same names."""
        step = tf.cast(self.step.assign_add(1), tf.float32)
        beta1_power, beta2_power = tf.pow(self.beta1, step), tf.pow(self.beta2, step)
        for name, variable in self.variables_by_name.items():
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=self.m[name].handle, v=self.v[name].handle,
                beta1_power=beta1_power, beta2_power=beta2_power, lr=self.learning_rate,
                beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon, grad=gradients[name])


# The z-search. Each approach is a pair `(init, update)`: `init(z, first)` makes its state for the
# images that are numbered from `first` on, and `update(z, state, loss, gradient, i, objective)`
# returns the next `(z, state)`. z is `[B, z_dim]`, loss `[B]`, i the iteration counted from 0, and
# `objective(z)` returns `(loss, gradient)`. Every approach projects z onto [-1, 1], where z was
# drawn in training (Yeh et al. 2016).


def nesterov(lr, momentum):
    """Gradient descent with Nesterov momentum: the article's search."""
    def init(z, first):
        return (tf.zeros_like(z),)

    def update(z, state, loss, gradient, i, objective):
        (v_prev,) = state
        v = momentum * v_prev - lr * gradient
        z += -momentum * v_prev + (1 + momentum) * v
        return tf.clip_by_value(z, -1, 1), (v,)

    return init, update


def projected_adam(lr, beta1, beta2, eps):
    """Adam with bias correction before epsilon, the paper's algorithm 1 (Kingma & Ba 2015)."""
    def init(z, first):
        return tf.zeros_like(z), tf.zeros_like(z)

    def update(z, state, loss, gradient, i, objective):
        m, v = state
        m = beta1 * m + (1 - beta1) * gradient
        v = beta2 * v + (1 - beta2) * gradient**2
        t = tf.cast(i + 1, tf.float32)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        return tf.clip_by_value(z - lr * m_hat / (tf.sqrt(v_hat) + eps), -1, 1), (m, v)

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
        z_new, v, new_loss = z, v_old, loss
        for _ in tf.range(n_leapfrog):
            v -= epsilon / 2 * beta * gradient
            z_new = tf.clip_by_value(z_new + epsilon * v, -1, 1)
            new_loss, gradient = objective(z_new)
            v -= epsilon / 2 * beta * gradient
        log_accept = beta * (loss - new_loss) + tf.reduce_sum(v_old**2 - v**2, axis=1) / 2
        z = tf.where((tf.math.log(u) < log_accept)[:, tf.newaxis], z_new, z)
        return z, (beta * anneal, numbers)

    return init, update
