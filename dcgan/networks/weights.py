"""The weights of both networks, in the form that is fastest for each computation."""

import collections
import re

import numpy as np
import tensorflow as tf

import ops
from dcgan.networks.convolution import fastest_filter

BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
FORMS = 4  # forms in the cache; each needs up to three times the memory of the networks


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
    """The variables of G and D, and the forms of them that inference, search and training use.

    The forms for inference and search are cached. When a variable has changed, they are computed
    again.

    Args:
        variables: `{name: variable}` of both networks.
        average: `{name: variable}` of G's moving average, which generates images in place of G's
            variables; `{}` if there is none.
    """

    def __init__(self, variables, average):
        self.variables, self.average = variables, average
        self.forms, self.banks = Recent(FORMS), Recent(1)
        self._seen = {}  # the variables' values from which the cached forms were computed

    def net(self, net, trainable=False):
        """`{name: variable}` of G or D; if `trainable`, without the running statistics."""
        return {name: v for name, v in self.variables.items()
                if name.startswith(f"{net}/") and (v.trainable or not trainable)}

    @property
    def shown(self):
        """The variables that generate images: `variables`, in which G's moving average, if there
        is one, replaces G's variables."""
        return self.variables | self.average

    def folded(self, net, dtype):
        """The weights of one network for inference, from the function `folded`; not cached."""
        return folded({name: v for name, v in self.shown.items() if name.startswith(net)}, dtype)

    def for_inference(self, dtype):
        """The weights of both networks for inference, from the function `folded`; cached."""
        return self.kept(self.forms, (dtype, None), lambda: folded(self.shown, dtype))

    def for_search(self, dtype, batch):
        """The weights of `for_inference`, with the filters that are fastest for a search of `batch`
        z at once; cached."""
        kind = fastest_filter(dtype, batch)
        return self.kept(self.forms, (dtype, kind),
                         lambda: with_filters(self.for_inference(dtype), kind))

    def for_training(self, net, dtype, batch):
        """The variables of one network, with the filters that are fastest for a training step with
        `batch` images. Call it within the gradient tape, so that gradients reach the variables."""
        return with_filters(self.net(net), fastest_filter(dtype, batch, trained=True))

    def kept(self, recent, key, make):
        """The result of `make()`. The cache `recent`, `forms` or `banks`, keeps it under the key
        until a variable changes."""
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
    """The weights for inference. Batch norm is constant there, so it is multiplied into the weights
    of the layer before it. Convolutions are cast to a dtype.

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
    """The weights, in which faster filters replace the kernels between 8x8 and 4x4 pixels.

    Args:
        weights: `{name: tensor or variable}`.
        kind: the filters' class, from `convolution.fastest_filter`; None replaces nothing.
    """
    convolutions = [name for name in weights if re.match(r"discriminator/d_h\d+_conv/w", name)]
    ends = weights.keys() & {"generator/g_h1/w", *convolutions[-1:]}
    return weights | {name: kind.of(weights[name]) for name in ends if kind}
