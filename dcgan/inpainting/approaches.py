"""The steps of a search: step sizes, and the approaches."""

import math

import tensorflow as tf

# Schedules: functions from the first step size and the number of iterations to a function from the
# iteration to its step size.
SCHEDULES = {
    "constant": lambda lr, n_iter: lambda i: lr,
    # Half a cosine down to 0 (Loshchilov & Hutter 2017).
    "cosine": lambda lr, n_iter: lambda i: lr / 2 * (
        1 + tf.cos(tf.cast(math.pi / n_iter, tf.float32) * tf.cast(i, tf.float32))),
}

# Iterations over which the step size of activations rises.
WARM_UP = 3


# The search for z. Each approach is a pair `(init, update)`: `init(z, numbers)` returns the initial
# state for searches with these numbers, and `update(z, state, loss, gradient, i, objective)`
# returns the next `(z, state)`. z is `[B, z_dim]`, loss `[B]`, and i the iteration, counted from 0;
# `objective(z)` returns `(loss, gradient)`, and `rate(i)` the step size. Every approach projects z
# onto [-1, 1], from which training draws z (Yeh et al. 2016).


def nesterov(rate, momentum):
    """Gradient descent with Nesterov momentum: the article's search."""
    def init(z, numbers):
        return (tf.zeros_like(z),)

    def update(z, state, loss, gradient, i, objective):
        (v_prev,) = state
        v = momentum * v_prev - rate(i) * gradient
        z += -momentum * v_prev + (1 + momentum) * v
        return tf.clip_by_value(z, -1, 1), (v,)

    return init, update


def projected_adam(rate, beta1, beta2, eps, activations=False):
    """Adam with bias correction before epsilon (Kingma & Ba 2015, algorithm 1), projected onto
    [-1, 1].

    For `activations` `[B, r, r, n]` instead of z, there is no projection, and all values of an
    image share the second moment, which is the mean of theirs: the gradients of the activations
    behind a hole are tiny, and moments of their own would make full steps of them. The first steps
    are shorter: a full first step would raise the loss that the stage before has lowered.
    """
    def squared(gradient):
        each = gradient**2
        return tf.reduce_mean(each, [1, 2, 3], keepdims=True) if activations else each

    def init(z, numbers):
        return tf.zeros_like(z), tf.zeros_like(squared(z))

    def update(z, state, loss, gradient, i, objective):
        m, v = state
        m = beta1 * m + (1 - beta1) * gradient
        v = beta2 * v + (1 - beta2) * squared(gradient)
        t = tf.cast(i + 1, tf.float32)
        step = rate(i) * (m / (1 - beta1**t)) / (tf.sqrt(v / (1 - beta2**t)) + eps)
        if activations:
            return z - tf.minimum(t / WARM_UP, 1) * step, (m, v)
        return tf.clip_by_value(z - step, -1, 1), (m, v)

    return init, update


def hmc(beta, epsilon, n_leapfrog, anneal, seed):
    """Hamiltonian Monte Carlo samples of exp(-beta * loss), accepted or rejected per image.

    An iteration draws a momentum, takes `n_leapfrog` steps of size `epsilon` (Neal 2011, section
    2.3, in the original code's order: half a momentum step before and after each step of z), and
    then multiplies beta by `anneal`. The random numbers depend only on the seed, the search's
    number and the iteration.
    """
    def init(z, numbers):
        return tf.constant(beta, tf.float32), tf.constant(numbers, tf.int32)

    def draw(z, numbers, i):
        def draw_one(number):
            key = tf.random.fold_in(tf.stack([seed, i]), number)
            # Two draws need two keys, or both would come from the same bits.
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
