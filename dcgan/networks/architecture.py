"""The sizes of both networks, and the initial values of their variables."""

from typing import NamedTuple

import tensorflow as tf


class Architecture(NamedTuple):
    """The sizes that determine the shapes of all variables; each checkpoint contains them.

    `g_widths` are the generator's channels at resolutions 4, 8, ..., image_size / 2, and `d_widths`
    the discriminator's channels at image_size / 2, ..., 8, 4.
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

    @property
    def edges(self):
        """The widths in pixels of G's layers before the image: 4, 8, ..., image_size / 2."""
        return [4 * 2**i for i in range(len(self.g_widths))]

    def layers(self, width, to=None):
        """The indices of G's layers that compute an image from activations of this width.

        Raises:
            ValueError: no layer has this width, or `to` is neither None nor the width of one of the
                layers.
        """
        if width not in self.edges:
            raise ValueError("activations must be as wide as a layer of G, "
                             f"{', '.join(map(str, self.edges))}. Received: {width}")
        first = self.edges.index(width)
        if to not in (None, *self.edges[first:]):
            raise ValueError("to must be None or the width of a layer, "
                             f"{', '.join(map(str, self.edges[first:]))}. Received: {to!r}")
        return range(first, len(self.edges))

    def sizes(self):
        """The sizes by the names of train-dcgan.py's flags."""
        return {"image_size": self.image_size, "z_dim": self.z_dim, "c_dim": self.c_dim,
                "gf_dim": self.g_widths[-1], "df_dim": self.d_widths[0]}

    def shapes(self):
        """`{name: shape}` of every variable, with the names in the article's checkpoint."""
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
    """Weights from N(0, 0.02), truncated at two deviations in D's convolutions; gammas and
    variances are 1, all others 0."""
    part = name.rsplit("/", 1)[1]
    if part in ("gamma", "moving_variance"):
        return tf.ones(shape)
    if part not in ("w", "Matrix"):
        return tf.zeros(shape)
    if "_conv" in name:
        return tf.random.stateless_truncated_normal(shape, seed, stddev=0.02)
    return tf.random.stateless_normal(shape, seed, stddev=0.02)
