import itertools

import numpy as np
import pytest
import reference
import tensorflow as tf
from conftest import SHARED, f32, needs_shared, tiny, uniform

from dcgan.networks.architecture import Architecture
from dcgan.networks.graph import graph
from dcgan.training.steps import z_of_step
from model import DCGAN

# Networks

NETWORKS = list(itertools.product((8, 16), (1, 3), (False, True)))


def test_the_articles_sizes_at_64():
    architecture = Architecture.make()
    assert architecture.g_widths == (512, 256, 128, 64)
    assert architecture.d_widths == (64, 128, 256, 512)
    assert sum(np.prod(shape) for name, shape in architecture.shapes().items()
               if "moving_" not in name) == 9_451_908


@pytest.mark.parametrize("size,widths", [
    (8, (64,)), (16, (128, 64)), (32, (256, 128, 64)), (128, (512, 512, 256, 128, 64)),
    (256, (512, 512, 512, 256, 128, 64))])
def test_widths_of_other_sizes(size, widths):
    architecture = Architecture.make(image_size=size)
    assert architecture.g_widths == widths and architecture.d_widths == widths[::-1]


@pytest.mark.parametrize("size", [0, 4, 48, 512])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match=f"Received: {size}"):
        DCGAN(image_size=size)


@pytest.mark.parametrize("size,c_dim", [(8, 1), (32, 3), (256, 1)])
def test_shapes_and_ranges(size, c_dim):
    model = DCGAN(image_size=size, c_dim=c_dim, gf_dim=2, df_dim=2, z_dim=7)
    images = model.generator(model.initial_z(range(3)))
    assert images.shape == (3, size, size, c_dim) and images.dtype == tf.float32
    assert np.abs(images).max() <= 1
    probability, logits = model.discriminator(images)
    assert probability.shape == logits.shape == (3, 1)
    np.testing.assert_allclose(probability, tf.sigmoid(logits))


@pytest.mark.parametrize("given,to,words", [
    ((2, 5), 7, "to must be None or the width of a layer, 4, 8. Received: 7"),
    ((2, 5), 16, "to must be None or the width of a layer, 4, 8. Received: 16"),
    ((2, 8, 8, 2), 4, "to must be None or the width of a layer, 8. Received: 4"),
    ((2, 7, 7, 2), None, "activations must be as wide as a layer of G, 4, 8. Received: 7")])
def test_a_layer_that_g_does_not_have(given, to, words):
    model, _ = tiny(16)
    with pytest.raises(ValueError) as error:
        model.generator(tf.zeros(given), to=to)
    assert str(error.value) == words


def test_initial_weights():
    model = DCGAN()
    for name, variable in model.vars.items():
        value = variable.numpy()
        if name.endswith(("/w", "Matrix")):
            assert abs(value.mean()) < 2e-3
            truncated = "_conv" in name
            # A normal cut at two deviations has 0.88 of the deviation left.
            assert value.std() == pytest.approx(0.0176 if truncated else 0.02, rel=0.05)
            assert (np.abs(value).max() <= 0.04) == truncated
        else:
            assert (value == (1 if name.endswith(("gamma", "variance")) else 0)).all()


def test_weights_are_a_function_of_the_seed():
    one, same, other = (DCGAN(image_size=8, gf_dim=2, df_dim=2, seed=s).vars for s in (0, 0, 1))
    name = "generator/g_h1/w"
    np.testing.assert_array_equal(one[name], same[name])
    assert np.abs(one[name] - other[name]).max() > 0


@pytest.mark.parametrize("size,c_dim,training", NETWORKS)
def test_generator_is_the_numpy_one(size, c_dim, training):
    model, v = tiny(size, c_dim)
    z = uniform(4, 5)
    np.testing.assert_allclose(
        model.generator(f32(z), training),
        reference.generator(v, z, len(model.architecture.g_widths), training),
        rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size,c_dim,training", NETWORKS)
def test_discriminator_is_the_numpy_one(size, c_dim, training):
    model, v = tiny(size, c_dim)
    x = uniform(4, size, size, c_dim)
    np.testing.assert_allclose(
        model.discriminator(f32(x), training)[1],
        reference.discriminator(v, x, len(model.architecture.d_widths), training),
        rtol=1e-3, atol=1e-3)


def test_inference_changes_no_statistic():
    model, before = tiny()
    model.discriminator(model.generator(f32(uniform(4, 5))))
    for name, variable in model.vars.items():
        np.testing.assert_array_equal(variable.numpy(), before[name].astype(np.float32))


# Losses and their gradients


@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_g_loss(training):
    """With respect to a variable of every kind, through both networks."""
    model, v = tiny(8, z_dim=3)
    z = uniform(3, 3)
    with tf.GradientTape() as tape:
        logits = model.discriminator(model.generator(f32(z), training), training)[1]
        loss = tf.reduce_mean(model.g_loss(logits))
    gradients = tape.gradient(loss, model.vars)
    for name in ("generator/g_h0_lin/bias", "generator/g_bn0/gamma", "generator/g_bn0/beta",
                 "generator/g_h1/biases", "discriminator/d_h0_conv/w",
                 "discriminator/d_h0_conv/biases", "discriminator/d_h0_lin/bias"):
        def scalar(value, name=name):
            changed = v | {name: value}
            images = reference.generator(changed, z, 1, training)
            return reference.cross_entropy(
                reference.discriminator(changed, images, 1, training), 1).mean()

        np.testing.assert_allclose(
            gradients[name], reference.numeric_gradient(scalar, v[name]), rtol=2e-3, atol=2e-5)


def test_d_losses_want_real_called_real_and_fake_called_fake():
    logits = f32([[2.0], [-1.0]])
    real, fake = DCGAN.d_loss_real(logits), DCGAN.d_loss_fake(logits)
    np.testing.assert_allclose(real, reference.cross_entropy(np.array([2, -1]), 1), rtol=1e-5)
    np.testing.assert_allclose(fake, reference.cross_entropy(np.array([2, -1]), 0), rtol=1e-5)


# Precision and compilation


@needs_shared
def test_folded_batch_norm_changes_nothing_of_note():
    model = DCGAN.from_checkpoint(str(SHARED / "reference-checkpoint"))
    v = {name: variable.numpy().astype(float) for name, variable in model.vars.items()}
    z = uniform(4, 100)
    images = reference.generator(v, z, 4)
    logits = reference.discriminator(v, images, 4)
    for weights in (model.weights.for_inference(tf.float32),
                    *(model.weights.for_search(tf.float32, batch) for batch in (1, 64))):
        np.testing.assert_allclose(
            model.generator(f32(z), weights=weights), images, atol=1e-5)
        ours = model.discriminator(f32(images), weights=weights)[1]
        assert np.abs(ours - logits).max() < 1e-5 * np.abs(logits).max()


def test_the_graph_for_tensorboard_lies_within_the_networks():
    whole = graph(DCGAN, DCGAN(image_size=8, gf_dim=2, df_dim=2).architecture)
    boxes = {node.name.partition("/")[0] for node in whole.node}
    assert boxes == {"generator", "discriminator", "discriminator_1", "z", "images"}
    assert not [node.name for node in whole.node if "Random" in node.op]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_low_precision_is_close_and_keeps_variables_in_float32(precision):
    model, v = tiny(16, precision=precision)
    exact, _ = tiny(16)
    z = uniform(4, 5)
    images = model.generator(f32(z))
    assert images.dtype == tf.float32
    np.testing.assert_allclose(images, reference.generator(v, z, 2), atol=0.05)
    assert np.abs(images - exact.generator(f32(z))).max() > 1e-6  # it is not float32 in disguise
    for one in (model, exact):
        one.make_optimizers()
    results = [tf.function(one.train_step)(images, f32(z)) for one in (model, exact)]
    for name in ("d_loss", "g_loss"):
        assert float(results[0][name]) == pytest.approx(float(results[1][name]), rel=0.05)
    assert {variable.dtype for variable in model.vars.values()} == {tf.float32}
    change = np.concatenate([np.ravel(model.vars[name] - v[name]) for name in model.g_vars])
    assert np.abs(change).max() == pytest.approx(0.0004, rel=0.3)  # two steps of Adam


def test_float16_leaves_out_an_update_that_overflows():
    model, v = tiny(8, precision="float16")
    model.make_optimizers()
    model.g_optim.loss_scale.scale.assign(1e38)
    tf.function(model.train_step)(f32(uniform(4, 8, 8, 3)), f32(uniform(4, 5)))
    for name in model.g_vars:
        np.testing.assert_array_equal(model.vars[name], v[name].astype(np.float32))
    assert model.g_optim.step == 0 and model.d_optim.step == 1
    assert float(model.g_optim.loss_scale.scale) == pytest.approx(1e38 / 4)


@pytest.mark.slow
def test_xla_trains_the_same():
    """On a CPU it is slow, but its results are those that a GPU's should be."""
    results = []
    for jit in (False, True):
        model, _ = tiny(8, jit=jit)
        model.make_optimizers()
        step = tf.function(model.train_step, jit_compile=model.jit)(
            f32(uniform(4, 8, 8, 3)), f32(uniform(4, 5)))
        results.append((step["d_loss"], step["g_loss"]))
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-4)


# Training step


@pytest.mark.parametrize("batch", [4, 16])  # 16 is where float32 takes minimal filters
def test_one_train_step_is_three_separate_updates(batch):
    """Against unfused passes with Adam in NumPy: every weight, slot and running statistic."""
    model, _ = tiny()
    plain, _ = tiny()
    model.make_optimizers()
    # A bias in front of batch norm has no gradient but rounding noise, which Adam would blow up to
    # whole steps: an epsilon above the noise keeps the comparison one of mathematics.
    model.g_optim.epsilon = model.d_optim.epsilon = 1e-4
    images, z = f32(uniform(batch, 16, 16, 3)), f32(uniform(batch, 5, seed=1))
    slots = {name: (0.0, 0.0, 0) for name in model.vars}

    def update(variables, loss_fn):
        with tf.GradientTape() as tape:
            loss = loss_fn()
        for name, gradient in tape.gradient(loss, variables).items():
            m, v, t = slots[name]
            value, m, v = reference.adam_step(
                variables[name].numpy().astype(float), gradient.numpy().astype(float), m, v,
                t + 1, lr=0.0002, beta1=0.5, epsilon=1e-4)
            slots[name] = (m, v, t + 1)
            variables[name].assign(value)
        return loss

    def d_loss():
        fake = plain.generator(z, training=True)
        return tf.reduce_mean(plain.d_loss_real(plain.discriminator(images, True)[1])
                              ) + tf.reduce_mean(plain.d_loss_fake(
                                  plain.discriminator(fake, True)[1]))

    def g_loss():
        fake = plain.generator(z, training=True)
        return tf.reduce_mean(plain.g_loss(plain.discriminator(fake, True)[1]))

    for _ in range(2):
        result = tf.function(model.train_step)(images, z)
        expected_d = update(plain.d_vars, d_loss)
        update(plain.g_vars, g_loss)
        expected_g = update(plain.g_vars, g_loss)
    assert float(result["d_loss"]) == pytest.approx(float(expected_d), rel=1e-4)
    assert float(result["g_loss"]) == pytest.approx(float(expected_g), rel=1e-4)

    def assert_close(ours, expected, what):
        distance = np.linalg.norm(ours - expected)
        assert distance <= 1e-5 * np.linalg.norm(expected), what

    # Batch norm behind these takes the gradient away.
    no_gradient = ("generator/g_h1/biases", "discriminator/d_h1_conv/biases")
    for name, variable in plain.vars.items():
        assert_close(model.vars[name].numpy(), variable.numpy(), name)
    for optim, updates in ((model.d_optim, 2), (model.g_optim, 4)):
        assert optim.step == updates
        for name in optim.m:
            m, v, count = slots[name]
            assert count == updates
            if name in no_gradient:
                assert np.abs(optim.m[name]).max() < 1e-6
            else:
                assert_close(optim.m[name].numpy(), m, f"m of {name}")
                # v holds squares, whose relative error is twice that of what was squared.
                assert_close(np.sqrt(optim.v[name]), np.sqrt(v), f"v of {name}")


def test_z_is_a_function_of_seed_and_step():
    model, other = DCGAN(image_size=8, seed=0), DCGAN(image_size=8, seed=1)
    step = tf.constant(3, tf.int64)
    z = z_of_step(model, step)
    assert z.shape == (64, 100) and -1 <= z.numpy().min() < -0.99 and 0.99 < z.numpy().max() < 1
    np.testing.assert_array_equal(z, z_of_step(model, step))
    assert np.abs(z - z_of_step(model, step + 1)).max() > 0
    assert np.abs(z - z_of_step(other, step)).max() > 0
