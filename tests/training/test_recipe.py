"""What a training may do beyond the article's recipe: each term against NumPy, and a whole run."""

import math

import numpy as np
import pytest
import reference
import tensorflow as tf
from conftest import (
    TINY,
    assert_one_line_error,
    f32,
    load_script,
    run_script,
    tiny,
    train_here,
    uniform,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.kills import weights_in
from dcgan.settings import part
from dcgan.training import augment
from dcgan.training.penalty import with_r1
from dcgan.training.recipe import Recipe
from dcgan.training.steps import z_of_step
from model import DCGAN

pytestmark = pytest.mark.slow
ALL = ("--diffaug", "color", "translation", "cutout", "--label_smoothing", 0.1, "--r1", 1,
       "--r1_interval", 2, "--lr_schedule", "cosine")


def numbers(count, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (count, augment.NUMBERS))


# Augmentation, image by image


def color(image, u):
    image = image + u[0] - 0.5
    grey = image.mean(axis=2, keepdims=True)
    image = grey + 2 * u[1] * (image - grey)
    return image.mean() + (u[2] + 0.5) * (image - image.mean())


def translation(image, u):
    size = len(image)
    most = max(1, size // 8)
    down, right = (math.floor(x * (2 * most + 1)) - most for x in u[3:5])
    moved = np.zeros_like(image)
    for i in range(size):
        for j in range(size):
            if 0 <= i - down < size and 0 <= j - right < size:
                moved[i, j] = image[i - down, j - right]
    return moved


def cutout(image, u):
    size = len(image)
    top, left = (math.floor(x * (size + 1)) - size // 4 for x in u[5:7])
    image = image.copy()
    image[max(0, top):max(0, top + size // 2), max(0, left):max(0, left + size // 2)] = 0
    return image


@pytest.mark.parametrize("size,c_dim", [(8, 3), (16, 1)])
@pytest.mark.parametrize("policy", [color, translation, cutout])
def test_a_policy(policy, size, c_dim):
    images, u = uniform(50, size, size, c_dim), numbers(50)
    u[0], u[1] = 0, 1 - 2**-23  # all that can be drawn
    ours = augment.augment(f32(images), [policy.__name__], f32(u))
    expected = np.stack([policy(image, row) for image, row in zip(images, u)])
    assert ours.dtype == tf.float32 and np.abs(expected - images).max() > 0.1
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_policies_reach_their_ends():
    """Shifts by one of 8 pixels each way, and squares from half outside to half outside."""
    u = numbers(2000)
    ones = f32(np.ones((2000, 8, 8, 1)))
    rows = np.any(augment.augment(ones, ["translation"], f32(u)), axis=(2, 3))
    assert {(row[0], row[-1]) for row in rows} == {(False, True), (True, True), (True, False)}
    hidden = 1 - augment.augment(ones, ["cutout"], f32(u)).numpy()
    assert set(np.any(hidden, axis=(2, 3)).sum(axis=1)) == {2, 3, 4}


def test_the_gradient_of_all_policies_together():
    images, u, weights = uniform(3, 8, 8, 3), numbers(3), uniform(3, 8, 8, 3, seed=1)

    def loss(images):
        seen = np.stack([cutout(translation(color(image, row), row), row)
                         for image, row in zip(images, u)])
        return (weights * seen**2).sum()

    with tf.GradientTape() as tape:
        x = f32(images)
        tape.watch(x)
        seen = augment.augment(x, list(augment.POLICIES), f32(u))
        value = tf.reduce_sum(weights.astype(np.float32) * seen**2)
    np.testing.assert_allclose(
        tape.gradient(value, x), reference.numeric_gradient(loss, images), atol=2e-3)


def test_what_is_drawn_is_a_function_of_seed_and_step():
    u = augment.draw(0, 3, 64)
    assert u.shape == (4, 64, 7) and 0 <= u.numpy().min() < 0.01 and 0.99 < u.numpy().max() < 1
    np.testing.assert_array_equal(u, augment.draw(0, tf.constant(3, tf.int64), 64))
    for seed, step in ((0, 4), (1, 3)):
        assert np.mean(u == augment.draw(seed, step, 64)) < 0.01
    z = (z_of_step(DCGAN(image_size=8, z_dim=28), 3) + 1) / 2  # as many numbers
    assert np.abs(np.corrcoef(np.ravel(u), np.ravel(z))[0, 1]) < 0.1


# Losses


def test_smoothed_labels():
    logits = uniform(6, 1) * 5
    np.testing.assert_allclose(DCGAN.d_loss_real(f32(logits), 0.9),
                               reference.cross_entropy(logits, 0.9)[:, 0], rtol=1e-5)
    assert Recipe(label_smoothing=0.1).real_label == 0.9 and Recipe().real_label == 1


def plain_logits(v, x):
    """D's logits in float64 by TensorFlow's own operations, of whose derivatives it takes care."""
    x = tf.nn.leaky_relu(tf.nn.conv2d(x, v["discriminator/d_h0_conv/w"], 2, "SAME")
                         + v["discriminator/d_h0_conv/biases"], 0.2)
    x = (tf.nn.conv2d(x, v["discriminator/d_h1_conv/w"], 2, "SAME")
         + v["discriminator/d_h1_conv/biases"])
    mean = tf.reduce_mean(x, [0, 1, 2])
    variance = tf.reduce_mean((x - mean)**2, [0, 1, 2])  # tf.nn.moments has no second derivative
    x = (x - mean) / tf.sqrt(variance + 1e-5) * v["discriminator/d_bn1/gamma"] + (
        v["discriminator/d_bn1/beta"])
    x = tf.reshape(tf.nn.leaky_relu(x, 0.2), [len(x), -1])
    return x @ v["discriminator/d_h1_lin/Matrix"] + v["discriminator/d_h1_lin/bias"]


def test_the_penalty_and_its_gradient():
    """Second derivatives pass through the first ones that the convolutions bring of their own."""
    model, v = tiny(16)
    images = uniform(4, 16, 16, 3)

    @tf.function
    def ours(images):
        with tf.GradientTape() as tape:
            verdict, value = with_r1(lambda x: model.discriminator(x, training=True), images)
        return verdict, value, tape.gradient(value, model.d_vars)

    (d, d_logits), value, gradients = ours(f32(images))
    np.testing.assert_allclose(
        d_logits, reference.discriminator(v, images, 2, training=True), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(d, tf.sigmoid(d_logits), rtol=1e-6)

    x = tf.constant(images)
    weights = {name: tf.constant(v[name]) for name in model.d_vars}
    with tf.GradientTape() as tape:
        tape.watch(weights)
        with tf.GradientTape() as inner:
            inner.watch(x)
            logits = plain_logits(weights, x)
        slope = inner.gradient(logits, x)
        expected = tf.reduce_sum(slope**2) / 4 / 2
    pixel = np.zeros_like(images)
    pixel[1, 7, 8, 2] = 1e-4
    low, high = (reference.discriminator(v, images + sign * pixel, 2, training=True).sum()
                 for sign in (-1, 1))
    assert slope[1, 7, 8, 2].numpy() == pytest.approx((high - low) / 2e-4, rel=1e-4)
    assert float(value) == pytest.approx(float(expected), rel=1e-4)
    for name, gradient in tape.gradient(expected, weights).items():
        if gradient is None:  # of the last bias, on which no gradient depends
            assert gradients[name] is None and name == "discriminator/d_h1_lin/bias"
            continue
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-4,
                                   atol=1e-5 * np.abs(gradient).max() + 1e-5, err_msg=name)


def test_the_learning_rate():
    for schedule, shares in (("constant", (1, 1, 1)), ("linear", (1, 0.75, 0.01)),
                             ("cosine", (1, (1 + math.sqrt(0.5)) / 2, 0.000246719817))):
        rates = [Recipe(lr_schedule=schedule).rate_at(0.2, step, 100) for step in (0, 25, 99)]
        np.testing.assert_allclose(rates, 0.2 * np.array(shares), rtol=1e-6)


def test_when_steps_are_penalised():
    some = Recipe(r1=0.5, r1_interval=4)
    assert [step for step in range(10) if some.penalises(step)] == [0, 4, 8]
    assert some.r1_weight == 2 and not Recipe().penalises(0)


# A step


def one_step(settings, penalised=False, u=None, rate=None):
    model, v = tiny(8)
    model.recipe = settings
    model.make_optimizers()
    model.g_optim.epsilon = model.d_optim.epsilon = 1e-4
    result = tf.function(model.train_step)(
        f32(uniform(4, 8, 8, 3)), f32(uniform(4, 5)), rate, u, penalised)
    return result, {name: model.vars[name].numpy() - v[name] for name in v}


def test_the_article_is_the_default():
    """The settings of no flags are none, and their rate is the optimizers'."""
    plain, plain_moved = one_step(Recipe())
    of_no_flags = part(load_script("train-dcgan.py").parse_args([]), Recipe)
    given, given_moved = one_step(of_no_flags, rate=tf.constant(0.0002))
    assert of_no_flags == Recipe() and set(plain) == set(given)
    for one, other in ((plain, given), (plain_moved, given_moved)):
        for name in one:
            np.testing.assert_allclose(one[name], other[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("changed", [
    {"settings": Recipe(label_smoothing=0.3)},
    {"settings": Recipe(r1=5.0), "penalised": True},
    {"settings": Recipe(diffaug=("cutout",)), "u": f32(numbers(16).reshape(4, 4, -1))}])
def test_each_setting_reaches_D(changed):
    _, plain = one_step(Recipe())
    result, moved = one_step(**changed)
    assert ("r1" in result) == ("penalised" in changed)
    name = "discriminator/d_h0_conv/w"
    assert np.abs(moved[name] - plain[name]).max() > 1e-6


def test_every_pass_sees_its_own_augmentation():
    """And G learns through it: where all is hidden by contrast 0, D says the same of all."""
    model, _ = tiny(8)
    model.recipe = Recipe(diffaug=("color",))
    seen = []
    model.discriminator = lambda images, training, weights: (
        seen.append(images), DCGAN.discriminator(model, images, training))[1]
    model.make_optimizers()
    u = f32(numbers(16).reshape(4, 4, -1))
    images, z = f32(uniform(4, 8, 8, 3)), f32(uniform(4, 5))
    fake = tiny(8)[0].generator(z, training=True)
    model.train_step(images, z, None, u)
    for k, source in enumerate((images, fake, fake)):
        np.testing.assert_allclose(
            seen[k], augment.augment(source, ["color"], u[k]), rtol=1e-4, atol=1e-5)
    assert len(seen) == 4 and np.abs(seen[3] - seen[2]).max() > 0.01


def test_the_rate_of_a_step():
    _, moved = one_step(Recipe())
    _, slow = one_step(Recipe(), rate=tf.constant(0.0001))
    name = "discriminator/d_h0_conv/w"  # of one step of Adam
    np.testing.assert_allclose(slow[name], moved[name] / 2, rtol=1e-2, atol=1e-7)


# Whole trainings


def train_apart(folder, faces, *flags):
    result = run_script("train-dcgan.py", "--dataset", faces, *TINY, *ALL, "--deterministic",
                        "--epoch", 2, *flags, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "remapper failed" not in result.stderr  # TensorFlow, of a graph that it cannot fuse


def test_a_training_of_all_goes_on_exactly(faces, tmp_path):
    """Killed behind step 3 of 6, of which 2 were saved: bitwise the weights of one run."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
        train_apart(folder, faces, "--save_interval", 2)
    for path in (parts / "checkpoint").glob("DCGAN-[46].*"):
        path.unlink()
    train_apart(parts, faces)
    one, two = (weights_in(str(folder)) for folder in (whole, parts))
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@pytest.fixture(scope="module")
def plain_training(faces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    train_here(folder, faces, "--max_steps", 3)
    return weights_in(str(folder))


@pytest.mark.parametrize("flags", [
    ("--diffaug", "cutout"), ("--label_smoothing", 0.3), ("--r1", 10, "--r1_interval", 2),
    ("--lr_schedule", "linear")])
def test_each_flag_reaches_the_training(faces, plain_training, tmp_path, flags):
    train_here(tmp_path, faces, "--max_steps", 3, *flags)
    name = "variables/discriminator.Sd_h0_conv.Sw/.ATTRIBUTES/VARIABLE_VALUE"
    change = np.abs(weights_in(str(tmp_path))[name] - plain_training[name]).max()
    assert change > 1e-5  # of three steps of 2e-4
    events = EventAccumulator(str(tmp_path / "logs"), size_guidance={"tensors": 0}).Reload()
    penalised = events.Tensors("r1") if "r1" in events.Tags()["tensors"] else []
    assert [event.step for event in penalised] == ([1, 3] if "--r1" in flags else [])


def test_bfloat16_and_xla(faces, tmp_path, capsys):
    train_here(tmp_path, faces, "--max_steps", 3, *ALL, "--precision", "bfloat16")
    train_here(tmp_path, faces, "--max_steps", 4, *ALL, "--jit")
    assert "4 steps done" in capsys.readouterr().out


@pytest.mark.parametrize("flags,words", [
    (["--diffaug", "sharpness"], ["--diffaug", "sharpness", "cutout"]),
    (["--label_smoothing", "0.5"], ["--label_smoothing 0.5: must be between 0 and 0.499"]),
    (["--r1", "-1"], ["--r1 -1: must be at least 0"]),
    (["--r1_interval", "4"], ["--r1_interval 4: works only with --r1; add --r1 or drop"]),
    (["--r1", "1", "--precision", "float16"], ["--r1 1.0: ", "use bfloat16 or float32"]),
    (["--r1", "1", "--sync_batch_norm"], ["--r1 1.0: ", "--sync_batch_norm"]),
    (["--lr_schedule", "steep"], ["--lr_schedule", "steep"])])
def test_nonsense(tmp_path, flags, words):
    assert_one_line_error(run_script("train-dcgan.py", *flags, cwd=tmp_path), *words)
