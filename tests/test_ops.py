import numpy as np
import pytest
import reference
import tensorflow as tf

import ops
from dcgan.inpainting import approaches, initial_z


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def f32(*arrays):
    return [tf.constant(a, tf.float32) for a in arrays]


def test_linear():
    x, w, b = normal(3, 4), normal(4, 5, seed=1), normal(5, seed=2)
    np.testing.assert_allclose(ops.linear(*f32(x, w, b)), x @ w + b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [4, 7, 8])
def test_conv2d_pads_as_same(size):
    x, w, b = normal(2, size, size, 3), normal(5, 5, 3, 4, seed=1), normal(4, seed=2)
    np.testing.assert_allclose(
        ops.conv2d(*f32(x, w, b)), reference.conv2d(x, w, b), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [1, 4, 5])
def test_conv2d_transpose_pads_as_same(size):
    x, w, b = normal(2, size, size, 3), normal(5, 5, 4, 3, seed=1), normal(4, seed=2)
    ours = ops.conv2d_transpose(*f32(x, w, b))
    assert ours.shape == (2, 2 * size, 2 * size, 4)
    np.testing.assert_allclose(
        ours, reference.conv2d_transpose(x, w, b), rtol=1e-4, atol=1e-4)


def test_conv2d_transpose_is_the_adjoint_of_conv2d():
    x, y, w = normal(2, 8, 8, 3), normal(2, 4, 4, 5, seed=1), normal(5, 5, 3, 5, seed=2)
    zeros = [np.zeros(5), np.zeros(3)]
    left = np.sum(ops.conv2d(*f32(x, w, zeros[0])) * y)
    right = np.sum(x * ops.conv2d_transpose(*f32(y, w, zeros[1])))
    assert left == pytest.approx(right, rel=1e-4)


# The first has 4x4 maps or less and few channels, where the CPU takes other ways than cuDNN.
@pytest.mark.slow
@pytest.mark.parametrize("size,channels", [(4, 2), (10, 5)])
@pytest.mark.parametrize("op", [ops.conv2d, ops.conv2d_transpose])
def test_convolution_gradients(op, size, channels):
    numpy_op = getattr(reference, op.__name__)
    x, w = normal(1, size, size, channels), normal(5, 5, channels, channels, seed=1)
    b = normal(channels, seed=2)
    weight = normal(*numpy_op(x, w, b).shape, seed=3)  # makes the scalar depend on every output
    variables = f32(x, w, b)
    with tf.GradientTape() as tape:
        tape.watch(variables)
        total = tf.reduce_sum(op(*variables) * tf.constant(weight, tf.float32))
    for i, gradient in enumerate(tape.gradient(total, variables)):
        def scalar(value, i=i):
            arguments = [x, w, b]
            arguments[i] = value
            return (numpy_op(*arguments) * weight).sum()
        np.testing.assert_allclose(
            gradient, reference.numeric_gradient(scalar, variables[i].numpy().astype(float)),
            rtol=1e-3, atol=1e-3)


def test_conv2d_gradient_of_an_odd_size():
    x, w = normal(1, 7, 7, 2), normal(5, 5, 2, 3, seed=1)
    weight = normal(1, 4, 4, 3, seed=2)
    with tf.GradientTape() as tape:
        inputs = f32(x)[0]
        tape.watch(inputs)
        total = tf.reduce_sum(ops.conv2d(inputs, *f32(w, np.zeros(3))) * f32(weight)[0])
    numeric = reference.numeric_gradient(
        lambda x: (reference.conv2d(x, w, np.zeros(3)) * weight).sum(), x)
    np.testing.assert_allclose(tape.gradient(total, inputs), numeric, rtol=1e-3, atol=1e-3)


def test_a_fused_lrelu_is_the_separate_one():
    arguments = f32(normal(2, 8, 8, 3), normal(5, 5, 3, 4, seed=1), normal(4, seed=2))
    gradients = []
    for fused in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            y = ops.conv2d(*arguments, leak=0.2) if fused else ops.lrelu(ops.conv2d(*arguments))
            total = tf.reduce_sum(y**2)
        gradients.append((y, *tape.gradient(total, arguments)))
    for ours, separate in zip(*gradients):
        np.testing.assert_allclose(ours, separate, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16])
@pytest.mark.parametrize("op", [ops.conv2d, ops.conv2d_transpose])
def test_convolutions_take_the_precision_of_x(op, dtype):
    x, w, b = normal(2, 8, 8, 3), normal(5, 5, 3, 3, seed=1), normal(3, seed=2)
    variables = f32(w, b)
    with tf.GradientTape() as tape:
        tape.watch(variables)
        y = op(tf.constant(x, dtype), *variables)
        total = tf.reduce_sum(tf.cast(y, tf.float32))
    assert y.dtype == dtype
    assert {g.dtype for g in tape.gradient(total, variables)} == {tf.float32}
    exact = getattr(reference, op.__name__)(x, w, b)
    assert np.abs(tf.cast(y, tf.float32) - exact).max() < 0.02 * np.abs(exact).max()


def test_lrelu():
    np.testing.assert_allclose(ops.lrelu(tf.constant([-2.0, 0.0, 3.0])), [-0.4, 0, 3])


def batch_norm_variables():
    gamma, beta, mean = normal(3) + 2, normal(3, seed=1), normal(3, seed=2)
    variance = normal(3, seed=3) ** 2 + 0.5
    return gamma, beta, mean, variance


def test_batch_norm_in_inference_is_a_scale_and_an_offset():
    x, parameters = normal(4, 2, 2, 3), batch_norm_variables()
    scale, offset = ops.batch_norm_scale_and_offset(*f32(*parameters))
    np.testing.assert_allclose(
        x * scale + offset, reference.batch_norm(x, *parameters), rtol=1e-5, atol=1e-6)


def test_batch_norm_training_uses_the_batch_and_moves_running_statistics():
    x, (gamma, beta, mean, variance) = normal(4, 2, 2, 3) * 3 + 1, batch_norm_variables()
    moving = [tf.Variable(a, dtype=tf.float32) for a in (mean, variance)]
    y = ops.batch_norm(*f32(x, gamma, beta), *moving)
    batch_mean, batch_variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    np.testing.assert_allclose(
        y, reference.batch_norm(x, gamma, beta, batch_mean, batch_variance), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moving[0], 0.9 * mean + 0.1 * batch_mean, rtol=1e-5)
    unbiased = x.var(axis=(0, 1, 2), ddof=1)
    np.testing.assert_allclose(moving[1], 0.9 * variance + 0.1 * unbiased, rtol=1e-5)


def test_batch_norm_gradient():
    x, (gamma, beta, mean, variance) = normal(2, 2, 2, 3), batch_norm_variables()
    weight = normal(2, 2, 2, 3, seed=5)
    moving = [tf.Variable(a, dtype=tf.float32) for a in (mean, variance)]
    inputs = f32(x)[0]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = ops.batch_norm(inputs, *f32(gamma, beta), *moving)
        total = tf.reduce_sum(y * tf.constant(weight, tf.float32))

    def scalar(x):
        statistics = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
        return (reference.batch_norm(x, gamma, beta, *statistics) * weight).sum()

    np.testing.assert_allclose(tape.gradient(total, inputs), reference.numeric_gradient(scalar, x),
                               rtol=1e-3, atol=1e-4)


def test_cross_entropy_is_per_image_and_finite():
    logits = np.array([[-3.0], [0.0], [5.0]])
    for label in (0.0, 1.0):
        np.testing.assert_allclose(
            ops.sigmoid_cross_entropy(tf.constant(logits, tf.float32), label),
            reference.cross_entropy(logits, label)[:, 0], rtol=1e-5)
    extreme = ops.sigmoid_cross_entropy(tf.constant([[-1000.0], [1000.0]]), 1.0)
    np.testing.assert_allclose(extreme, [1000, 0])


def test_downsample_takes_block_means():
    x = normal(2, 8, 8, 3)
    np.testing.assert_allclose(
        ops.downsample(*f32(x), 4), reference.block_means(x, 4), rtol=1e-5, atol=1e-6)


def test_adam_follows_the_formula_and_counts_its_steps():
    x = normal(3, 2)
    variable = tf.Variable(x, dtype=tf.float32)
    adam = ops.Adam({"x": variable}, learning_rate=0.01, beta1=0.5)
    m = v = np.zeros_like(x)
    for t in range(1, 4):
        gradient = normal(3, 2, seed=t)
        adam.apply({"x": tf.constant(gradient, tf.float32)})
        x, m, v = reference.adam_step(x, gradient, m, v, t, lr=0.01, beta1=0.5)
        np.testing.assert_allclose(variable, x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(adam.m["x"], m, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(adam.v["x"], v, rtol=1e-5, atol=1e-7)
    assert adam.step == 3


def test_loss_scale_leaves_out_what_overflows_and_grows_back():
    variable = tf.Variable([1.0, 2.0])
    scale = ops.LossScale(scale=8.0, patience=2)
    adam = ops.Adam({"x": variable}, learning_rate=0.1, beta1=0.5, loss_scale=scale)
    plain = tf.Variable(variable)
    plain_adam = ops.Adam({"x": plain}, learning_rate=0.1, beta1=0.5)
    apply = tf.function(adam.apply)
    apply({"x": tf.constant([np.inf, 1.0])})
    np.testing.assert_array_equal(variable, [1, 2])
    assert adam.step == 0 and scale.scale == 4
    assert adam.scaled(3.0) == 12
    for t in range(2):
        gradient = tf.constant([0.5, -0.25 * t])
        apply({"x": gradient * scale.scale})
        plain_adam.apply({"x": gradient})
        np.testing.assert_allclose(variable, plain, rtol=1e-6)
    assert scale.scale == 8 and scale.since == 0
    apply({"x": tf.constant([np.nan, 1.0])})
    assert scale.scale == 4 and adam.step == 2


def test_ridge_prediction_is_the_textbooks():
    """Against the primal form: coefficients (X'X + p)^-1 X't over centred features."""
    features, targets, queries = normal(7, 2, 2), normal(7, 3, seed=1), normal(4, 2, 2, seed=2)
    X, Q = features.reshape(7, 4), queries.reshape(4, 4)
    mean = X.mean(axis=0)
    penalty = 0.3 * ((X - mean) ** 2).sum(axis=1).mean() + 1e-3
    A = (X - mean).T @ (X - mean) + penalty * np.eye(4)
    expected = (Q - mean) @ np.linalg.solve(A, (X - mean).T @ targets)
    ours = initial_z.ridge_prediction(*f32(features, targets, queries), strength=0.3)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_ridge_prediction_of_features_that_are_all_alike():
    ours = initial_z.ridge_prediction(
        *f32(np.ones((5, 4)), normal(5, 3), np.ones((2, 4))), strength=0.1)
    np.testing.assert_array_equal(ours, np.zeros((2, 3)))


def test_schedules():
    constant, cosine = (approaches.SCHEDULES[name](0.3, 10) for name in ("constant", "cosine"))
    for i in range(11):
        assert constant(tf.constant(i)) == 0.3
        expected = 0.15 * (1 + np.cos(np.pi * i / 10))
        assert float(cosine(tf.constant(i))) == pytest.approx(expected, abs=1e-6)


# The searches, on a quadratic bowl per image whose minimum lies outside [-1, 1] in places

TARGET = np.array([[0.3, 2.0, -0.5], [-3.0, 0.1, 0.9]])


def bowl(z):
    return ((z - TARGET) ** 2).sum(axis=1), 2 * (z - TARGET)


def tf_bowl(z):
    target = tf.constant(TARGET, tf.float32)
    return tf.reduce_sum((z - target) ** 2, axis=1), 2 * (z - target)


def run_search(search, z, n):
    init, update = search
    z = tf.constant(z, tf.float32)
    state = init(z, range(len(z)))

    @tf.function
    def step(z, state, i):
        return update(z, state, *tf_bowl(z), i, tf_bowl)

    for i in range(n):
        z, state = step(z, state, tf.constant(i))
    return z.numpy()


def test_nesterov_follows_numpy():
    z = start = np.random.default_rng(0).uniform(-1, 1, (2, 3))
    v = np.zeros_like(z)
    for _ in range(20):
        v_prev, v = v, 0.9 * v - 0.01 * bowl(z)[1]
        z = np.clip(z - 0.9 * v_prev + 1.9 * v, -1, 1)
    ours = run_search(approaches.nesterov(lambda i: 0.01, 0.9), start, 20)
    np.testing.assert_allclose(ours, z, rtol=1e-4, atol=1e-5)
    assert ours[0, 1] == 1 and ours[1, 0] == -1  # projected


def test_projected_adam_follows_numpy():
    z = start = np.random.default_rng(0).uniform(-1, 1, (2, 3))
    m = v = np.zeros_like(z)
    for t in range(1, 61):
        gradient = bowl(z)[1]
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        z = np.clip(
            z - 0.001 * (49 + t) * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), -1, 1)
    search = approaches.projected_adam(
        lambda i: 0.05 + 0.001 * tf.cast(i, tf.float32), 0.9, 0.999, 1e-8)
    ours = run_search(search, start, 60)
    np.testing.assert_allclose(ours, z, rtol=1e-4, atol=1e-5)
    assert ours[0, 1] == 1 and ours[1, 0] == -1


def test_hmc_follows_numpy_and_accepts_per_image():
    beta, epsilon, n_leapfrog, anneal, seed = 1.0, 0.3, 4, 1.2, 4
    z = start = np.random.default_rng(0).uniform(-1, 1, (2, 3))
    decisions = []
    for i in range(8):
        loss, gradient = bowl(z)
        keys = [tf.random.fold_in([seed, i], number) for number in range(2)]
        v_old = np.stack([tf.random.stateless_normal([3], key) for key in keys])
        u = np.stack([tf.random.stateless_uniform([], tf.random.fold_in(key, 1)) for key in keys])
        proposal, v = z, v_old
        for _ in range(n_leapfrog):
            v = v - epsilon / 2 * beta * gradient
            proposal = np.clip(proposal + epsilon * v, -1, 1)
            new_loss, gradient = bowl(proposal)
            v = v - epsilon / 2 * beta * gradient
        energy = lambda loss, v, beta=beta: beta * loss + (v**2).sum(axis=1) / 2  # noqa: E731
        accept = u < np.exp(energy(loss, v_old) - energy(new_loss, v))
        decisions += accept.tolist()
        z = np.where(accept[:, None], proposal, z)
        beta *= anneal
    assert True in decisions and False in decisions, "the case must exercise both"
    ours = run_search(approaches.hmc(1.0, epsilon, n_leapfrog, anneal, seed), start, 8)
    np.testing.assert_allclose(ours, z, rtol=1e-3, atol=1e-4)


def zero_centred(z):
    return tf.reduce_sum(z**2, axis=1), 2 * z


def test_hmc_samples_the_distribution():
    """Without walls, samples of exp(-beta |z|^2) have variance 1 / (2 beta)."""
    beta = 20.0
    init, update = approaches.hmc(beta, 0.05, 5, 1.0, seed=3)  # a quarter of a period
    z = tf.zeros([400, 2])
    state = init(z, range(400))
    step = tf.function(lambda z, state, i: update(z, state, *zero_centred(z), i, zero_centred))
    for i in range(40):
        z, state = step(z, state, tf.constant(i))
    assert np.var(z) == pytest.approx(1 / (2 * beta), rel=0.15)


def test_hmc_treats_an_image_alike_in_every_batch():
    """Images 2 and 3 move as they do among images 0 to 3, and not as 0 and 1."""
    init, update = approaches.hmc(2.0, 0.1, 3, 1.0, seed=3)
    start = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 3)), tf.float32)

    def run(z, numbers):
        state = init(z, numbers)
        for i in range(5):
            z, state = update(z, state, *zero_centred(z), tf.constant(i), zero_centred)
        return z.numpy()

    together = run(start, range(4))
    np.testing.assert_allclose(run(start[2:], [2, 3]), together[2:], rtol=1e-5, atol=1e-6)
    assert np.abs(run(start[2:], [0, 1]) - together[2:]).max() > 0.01


def test_in_batches():
    """Together it is what it is at once, whatever is left for the last."""
    x, sizes = np.arange(14.0).reshape(7, 2), []

    def double(batch):
        sizes.append(len(batch))
        return 2 * batch

    np.testing.assert_array_equal(ops.in_batches(double, x, 3), 2 * x)
    assert sizes == [3, 3, 1]
