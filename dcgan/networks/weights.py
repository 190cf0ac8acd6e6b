"""The networks' weights in the form that is fastest for what is done with them."""

import re

import tensorflow as tf

import ops
from dcgan.networks.convolution import fastest_filter

BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def folded(variables, dtype):
    """The weights for inference: batch norm, which is constant there, is multiplied into the layer
    in front of it, and convolutions have a dtype of their own.

    Args:
        variables: `{name: variable}` of G, of D or of both.
        dtype: of the convolutions.

    Returns:
        `{name: tensor}`, what `DCGAN.generator` and `discriminator` take as `weights`.
    """
    weights = {name: tf.convert_to_tensor(v) for name, v in variables.items()
               if "_bn" not in name}
    for norm in sorted({name.rpartition("/")[0] for name in variables if "_bn" in name}):
        scale, offset = ops.batch_norm_scale_and_offset(
            *(variables[f"{norm}/{part}"] for part in BATCH_NORM))
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
    return {name: w if "_lin/" in name else tf.cast(w, dtype) for name, w in weights.items()}


def with_fastest_filters(weights, dtype, batch, trained=False):
    """The weights, those of the layers between 8x8 and 4x4 by `fastest_filter`.

    Args:
        weights: `{name: tensor or variable}`.
        dtype: of the convolutions.
        batch: how many images go through the networks at once.
        trained: gradients are to reach the variables.
    """
    convolutions = [name for name in weights if re.match(r"discriminator/d_h\d+_conv/w", name)]
    ends = weights.keys() & {"generator/g_h1/w", *convolutions[-1:]}
    filters = fastest_filter(dtype, batch, trained)
    return weights | {name: filters.of(weights[name]) for name in ends if filters}
