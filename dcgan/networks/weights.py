"""The networks' weights, and the forms of them that are fastest for each computation."""

import collections
import re

import numpy as np
import tensorflow as tf

import ops
from dcgan.networks.convolution import fastest_filter

BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
FORMS = 4  # how many are kept: each has the size of the networks, or up to three times that


class Recent:
    """A cache of the most recently used values.

    Args:
        count: how many values are kept; a new one replaces the least recently used.
    """

    def __init__(self, count):
        self.count, self.values = count, collections.OrderedDict()

    def of(self, key, make):
        """The cached value for a key; otherwise the result of `make()`, which is cached."""
        value = self.values.pop(key, None)
        if value is None:
            value = make()
        self.values[key] = value
        while len(self.values) > self.count:
            self.values.popitem(last=False)
        return value

    def clear(self):
        self.values.clear()


class Weights:
    """The variables of G and D, in the form that each computation needs.

    Forms for inference are cached until a variable changes, whoever changes it.

    Args:
        variables: `{name: variable}` of both networks.
        average: `{name: variable}` of G's moving average, which generates all images; `{}` if there
            is none.
    """

    def __init__(self, variables, average):
        self.variables, self.average = variables, average
        self.forms, self.banks = Recent(FORMS), Recent(1)
        self._seen = {}  # the variables' values when these were made

    def net(self, net, trainable=False):
        """`{name: variable}` of G or D; if `trainable`, without the running statistics."""
        return {name: v for name, v in self.variables.items()
                if name.startswith(f"{net}/") and (v.trainable or not trainable)}

    @property
    def shown(self):
        """`variables`, in which G's moving average, if there is one, replaces G's variables."""
        return self.variables | self.average

    def folded(self, net, dtype):
        """The `folded` weights of one network for inference, not cached."""
        return folded({name: v for name, v in self.shown.items() if name.startswith(net)}, dtype)

    def for_inference(self, dtype):
        """The `folded` weights of both networks for inference, cached."""
        return self.kept(self.forms, (dtype, None), lambda: folded(self.shown, dtype))

    def for_search(self, dtype, batch):
        """`for_inference`, in the form that is fastest for a search of `batch` z at once."""
        kind = fastest_filter(dtype, batch)
        return self.kept(self.forms, (dtype, kind),
                         lambda: with_filters(self.for_inference(dtype), kind))

    def for_training(self, net, dtype, batch):
        """The variables of G or D in the form that is fastest for updates with `batch` images. Call
        it within the gradient tape, so that gradients reach the variables."""
        return with_filters(self.net(net), fastest_filter(dtype, batch, trained=True))

    def kept(self, recent, key, make):
        """The result of `make()` for the current variables, cached in one of the two `Recent`."""
        now = {name: tf.convert_to_tensor(v) for name, v in self.shown.items()}
        if not self._seen or not all(_is_same(self._seen[name], now[name]) for name in now):
            self.forget()
            self._seen = now
        return recent.of(key, make)

    def forget(self):
        """Clear both caches."""
        self.forms.clear()
        self.banks.clear()
        self._seen = {}


def _is_same(before, now):
    """Whether a variable has not changed between two readings.

    While the first reading is alive, TensorFlow writes the variable's next value to another place
    in memory. On a CPU it is therefore enough to compare the addresses.
    """
    if "CPU" in now.device:
        return np.asarray(memoryview(before)).ctypes.data == np.asarray(
            memoryview(now)).ctypes.data
    return bool(tf.reduce_all(before == now))


def folded(variables, dtype):
    """The weights for inference: batch norm, which is constant there, is multiplied into the layer
    before it, and convolutions are cast to a dtype.

    Args:
        variables: `{name: variable}` of G, of D or of both.
        dtype: dtype of the convolutions.

    Returns:
        `{name: tensor}`, the `weights` of `DCGAN.generator` and `DCGAN.discriminator`.
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
        else:  # this layer outputs all channels of 4x4 pixels
            kernel, bias = "generator/g_h0_lin/Matrix", "generator/g_h0_lin/bias"
            scale, offset = tf.tile(scale, [16]), tf.tile(offset, [16])
            weights[kernel] *= scale
        weights[bias] = weights[bias] * scale + offset
    return {name: w if "_lin/" in name else tf.cast(w, dtype) for name, w in weights.items()}


def with_filters(weights, kind):
    """The weights, in which the kernels between 8x8 and 4x4 pixels become filters of `convolution`.

    Args:
        weights: `{name: tensor or variable}`.
        kind: the result of `fastest_filter`, a class or None.
    """
    convolutions = [name for name in weights if re.match(r"discriminator/d_h\d+_conv/w", name)]
    ends = weights.keys() & {"generator/g_h1/w", *convolutions[-1:]}
    return weights | {name: kind.of(weights[name]) for name in ends if kind}
