"""The networks' weights, and the forms of them that are fastest for what is done with them."""

import collections
import re

import numpy as np
import tensorflow as tf

import ops
from dcgan.networks.convolution import fastest_filter

BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
FORMS = 4  # that are kept at once: each is as large as the networks, or up to three times that


class Recent:
    """The last few values that were wanted, by what they were made for.

    Args:
        count: how many; a new one takes the place of that which was wanted longest ago.
    """

    def __init__(self, count):
        self.count, self.values = count, collections.OrderedDict()

    def of(self, key, make):
        """The value that `make()` returned for a key, when it was last asked for."""
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
    """The variables of G and D, in the form that each computation wants.

    What is made of them for inference is kept until a variable changes, whoever changes it.

    Args:
        variables: `{name: variable}` of both networks.
        average: the same of G's moving average, with which all images are made; `{}` is none.
    """

    def __init__(self, variables, average):
        self.variables, self.average = variables, average
        self.forms, self.banks = Recent(FORMS), Recent(1)
        self._seen = {}  # the values of which these were made

    def net(self, net, trainable=False):
        """`{name: variable}` of G or D; without the running statistics, if only the trainable."""
        return {name: v for name, v in self.variables.items()
                if name.startswith(f"{net}/") and (v.trainable or not trainable)}

    @property
    def shown(self):
        """`variables`, but of G the average, if there is one."""
        return self.variables | self.average

    def folded(self, net, dtype):
        """Those of one net for inference, as `folded` makes them, made anew."""
        return folded({name: v for name, v in self.shown.items() if name.startswith(net)}, dtype)

    def for_inference(self, dtype):
        """Those of both nets, as `folded` makes them, kept."""
        return self.kept(self.forms, (dtype, None), lambda: folded(self.shown, dtype))

    def for_search(self, dtype, batch):
        """The same, in the form that is fastest for a search of `batch` z at once."""
        kind = fastest_filter(dtype, batch)
        return self.kept(self.forms, (dtype, kind),
                         lambda: with_filters(self.for_inference(dtype), kind))

    def for_training(self, net, dtype, batch):
        """The variables of G or D in the form that is fastest for updates with `batch` images, of
        which gradients reach the variables; to be made within their tape."""
        return with_filters(self.net(net), fastest_filter(dtype, batch, trained=True))

    def kept(self, recent, key, make):
        """What `make()` returns of the variables as they are, out of one of the two `Recent`."""
        now = {name: tf.convert_to_tensor(v) for name, v in self.shown.items()}
        if not self._seen or not all(_is_same(self._seen[name], now[name]) for name in now):
            self.forget()
            self._seen = now
        return recent.of(key, make)

    def forget(self):
        """Keep nothing."""
        self.forms.clear()
        self.banks.clear()
        self._seen = {}


def _is_same(before, now):
    """Whether a variable has not changed between two readings.

    While somebody holds what was read, TensorFlow writes a variable's next value elsewhere in
    memory; so on a CPU the place tells, and nothing has to be compared.
    """
    if "CPU" in now.device:
        return np.asarray(memoryview(before)).ctypes.data == np.asarray(
            memoryview(now)).ctypes.data
    return bool(tf.reduce_all(before == now))


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


def with_filters(weights, kind):
    """The weights, those of the layers between 8x8 and 4x4 places as a filter of `convolution`.

    Args:
        weights: `{name: tensor or variable}`.
        kind: what `fastest_filter` returned, a class or None.
    """
    convolutions = [name for name in weights if re.match(r"discriminator/d_h\d+_conv/w", name)]
    ends = weights.keys() & {"generator/g_h1/w", *convolutions[-1:]}
    return weights | {name: kind.of(weights[name]) for name in ends if kind}
