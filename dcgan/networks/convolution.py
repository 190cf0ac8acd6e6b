"""The 5x5 stride-2 convolution between 8x8 and 4x4 pixels, faster than TensorFlow's own kernels.

`ops.conv2d` and `ops.conv2d_transpose` are each other's gradients and share three primitives. On a
GPU, all of them are cuDNN's. On a CPU, oneDNN's primitives reach the speed of a plain matrix
product, except at the two ends of the networks: in the layer that outputs a picture of few
channels, and between 8x8 and 4x4 pixels. The fastest replacement depends on the batch and the
precision, and for bfloat16 also on the CPU. `fastest_filter` selects it for this module;
`input_gradient` and `filter_gradient` do so in ops.py. `benchmarks/layers.py` measures all choices,
and benchmarks/RESULTS.md has the figures for CPUs with AVX2, AVX-512 and AMX.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

import ops
from dcgan.machine import cpu

MANY_IMAGES = 16  # from this batch size on, float32 uses `MinimalFilter`
FEW_IMAGES = 4  # below this batch size, bfloat16 without AMX uses `ProductFilter`


def fastest_filter(dtype, batch, trained=False):
    """The fastest form of a kernel between 8x8 and 4x4 pixels on this machine, if it is used often.

    Args:
        dtype: dtype of the convolution.
        batch: number of images at once.
        trained: whether the kernel needs a gradient.

    Returns:
        `MinimalFilter`, `ProductFilter`, or None if TensorFlow's own kernels are the fastest.
    """
    if not ops.on_cpu():
        return None
    if dtype == tf.float32 and batch >= MANY_IMAGES:  # bfloat16 is too coarse for its sums
        return MinimalFilter
    product_pays = {tf.float32: True, tf.float16: False,
                    tf.bfloat16: batch < FEW_IMAGES or cpu.has("amx_bf16")}[dtype]
    return ProductFilter if product_pays and not trained else None


class ProductFilter(NamedTuple):
    """The kernel of a convolution between 8x8 and 4x4 pixels, rearranged for matrix products.

    With few images, most of the time goes into reading the kernel, and a matrix product reads it
    only once. It is for constant weights, as in a search, because it has no gradient for them.
    """

    kernel: tf.Tensor  # `[25 in, out]`
    parities: tuple  # for even and odd rows and columns of the transpose: 4 times `[n out, in]`

    @classmethod
    def of(cls, w):
        """From a kernel `[5, 5, in, out]` of `conv2d`, or `[5, 5, out, in]` of its transpose."""
        taps = tf.transpose(w, [0, 1, 3, 2])
        return cls(tf.reshape(w, [-1, w.shape[3]]), tuple(
            tf.reshape(tf.gather(tf.gather(taps, [tap for _, tap in rows]),
                                 [tap for _, tap in columns], axis=1), [-1, w.shape[2]])
            for rows, columns in cls._taps()))

    @staticmethod
    def _taps():
        """For even and odd rows and columns of the transpose's result: pairs of the offset of an
        input pixel, relative to half the output's index, and the tap that weights it."""
        pairs = [[(d, parity + 1 - 2 * d) for d in (-1, 0, 1) if 0 <= parity + 1 - 2 * d < 5]
                 for parity in (0, 1)]
        return [(rows, columns) for rows in pairs for columns in pairs]

    def convolve(self, x):
        """`[B, H, W, in]` to `[B, H / 2, W / 2, out]`, H and W even."""
        @tf.custom_gradient
        def convolve(x):
            y = tf.matmul(ops.columns_of(x), self.kernel)
            return tf.reshape(y, [-1, x.shape[1] // 2, x.shape[2] // 2, y.shape[1]]), self.transpose

        return convolve(x)

    def transpose(self, dy):
        """`[B, H, W, out]` to `[B, 2 H, 2 W, in]`."""
        @tf.custom_gradient
        def transpose(dy):
            height, width = dy.shape[1:3]
            padded = tf.pad(dy, [[0, 0], [1, 1], [1, 1], [0, 0]])
            results = []
            for (rows, columns), kernel in zip(self._taps(), self.parities):
                places = tf.concat([padded[:, 1 + d:1 + d + height, 1 + e:1 + e + width]
                                    for d, _ in rows for e, _ in columns], axis=3)
                results.append(tf.matmul(tf.reshape(places, [-1, kernel.shape[0]]), kernel))
            x = tf.reshape(tf.stack(results), [2, 2, -1, height, width, kernel.shape[1]])
            x = tf.transpose(x, [2, 3, 0, 4, 1, 5])
            return tf.reshape(x, [-1, 2 * height, 2 * width, kernel.shape[1]]), self.convolve

        return transpose(dy)


def _vandermonde(points, width):
    """Powers 0 to width - 1 of each point and of infinity, which evaluate polynomials there."""
    return np.vstack([np.vander(points, width, increasing=True), np.eye(width)[-1:]])


def _minimal_filtering():
    """Matrices that compute `conv2d` between 8 and 4 pixels with 11 products instead of 20.

    In one dimension, the result is A' [(K w) * (B x)] for the 5 taps w and the 8 pixels x. It is
    the sum of two filters of stride 1 with 4 results each: taps 0, 2, 4 on the odd pixels and taps
    1, 3 on the even pixels. After Toom and Cook, a filter of r taps needs 4 + r - 1 products, one
    for each point at which its polynomials are evaluated (Winograd 1980; Lavin & Gray 2015, arXiv
    1509.09308). The points are chosen for little rounding: at 256 channels the error is 2e-6 of the
    values, and that of TensorFlow's own kernel 1e-6. Pixels outside the picture are 0.

    Returns:
        `(A [11, 4], B [11, 8], K [11, 5])` float64.
    """
    A, B, K = np.zeros((11, 4)), np.zeros((11, 8)), np.zeros((11, 5))
    # rows, first tap and pixel of each filter, start of the picture in its window, points
    for rows, first, begin, points in (
            (slice(0, 6), 0, 1, [0, 0.7, -0.7, 1.4, -1.4]),
            (slice(6, 11), 1, 0, [0, 0.8, -0.8, 1.5])):
        K[rows, first::2] = _vandermonde(points, K[rows, first::2].shape[1])
        A[rows] = _vandermonde(points, 4)
        window = np.linalg.inv(_vandermonde(points, len(points) + 1)).T
        B[rows, 1 - first::2] = window[:, begin:begin + 4]
    return A, B, K


class MinimalFilter(NamedTuple):
    """The kernel of a convolution between 8x8 and 4x4 pixels, transformed to need fewer products.

    11x11 products replace 20x20, which halves the time of a large batch. One use saves more than
    the transformation costs. It consists of TensorFlow operations, so a training step can transform
    the current kernel and get the kernel's gradient.
    """

    products: tf.Tensor  # `[121, in, out]` float32

    @classmethod
    def of(cls, w):
        """From a kernel `[5, 5, in, out]` of `conv2d`, or `[5, 5, out, in]` of its transpose."""
        K = _minimal_filtering()[2]
        products = tf.matmul(tf.constant(np.kron(K, K), tf.float32), tf.reshape(w, [25, -1]))
        return cls(tf.reshape(products, [121, *w.shape[2:]]))

    def convolve(self, x):
        """`[B, 8, 8, in]` to `[B, 4, 4, out]`."""
        A, B = self._matrices()
        places = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [64, -1])
        factors = tf.reshape(tf.matmul(B, places), [121, -1, x.shape[3]])
        products = tf.reshape(tf.matmul(factors, self.products), [121, -1])
        y = tf.reshape(tf.matmul(A, products, transpose_a=True),
                       [4, 4, -1, self.products.shape[2]])
        return tf.transpose(y, [2, 0, 1, 3])

    def transpose(self, dy):
        """`[B, 4, 4, out]` to `[B, 8, 8, in]`: the steps of `convolve`, transposed, in reverse."""
        A, B = self._matrices()
        places = tf.reshape(tf.transpose(dy, [1, 2, 0, 3]), [16, -1])
        factors = tf.reshape(tf.matmul(A, places), [121, -1, dy.shape[3]])
        products = tf.reshape(tf.matmul(factors, self.products, transpose_b=True), [121, -1])
        x = tf.reshape(tf.matmul(B, products, transpose_a=True),
                       [8, 8, -1, self.products.shape[1]])
        return tf.transpose(x, [2, 0, 1, 3])

    @staticmethod
    def _matrices():
        """A `[121, 16]` and B `[121, 64]` for both dimensions at once."""
        return [tf.constant(np.kron(M, M), tf.float32) for M in _minimal_filtering()[:2]]
