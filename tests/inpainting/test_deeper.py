"""The search after z: for the activations of G's layers, one layer after another."""

import csv

import numpy as np
import pytest
import reference
import tensorflow as tf
from completing import read, run
from conftest import f32, tiny, uniform

import utils
from dcgan.inpainting.search import numbers_of, stages
from dcgan.inpainting.settings import Search
from model import DCGAN

pytestmark = pytest.mark.slow
SIZE = 16
LR, DEEPER_LR = 0.05, 0.1
MASK = np.ones((SIZE, SIZE))
MASK[4:12, 5:11] = 0


def test_g_goes_on_from_the_activations_of_any_layer():
    model, v = tiny(SIZE)
    z = uniform(3, 5)
    for edge, channels in zip(model.architecture.edges, model.architecture.g_widths):
        h = model.generator(f32(z), to=edge)
        assert h.shape == (3, edge, edge, channels) and h.dtype == tf.float32
        expected = reference.activations(v, z, 0, edge)
        np.testing.assert_allclose(h, expected, rtol=1e-4, atol=1e-4)
        moved = expected + 0.1 * uniform(*expected.shape, seed=1)
        np.testing.assert_allclose(
            model.generator(f32(moved)), reference.activations(v, moved, edge, SIZE), atol=1e-4)
        further = model.generator(f32(moved), to=model.architecture.edges[-1])
        np.testing.assert_allclose(
            further, reference.activations(v, moved, edge, model.architecture.edges[-1]),
            rtol=1e-4, atol=1e-4)


def numpy_stage(loss_of, h, count, rate, limit, last):
    """Adam with a step size that falls by half a cosine, and for activations first rises; the
    iterate of the lowest loss."""
    m, s, best, lowest, losses = np.zeros_like(h), np.zeros_like(h), h, np.inf, []
    for i in range(count):
        loss = loss_of(h)
        losses.append(loss)
        best, lowest = (h, loss) if loss < lowest else (best, lowest)
        gradient = reference.numeric_gradient(loss_of, h, step=1e-7)
        square = gradient**2
        size = rate * (1 + np.cos(np.pi * i / count)) / 2
        if limit == np.inf:  # for activations
            square = square.mean()
            size *= min((i + 1) / 3, 1)
        m, s = 0.9 * m + 0.1 * gradient, 0.999 * s + 0.001 * square
        step = (m / (1 - 0.9**(i + 1))) / (np.sqrt(s / (1 - 0.999**(i + 1))) + 1e-8)
        h = np.clip(h - size * step, -limit, limit)
    return h if last and loss_of(h) < lowest else best, losses


def test_the_search_is_the_numpy_one():
    """z, then 4x4, then 8x8, each from the best that the one before it has found."""
    model, v = tiny(SIZE)
    y = utils.to_uint8(uniform(1, SIZE, SIZE, 3))
    told = []
    found = model.complete(y, MASK, approach="adam", lr=LR, schedule="cosine", nIter=3, deeper=8,
                           deeperTo=32, deeperLr=DEEPER_LR, outInterval=1,
                           progress=lambda p: told.append((p.iteration, p.losses[0, 0])))
    known = np.where(MASK[..., np.newaxis], y, 0).astype(np.uint8)
    h = model.initial_z(numbers_of(known)).numpy().astype(float)
    before, losses = 0, []
    for edge, count in ((0, 3), (4, 3), (8, 5)):
        h = reference.activations(v, h, before, edge) if edge else h
        before = edge

        def loss_of(h, edge=edge):
            G = reference.activations(v, h, edge, SIZE)
            return reference.image_loss(v, G, utils.to_float(y), MASK[..., np.newaxis],
                                        np.zeros((1, 1, 1, 1)), 2, lam=0.1, lowres=8)[0]

        rate = DEEPER_LR * 4 / edge * np.abs(
            v[f"generator/g_bn{edge // 8}/gamma"]) if edge else LR
        h, of_stage = numpy_stage(loss_of, h, count, rate, np.inf if edge else 1, edge == 8)
        losses += of_stage
        if not edge:
            np.testing.assert_allclose(found.z[0], h, atol=1e-3)
    assert found.activations.shape == (1, 1, 8, 8, 2) and found.activations.dtype == np.float16
    np.testing.assert_allclose(found.activations[0], h, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(found.losses[0, 0], loss_of(h), rtol=1e-3)
    assert [i for i, _ in told] == list(range(11))
    np.testing.assert_allclose([loss for _, loss in told][1:],
                               np.minimum.accumulate(losses)[:-1], rtol=1e-3)


def test_the_layers_of_a_search():
    model = DCGAN(image_size=32, gf_dim=2, df_dim=2)
    assert [edge for edge, _ in stages(model, Search(deeper=0))] == [0]
    of_two = stages(model, Search(deeper=9, deeperTo=8, nIter=7, tol=0.1, lr=1.0))
    assert [(edge, stage.nIter) for edge, stage in of_two] == [(0, 7), (4, 3), (8, 6)]
    assert of_two[0][1].tol == 0.1 and of_two[1][1].tol == 0  # of deeper layers, nothing ends early
    assert [edge for edge, _ in stages(model, Search(deeper=9))] == [0, 4, 8, 16]
    small = DCGAN(image_size=8, gf_dim=2, df_dim=2)
    assert [edge for edge, _ in stages(small, Search(deeper=9))] == [0, 4]


@pytest.mark.parametrize("until", [0, 2, 4, 6])
def test_a_search_that_is_ended_has_activations_too(until):
    """Wherever it stands: in z, or in any layer."""
    model, _ = tiny(SIZE)
    y = utils.to_uint8(uniform(6, SIZE, SIZE, 3))  # more than a batch
    found = model.complete(y, MASK, approach="adam", lr=LR, nIter=3, deeper=4, outInterval=2,
                           nCandidates=2, progress=lambda p: p.iteration >= until)
    assert found.activations.shape == (6, 2, 8, 8, 2)
    for k in range(2):
        G = model.generator(f32(found.activations[:, k]))
        best = found.losses.argmin(axis=1) == k
        np.testing.assert_allclose(found.fills[best], G.numpy()[best], atol=1e-5)
        if until <= 2:
            np.testing.assert_allclose(G, model.generator(f32(found.z[:, k])), atol=5e-3)


def test_what_complete_py_writes_makes_the_pictures_again(lively, three_faces, tmp_path):
    out = tmp_path / "out"
    flags = ("--approach", "adam", "--lr", 0.1, "--nCandidates", 2, "--combine", "mean",
             "--deeper", 5, "--deeperLr", 0.2, "--batchSize", 2)
    run(lively, three_faces, "--outDir", out, "--nIter", 4, "--outInterval", 3, *flags)
    model = DCGAN.from_checkpoint(lively)
    for folder in (out, out / "batch_01"):
        with np.load(folder / "activations.npz") as file:
            for name, activations in zip(file["name"], file["activations"]):
                G = utils.to_uint8(model.generator(f32(activations)).numpy().mean(axis=0))
                made, known = read(out / "images" / f"{name}.png"), slice(4, 12)  # the center mask
                np.testing.assert_allclose(made[known, known], G[known, known], atol=1)
    log = np.loadtxt(out / "logs" / "hats_02_1.log", skiprows=1)
    np.testing.assert_array_equal(log[:, 0], range(4 + 5 + 1))
    assert np.abs(np.diff(log[:4, 2:], axis=0)).max() > 0
    np.testing.assert_array_equal(log[4:, 2:], np.tile(log[4, 2:], (6, 1)))
    with np.load(out / "latents.npz") as latents, open(out / "results.csv") as file:
        np.testing.assert_allclose(log[4, 2:], latents["z"][2, 1], atol=1e-6)
        rows = list(csv.DictReader(file))
        assert [int(row["iterations"]) for row in rows] == [9] * 3
        np.testing.assert_allclose([float(row["loss"]) for row in rows],
                                   latents["loss"].min(axis=1), rtol=1e-5)
        assert latents["loss"][2, 1] < log[4, 1]
    again = tmp_path / "again"
    run(lively, three_faces, "--outDir", again, "--nIter", 0, "--init", out / "latents.npz")
    for name in ("face_0", "face_1", "face_2"):
        np.testing.assert_allclose(read(again / "images" / f"{name}.png").astype(int),
                                   read(out / "images" / f"{name}.png"), atol=1)


def test_images_that_end_early_wait_for_the_others(lively, three_faces, tmp_path):
    """--tol ends the search for z of each by itself; the layers after it are searched together."""
    run(lively, three_faces, "--outDir", tmp_path, "--nIter", 60, "--outInterval", 5, "--lr", 0.001,
        "--tol", 0.001, "--patience", 3, "--deeper", 4)
    with open(tmp_path / "results.csv") as file:
        iterations = [int(row["iterations"]) for row in csv.DictReader(file)]
    logs = [np.loadtxt(tmp_path / "logs" / f"hats_{i:02d}.log", skiprows=1) for i in range(3)]
    assert len(set(iterations)) > 1, "no search ended before another"
    assert [len(log) - 1 for log in logs] == iterations
    assert len({tuple(log[-5:, 0]) for log in logs}) == 1
    assert all((np.diff(log[:, 0]) > 0).all() for log in logs)
