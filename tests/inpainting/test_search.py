"""The completion losses, the weights of the known pixels, the starts, and the search."""

import gc
import re
import weakref

import numpy as np
import pytest
import reference
import tensorflow as tf
from conftest import f32, randomise, run_script, save_lively, tiny, uniform

from dcgan.inpainting.initial_z import make_bank, start_z
from dcgan.inpainting.losses import contextual_weights
from dcgan.inpainting.search import make_search
from dcgan.inpainting.settings import Search
from dcgan.training.steps import make_train_step
from model import COMPILED, DCGAN

pytestmark = pytest.mark.slow
PATIENCE = 20


@pytest.mark.parametrize("size,c_dim,lowres", [(8, 3, False), (16, 1, True), (16, 3, True)])
def test_completion_loss_and_gradient(size, c_dim, lowres):
    model, v = tiny(size, c_dim, lam=3.0, lowres=4)
    layers = len(model.architecture.g_widths)
    z, y = uniform(3, 5), uniform(3, size, size, c_dim, seed=1)
    mask = (uniform(1, size, size, 1, seed=2) > 0).astype(float)
    lowres_mask = np.full((1, size // 4, size // 4, 1), float(lowres))

    def numpy_loss(z):
        return reference.completion_loss(v, z, y, mask, lowres_mask, layers, lam=3.0, lowres=4)

    arguments = f32(z), f32(y), f32(mask), f32(lowres_mask)
    loss, contextual, perceptual = model.completion_losses(*arguments)
    assert loss.shape == (3,)
    np.testing.assert_allclose(loss, numpy_loss(z), rtol=1e-4)
    np.testing.assert_allclose(loss, contextual + 3.0 * perceptual, rtol=1e-6)
    numeric = reference.numeric_gradient(lambda z: numpy_loss(z).sum(), z)
    same, gradient = model.completion_gradient(*arguments)
    np.testing.assert_allclose(same, loss, rtol=1e-6)
    np.testing.assert_allclose(gradient, numeric, rtol=5e-3, atol=5e-3)


def test_one_images_completion_does_not_depend_on_the_others():
    model, _ = tiny()
    z, y = f32(uniform(4, 5)), f32(uniform(4, 16, 16, 3))
    together = model.completion_losses(z, y, 1.0)[0]
    alone = model.completion_losses(z[1:2], y[1:2], 1.0)[0]
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-5)


def test_the_saturating_prior_is_the_papers():
    """log(1 - D), where the article's code has -log D."""
    logits = np.array([[-3.0], [0.5], [8.0]])
    d = 1 / (1 + np.exp(-logits[:, 0]))
    article, saturating = (DCGAN(image_size=8, gf_dim=2, df_dim=2, prior=prior).perceptual_loss(
        f32(logits)) for prior in ("article", "saturating"))
    np.testing.assert_allclose(article, -np.log(d), rtol=1e-5)
    np.testing.assert_allclose(saturating, np.log(1 - d), rtol=1e-5)


def numpy_weights(mask, window):
    """Yeh et al. 2017's importance, loop by loop, mirrored beyond the image, of the mask's sum."""
    half = window // 2
    padded = np.pad(1 - mask, half, mode="symmetric")
    weights = np.array([[padded[y:y + window, x:x + window].mean() for x in range(mask.shape[1])]
                        for y in range(mask.shape[0])]) * mask
    return weights * mask.sum() / weights.sum()


@pytest.mark.parametrize("window", [3, 7])
def test_contextual_weights(window):
    masks = np.ones((2, 16, 16, 1), np.float32)
    masks[0, 4:12, 4:12] = masks[1, :5, :9] = 0
    weighted = contextual_weights(masks, "weighted", window)
    for weights, mask in zip(weighted.numpy(), masks):
        np.testing.assert_allclose(
            weights[..., 0], numpy_weights(mask[..., 0].astype(float), window), rtol=1e-4)
    np.testing.assert_array_equal(contextual_weights(masks, "uniform"), masks)
    np.testing.assert_allclose(contextual_weights(masks, "mixed", window, mix=0.3),
                               0.3 * weighted + 0.7 * masks, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_contextual_weights_where_nothing_or_everything_is_missing(value):
    mask = np.full((1, 8, 8, 1), value, np.float32)
    for method in ("uniform", "weighted", "mixed"):
        np.testing.assert_allclose(contextual_weights(mask, method), mask, atol=1e-6)


def test_starts_of_images_with_masks_of_their_own():
    model, _ = tiny(16)
    bank, y = make_bank(model, 30), f32(uniform(3, 16, 16, 3))
    masks = (uniform(3, 16, 16, 1, seed=1) > 0).astype(np.float32)
    masks[2] = masks[0]
    for method in ("best", "regression"):
        together = start_z(model, bank, method, y, masks)
        for i in range(3):
            alone = start_z(model, bank, method, y[i:i + 1], masks[i:i + 1])
            np.testing.assert_allclose(together[i:i + 1], alone, atol=1e-4)


def test_candidates_have_z_of_their_own():
    model, _ = tiny(8)
    np.testing.assert_array_equal(model.initial_z([4, 3]), model.initial_z(range(5))[:2:-1])
    for z, other in ((model.initial_z(range(2)), model.initial_z(range(2), candidate=1)),
                     (make_bank(model, 3)[0], make_bank(model, 3, candidate=1)[0])):
        assert np.abs(z - other).min() > 0


def search_settings(**settings):
    return Search(**{"lr": 0.001, "nIter": 50, "tol": 0.0, "patience": PATIENCE} | settings)


def test_the_compiled_search_is_the_numpy_one():
    model, v = tiny(8)
    y, mask = uniform(2, 8, 8, 3), (uniform(1, 8, 8, 1, seed=1) > 0).astype(float)
    start, search = make_search(model, search_settings())
    z = model.initial_z(range(2))
    numpy_z, speed = z.numpy().astype(float), 0.0
    state, losses, zs = search(start(z, range(2)), f32(y), f32(mask), f32(0.0), 0, 20)
    state, more, more_zs = search(state, f32(y), f32(mask), f32(0.0), 20, 30)
    losses, zs = np.concatenate([losses, more]), np.concatenate([zs, more_zs])

    def numpy_loss(z):
        return reference.completion_loss(
            v, z, y, mask, np.zeros((1, 1, 1, 1)), 1, lam=0.1, lowres=8)

    for i in range(50):
        np.testing.assert_allclose(losses[i], numpy_loss(numpy_z), rtol=1e-4)
        np.testing.assert_allclose(zs[i], numpy_z, rtol=1e-4, atol=1e-4)
        gradient = reference.numeric_gradient(lambda z: numpy_loss(z).sum(), numpy_z, step=1e-7)
        previous, speed = speed, 0.9 * speed - 0.001 * gradient
        numpy_z = np.clip(numpy_z - 0.9 * previous + 1.9 * speed, -1, 1)
    np.testing.assert_allclose(state.z, numpy_z, rtol=1e-4, atol=1e-4)
    best = losses.argmin(axis=0)
    np.testing.assert_array_equal(state.best_loss, losses.min(axis=0))
    np.testing.assert_array_equal(state.best_z, zs[best, [0, 1]])


def test_a_schedule_ends_the_search_gently():
    model, _ = tiny(8)
    start, search = make_search(model, search_settings(approach="adam", lr=0.1, schedule="cosine"))
    y = f32(uniform(2, 8, 8, 3))
    _, _, zs = search(start(model.initial_z(range(2)), range(2)), y, 1.0, f32(0.0), 0, 50)
    steps = np.abs(np.diff(zs, axis=0)).max(axis=(1, 2))
    assert steps[-1] < 0.01 * steps[0]


def test_tol_stops_an_image_by_itself():
    """The first image is G's of its very start, so it cannot improve; the second goes on."""
    model, _ = tiny(8, lam=0.0)
    z = model.initial_z(range(2))
    y = tf.concat([model.generator(z[:1]), f32(uniform(1, 8, 8, 3))], axis=0)
    start, search = make_search(model, search_settings(lr=0.0002, tol=1e-4))
    state, losses, zs = search(start(z, range(2)), y, 1.0, f32(0.0), 0, 40)
    assert state.waited[0] == 39 and state.waited[1] < PATIENCE
    np.testing.assert_array_equal(zs[PATIENCE:, 0], np.tile(zs[PATIENCE, 0], (20, 1)))
    assert np.abs(np.diff(zs[PATIENCE:, 1], axis=0)).max(axis=1).min() > 0
    rest = state.rows([1])
    np.testing.assert_array_equal(rest.z, state.z[1:])
    np.testing.assert_array_equal(rest.approach[0], state.approach[0][1:])


def test_the_best_start_of_a_bank_has_the_lowest_contextual_loss():
    model, v = tiny(16)
    zs, images = make_bank(model, 10)  # more than a batch
    assert np.abs(zs).max() <= 1 and zs.shape == (10, 5)
    np.testing.assert_allclose(
        images, reference.generator(v, zs.numpy().astype(float), 2), atol=1e-4)
    y, mask = uniform(3, 16, 16, 3), (uniform(1, 16, 16, 1, seed=1) > 0).astype(float)
    for lowres_mask in (0.0, 1.0):
        contextual = np.stack([reference.completion_loss(
            v, zs.numpy().astype(float), image, mask, np.full((1, 2, 2, 1), lowres_mask), 2,
            lam=0.0, lowres=8) for image in y[:, np.newaxis]])
        start = start_z(model, (zs, images), "best", f32(y), f32(mask), f32(lowres_mask))
        np.testing.assert_array_equal(start, zs.numpy()[contextual.argmin(axis=1)])


@pytest.mark.parametrize("known", ["pixels", "means"])
def test_regression_recovers_much_of_z(known):
    model, _ = tiny(16, lowres=4)
    z = f32(uniform(20, 5, seed=3))
    mask = f32(uniform(1, 16, 16, 1) > 0) if known == "pixels" else tf.zeros([1, 16, 16, 1])
    lowres_mask = f32(np.full((1, 4, 4, 1), known == "means"))
    start = start_z(model, make_bank(model, 200), "regression", model.generator(z), mask,
                    lowres_mask)
    assert np.corrcoef(np.ravel(start), np.ravel(z))[0, 1] > 0.8
    assert np.abs(start).max() <= 1


class Counting(DCGAN):
    """Counts how often its search is traced."""

    traces = 0

    def completion_gradient(self, *arguments):
        Counting.traces += 1
        return super().completion_gradient(*arguments)


@pytest.mark.parametrize("more", [{}, {"deeper": 3}, {"approach": "hmc", "hmcL": 2},
                                  {"approach": "adam", "schedule": "cosine", "nInit": 5}])
def test_a_search_is_traced_once_and_its_numbers_count(more):
    """For images of the first number, and then for any; after that, whatever a call changes gives
    what a network of its own would have given."""
    own, other = np.ones((2, 8, 8))
    own[2:6, 2:6] = other[:4] = 0

    def complete(model, count, mask=own, **settings):
        return model.complete(f32(uniform(count, 8, 8, 3)).numpy(), mask, **{
            "nIter": 5, "outInterval": 2} | more | settings)

    def network():
        return randomise(Counting(image_size=8, z_dim=5, gf_dim=2, df_dim=2, batch_size=4))

    kept = network()
    Counting.traces = 0
    complete(kept, 2)
    first = Counting.traces
    complete(kept, 3)
    traced = Counting.traces
    assert traced == 2 * first
    for call in ({"count": 2}, {"count": 7}, {"count": 3, "batchSize": 1},
                 {"count": 3, "mask": other}, {"count": 3, "lr": 0.002}, {"count": 3, "lam": 7.0},
                 {"count": 3, "seed": 5},
                 {"count": 3, "nIter": 4}, {"count": 3, "tol": 0.5, "patience": 2}):
        found = complete(kept, **call)
        assert Counting.traces == traced, call
        expected = complete(network(), **call)
        traced = Counting.traces
        np.testing.assert_allclose(found.z, expected.z, rtol=1e-5, atol=1e-5, err_msg=call)
        np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-5, err_msg=call)


def test_no_search_is_of_weights_that_were():
    """Whoever changed them: somebody who assigns, or a training step."""
    def complete(model):
        return model.complete(f32(uniform(3, 8, 8, 3)).numpy(), np.ones((8, 8)), nIter=3, nInit=5)

    model, _ = tiny(8, batch_size=2)
    complete(model)
    model.make_optimizers()
    changes = [lambda: randomise(model, seed=1),
               lambda: model.train_step(f32(uniform(2, 8, 8, 3)), f32(uniform(2, 5))),
               lambda: model.vars["discriminator/d_h0_conv/biases"].assign_add(tf.ones([2]))]
    for change in changes:
        change()
        fresh = DCGAN(image_size=8, z_dim=5, gf_dim=2, df_dim=2, batch_size=2)
        for name, variable in fresh.vars.items():
            variable.assign(model.vars[name].numpy())
        np.testing.assert_allclose(complete(model).losses, complete(fresh).losses, rtol=1e-5)
    kept = [model.weights.for_search(tf.float32, 2) for _ in range(2)]
    assert kept[0] is kept[1]


def test_what_a_network_keeps_is_bounded_and_goes_with_it():
    model, _ = tiny(8)
    for i in range(COMPILED + 2):
        make_search(model, search_settings(momentum=i / 20))
    assert len(model.compiled.values) == COMPILED
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_memory_stays_flat(faces, tmp_path):
    """20 calls with other images, masks and settings, and 8 validations, behind the first few: each
    of either kept some MiB of its own."""
    save_lively(tmp_path, image_size=32, gf_dim=16, df_dim=16)
    result = run_script("benchmarks/calls.py", faces, "--checkpointDir", tmp_path / "checkpoint",
                        "--calls", 40, "--validations", 12, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    calls, validations = re.findall(r"([-.\d]+) MiB each", result.stdout)
    assert float(calls) < 0.5 and float(validations) < 0.5, result.stdout


def test_xla_searches_the_same():
    """On a CPU it is slow, but its results are those that a GPU's should be."""
    results = []
    for jit in (False, True):
        model, _ = tiny(8, jit=jit)
        start, search = make_search(model, search_settings(approach="adam"))
        state, losses, _ = search(start(model.initial_z(range(2)), range(2)),
                                  f32(uniform(2, 8, 8, 3)), 1.0, f32(0.0), 0, 5)
        results.append((losses, state.best_z))
    for plain, compiled in zip(*results):
        np.testing.assert_allclose(plain, compiled, rtol=1e-4, atol=1e-4)


def test_on_a_gpu_the_training_step_is_compiled_and_a_search_is_not(monkeypatch):
    """20 iterations took 17 s of compiling there (benchmarks/RESULTS.md)."""
    made = []
    function = tf.function

    def recording(*args, jit_compile=None, **options):
        made.append(bool(jit_compile))
        return function(*args, jit_compile=jit_compile, **options)

    def compiled(make):
        made.clear()
        make()
        return any(made)

    model, _ = tiny(8)
    monkeypatch.setattr(tf, "function", recording)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["a GPU"])
    assert compiled(lambda: make_train_step(model))
    assert not compiled(lambda: make_search(model, search_settings()))
    assert not compiled(lambda: make_bank(model, 4))
    model.jit = True
    assert compiled(lambda: make_search(model, search_settings()))
    model.jit = False
    assert not compiled(lambda: make_train_step(model))
