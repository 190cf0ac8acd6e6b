"""The article's computations in plain NumPy, float64: what the tests hold the product against.

Written from the definitions, loop by loop, and sharing nothing with the code under test.
"""

import numpy as np


def same_padding(size):
    """Rows in front and behind that SAME pads for a 5-wide window of stride 2, as TensorFlow's
    documentation defines it: the odd one goes behind."""
    out = -(-size // 2)
    total = max((out - 1) * 2 + 5 - size, 0)
    return total // 2, total - total // 2


def conv2d(x, w, b):
    """5x5 stride-2 SAME convolution of `[B, H, W, in]` with `[5, 5, in, out]`."""
    top, left = same_padding(x.shape[1])[0], same_padding(x.shape[2])[0]
    out = np.zeros((x.shape[0], -(-x.shape[1] // 2), -(-x.shape[2] // 2), w.shape[3]))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            for di in range(5):
                for dj in range(5):
                    r, c = 2 * i + di - top, 2 * j + dj - left
                    if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]:
                        out[:, i, j] += x[:, r, c] @ w[di, dj]
    return out + b


def conv2d_transpose(x, w, b):
    """Its transpose: every input pixel stamps its `[5, 5, out, in]` onto an output twice as big."""
    height, width = 2 * x.shape[1], 2 * x.shape[2]
    top, left = same_padding(height)[0], same_padding(width)[0]
    out = np.zeros((x.shape[0], height, width, w.shape[2]))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            for di in range(5):
                for dj in range(5):
                    r, c = 2 * i + di - top, 2 * j + dj - left
                    if 0 <= r < height and 0 <= c < width:
                        out[:, r, c] += x[:, i, j] @ w[di, dj].T
    return out + b


def batch_norm(x, gamma, beta, mean, variance):
    return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta


def _norm(x, v, name, training):
    if training:
        mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    else:
        mean, variance = v[f"{name}/moving_mean"], v[f"{name}/moving_variance"]
    return batch_norm(x, v[f"{name}/gamma"], v[f"{name}/beta"], mean, variance)


def generator(v, z, layers, training=False):
    """G by its variables `{name: array}`, with that many transposed convolutions."""
    h = z @ v["generator/g_h0_lin/Matrix"] + v["generator/g_h0_lin/bias"]
    h = h.reshape(len(z), 4, 4, -1)
    for i in range(layers):
        h = generator_layer(v, _norm(h, v, f"generator/g_bn{i}", training), i)
    return np.tanh(h)


def generator_layer(v, h, i):
    """G's i-th transposed convolution, of activations that are normalised."""
    name = f"generator/g_h{i + 1}"
    return conv2d_transpose(np.maximum(h, 0), v[f"{name}/w"], v[f"{name}/biases"])


def activations(v, h, edge, to):
    """From z, or the normalised activations of the layer of an edge (0 is z), on to those of
    another: those of the edge `to`, or the image where there is no such layer."""
    if not edge:
        h = h @ v["generator/g_h0_lin/Matrix"] + v["generator/g_h0_lin/bias"]
        h, edge = _norm(h.reshape(len(h), 4, 4, -1), v, "generator/g_bn0", False), 4
    while edge < to:
        i = edge.bit_length() - 3
        h, edge = generator_layer(v, h, i), 2 * edge
        if f"generator/g_bn{i + 1}/gamma" not in v:
            return np.tanh(h)
        h = _norm(h, v, f"generator/g_bn{i + 1}", False)
    return h


def discriminator(v, x, layers, training=False):
    """D's logits `[B, 1]`."""
    h = x
    for i in range(layers):
        name = f"discriminator/d_h{i}_conv"
        h = conv2d(h, v[f"{name}/w"], v[f"{name}/biases"])
        if i > 0:
            h = _norm(h, v, f"discriminator/d_bn{i}", training)
        h = np.where(h > 0, h, 0.2 * h)
    name = f"discriminator/d_h{layers - 1}_lin"
    return h.reshape(len(x), -1) @ v[f"{name}/Matrix"] + v[f"{name}/bias"]


def cross_entropy(logits, label):
    """-label log(p) - (1 - label) log(1 - p) with p = sigmoid(logits)."""
    p = 1 / (1 + np.exp(-logits))
    return -label * np.log(p) - (1 - label) * np.log(1 - p)


def block_means(x, factor):
    b, h, w, c = x.shape
    return x.reshape(b, h // factor, factor, w // factor, factor, c).mean(axis=(2, 4))


def completion_loss(v, z, y, mask, lowres_mask, layers, lam, lowres):
    """`[B]`: sum |mask G(z) - mask y|, the same of block means, and lam * -log D(G(z))."""
    return image_loss(v, generator(v, z, layers), y, mask, lowres_mask, layers, lam, lowres)


def image_loss(v, G, y, mask, lowres_mask, layers, lam, lowres):
    """The same of images, `[B, H, W, C]`."""
    loss = np.abs(mask * G - mask * y).sum(axis=(1, 2, 3))
    loss += (lowres_mask * np.abs(block_means(G, lowres) - block_means(y, lowres))).sum(
        axis=(1, 2, 3))
    return loss + lam * cross_entropy(discriminator(v, G, layers), 1)[:, 0]


def numeric_gradient(f, x, step=1e-5):
    """Central differences of a scalar function of an array."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        low, high = x.copy(), x.copy()
        low[index] -= step
        high[index] += step
        gradient[index] = (f(high) - f(low)) / (2 * step)
    return gradient


def adam_step(x, gradient, m, v, t, lr, beta1, beta2=0.999, epsilon=1e-8):
    """Step t (from 1) of TensorFlow's Adam: `(x, m, v)`."""
    m = beta1 * m + (1 - beta1) * gradient
    v = beta2 * v + (1 - beta2) * gradient**2
    rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return x - rate * m / (np.sqrt(v) + epsilon), m, v
