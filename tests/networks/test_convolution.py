"""What beats TensorFlow's own convolutions, against the convolution by its definition."""

import numpy as np
import pytest
import reference
import tensorflow as tf

import ops
from dcgan.networks import convolution
from dcgan.networks.convolution import MinimalFilter, ProductFilter, fastest_filter


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def f32(*arrays):
    return [tf.constant(a, tf.float32) for a in arrays]


@pytest.mark.parametrize("size,channels", [(8, 3), (16, 6)])
def test_both_ways_to_convolve_agree(size, channels, monkeypatch):
    """What a CPU computes by a detour is what TensorFlow's own kernels make of it."""
    arguments = f32(normal(2, size, size, channels), normal(5, 5, channels, 4, seed=1), normal(4))
    back = f32(normal(2, size // 2, size // 2, 4), normal(5, 5, channels, 4, seed=1),
               normal(channels))

    def run():
        with tf.GradientTape() as tape:
            tape.watch([arguments, back])
            results = ops.conv2d(*arguments), ops.conv2d_transpose(*back)
            total = sum(tf.reduce_sum(tf.sin(y)) for y in results)
        return *results, *tape.gradient(total, arguments + back)

    detours = run()
    monkeypatch.setattr(ops, "on_cpu", lambda: False)
    for ours, theirs in zip(detours, run()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", [MinimalFilter, ProductFilter])
def test_the_forms_of_a_filter_are_the_convolutions(form):
    x, y, w = normal(2, 8, 8, 3), normal(2, 4, 4, 5, seed=1), normal(5, 5, 3, 5, seed=2)
    kernel = form.of(*f32(w))
    forward, back = normal(5, seed=3), normal(3, seed=4)
    np.testing.assert_allclose(ops.conv2d(f32(x)[0], kernel, *f32(forward)),
                               reference.conv2d(x, w, forward), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ops.conv2d_transpose(f32(y)[0], kernel, *f32(back)),
                               reference.conv2d_transpose(y, w, back), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("leak", [0.2, 1.0])
@pytest.mark.parametrize("form", [MinimalFilter, ProductFilter])
def test_the_forms_of_a_filter_have_the_convolutions_gradients(form, leak):
    x, y, w = f32(normal(2, 8, 8, 3), normal(2, 4, 4, 5, seed=1), normal(5, 5, 3, 5, seed=2))
    forward, back = f32(normal(5, seed=3), normal(3, seed=4))
    wanted = [x, y, w] if form is MinimalFilter else [x, y]
    gradients = []
    for of in (tf.identity, form.of):
        with tf.GradientTape() as tape:
            tape.watch(wanted)
            kernel = of(w)
            total = tf.reduce_sum(tf.sin(ops.conv2d(x, kernel, forward, leak=leak)))
            total += tf.reduce_sum(tf.sin(ops.conv2d_transpose(y, kernel, back)))
        gradients.append(tape.gradient(total, wanted))
    for plain, ours in zip(*gradients):
        np.testing.assert_allclose(ours, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype,batch,amx,search,training", [
    (tf.float32, 1, False, ProductFilter, None),
    (tf.float32, 64, True, MinimalFilter, MinimalFilter),
    (tf.bfloat16, 1, False, ProductFilter, None),
    (tf.bfloat16, 8, False, None, None),
    (tf.bfloat16, 64, True, ProductFilter, None),
    (tf.float16, 64, True, None, None)])
def test_the_fastest_filter(dtype, batch, amx, search, training, monkeypatch):
    monkeypatch.setattr(convolution.cpu, "has", lambda flag: amx and flag == "amx_bf16")
    assert fastest_filter(dtype, batch) is search
    assert fastest_filter(dtype, batch, trained=True) is training
    monkeypatch.setattr(ops, "on_cpu", lambda: False)
    assert fastest_filter(dtype, batch) is None
