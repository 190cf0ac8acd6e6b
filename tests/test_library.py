"""DCGAN.complete, sample and discriminate: what one calls from Python, with arrays."""

import csv
import os
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT, draw_faces, f32, load_script, save_lively, train_here
from PIL import Image

import utils
from dcgan.inpainting.masks import MASKS
from dcgan.inpainting.search import numbers_of
from dcgan.inpainting.settings import Masking
from dcgan.machine import memory
from model import DCGAN

pytestmark = pytest.mark.slow
COUNT = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network of 16x16 pixels in checkpoint/, five faces in faces/, and a mask.png."""
    folder = save_lively(tmp_path_factory.mktemp("library"))
    draw_faces(folder / "faces", COUNT, seed=9)
    utils.save_image(str(folder / "mask.png"), np.uint8(255 * (own_mask() == 0))[..., np.newaxis])
    return folder


def own_mask():
    mask = np.ones((16, 16))
    mask[3:8, 5:14] = 0
    return mask


def lowres_mask():
    return np.zeros((16, 16))


def random_masks():
    """Those that complete.py draws with seed 3, another for each picture."""
    return np.stack([
        MASKS["random"]((16, 16), np.random.default_rng([3, zlib.crc32(name), 0, 1]), Masking())
        for name in (b"face_%d" % i for i in range(COUNT))])


@pytest.fixture(scope="module")
def images(folder):
    return np.stack([utils.read_image(str(folder / "faces" / f"face_{i}.png"))
                     for i in range(COUNT)])


def load(folder, **settings):
    return DCGAN.from_checkpoint(str(folder / "checkpoint"), **settings)


@pytest.fixture(scope="module")
def model(folder):
    return load(folder)


def assert_equal(ours, theirs):
    for name, a, b in zip(ours._fields, ours, theirs):
        np.testing.assert_array_equal(a, b, err_msg=name)


# The same as the scripts


@pytest.mark.parametrize("masks,flags,settings", [
    (own_mask, ("--mask", "mask.png"),
     {"preset": "fast", "nIter": 4, "nInit": 32, "nCandidates": 2, "batchSize": 2}),
    (random_masks, ("--maskType", "random"),
     {"nIter": 5, "outInterval": 2, "seed": 3, "batchSize": 2, "nCandidates": 3,
      "combine": "mean"}),
    (lowres_mask, ("--maskType", "lowres"), {"maskType": "lowres", "preset": "best", "nIter": 2})])
def test_it_is_what_complete_py_writes(folder, model, images, monkeypatch, masks, flags, settings):
    monkeypatch.chdir(folder)
    given = [str(word) for name, value in settings.items() if name != "maskType"
             for word in (f"--{name}", value)]
    load_script("complete.py").main(["faces", "--checkpointDir", "checkpoint", "--outDir",
                                     masks.__name__, *flags, *given])
    completion = model.complete(images, masks(), **settings)
    for i, image in enumerate(completion.images):
        with Image.open(folder / masks.__name__ / "images" / f"face_{i}.png") as written:
            np.testing.assert_array_equal(image, np.asarray(written))
    with np.load(folder / masks.__name__ / "latents.npz") as latents:
        np.testing.assert_array_equal(completion.z, latents["z"])
        np.testing.assert_array_equal(completion.losses, latents["loss"])
    best = completion.losses.argmin(axis=1)
    with open(folder / masks.__name__ / "results.csv") as file:
        for i, row in enumerate(csv.DictReader(file)):
            for name in ("contextual", "perceptual"):
                assert row[name] == f"{getattr(completion, name)[i, best[i]]:.6g}"


def test_samples_are_those_of_the_scripts(folder, monkeypatch):
    model = load(folder, seed=4)
    monkeypatch.chdir(folder)
    load_script("demo/sample.py").main(["samples_of_demo", "--count", "6", "--seed", "4",
                                        "--checkpointDir", "checkpoint"])
    for i, face in enumerate(model.sample(6)):
        np.testing.assert_array_equal(
            face, utils.read_image(str(folder / "samples_of_demo" / f"sample_{i:03d}.png")))
    train_here(folder, "unused", "--visualize", "samples", "--seed", 4, sizes=())
    np.testing.assert_array_equal(utils.grid(model.sample(64)),
                                  utils.read_image(str(folder / "samples" / "samples.png")))


# complete


def test_the_loss_is_that_of_its_z_and_the_holes_are_its_G(model, images):
    completion = model.complete(images, own_mask(), nIter=3, nCandidates=2)
    mask = own_mask()[np.newaxis, ..., np.newaxis]
    for k in range(2):
        complete, contextual, perceptual = model.completion_losses(
            f32(completion.z[:, k]), f32(utils.to_float(images)), f32(mask))
        for name, value in (("losses", complete), ("contextual", contextual),
                            ("perceptual", perceptual)):
            np.testing.assert_allclose(getattr(completion, name)[:, k], value, rtol=1e-5)
    best = completion.z[np.arange(COUNT), completion.losses.argmin(axis=1)]
    np.testing.assert_allclose(completion.fills, model.generator(best), atol=1e-5)
    np.testing.assert_array_equal(
        completion.images, np.where(mask == 1, images, utils.to_uint8(completion.fills)))


def test_a_mask_for_all_is_one_for_each(model, images):
    one = model.complete(images, own_mask(), nIter=2)
    for masks in (np.stack([own_mask()] * COUNT), own_mask().astype(bool)):
        assert_equal(model.complete(list(images), masks, nIter=2), one)


def test_floats_are_rounded_and_what_is_hidden_does_not_matter(model, images):
    hidden = np.broadcast_to((own_mask() == 0)[..., np.newaxis], images.shape)
    expected = model.complete(images, own_mask(), preset="fast", nIter=2, nInit=16)
    floats = utils.to_float(images).astype(np.float64)
    for others in (floats, np.where(hidden, np.nan, floats), np.where(hidden, 7, floats),
                   np.where(hidden, 255 - images, images), floats + 0.003):
        assert_equal(model.complete(others if others.dtype == np.uint8 else
                                    np.where(hidden, others, np.clip(others, -1, 1)),
                                    own_mask(), preset="fast", nIter=2, nInit=16), expected)


def test_grey_images(tmp_path):
    model = load(save_lively(tmp_path, c_dim=1))
    grey = model.sample(2)
    assert grey.shape == (2, 16, 16, 1) and model.discriminate(grey).shape == (2,)
    assert model.complete(grey, own_mask(), nIter=1).images.shape == grey.shape


OWN = {"lam": 2.0, "prior": "saturating", "seed": 5, "batch_size": 2, "precision": "bfloat16"}
AS_SETTINGS = {"batchSize" if name == "batch_size" else name: value for name, value in OWN.items()}


def test_the_constructors_settings_stand_where_nothing_else_is_said(folder, model, images):
    # One that has made no search yet: a search that is kept for batches of any size may differ from
    # one for the first batch in the last digit.
    ours, plain = load(folder, **OWN), load(folder)
    expected = plain.complete(images, own_mask(), nIter=3, **AS_SETTINGS)
    assert_equal(ours.complete(images, own_mask(), nIter=3), expected)
    for name in AS_SETTINGS:  # each of them matters
        without = {other: value for other, value in AS_SETTINGS.items() if other != name}
        others = model.complete(images, own_mask(), nIter=3, **without)
        if name != "batchSize":  # which but sums in another order
            assert not np.array_equal(others.losses, expected.losses), name
    # The preset has a word on all but the seed and the size of a batch.
    article = {"preset": "article", "nIter": 3, "seed": 5, "batchSize": 2}
    assert_equal(ours.complete(images, own_mask(), preset="article", nIter=3),
                 plain.complete(images, own_mask(), **article))
    assert_equal(ours.complete(images, own_mask(), preset="article", nIter=3, lam=1, seed=6),
                 plain.complete(images, own_mask(), **article | {"lam": 1, "seed": 6}))
    assert_equal(model.complete(images, own_mask(), nIter=2, lam=None, preset=None),
                 model.complete(images, own_mask(), nIter=2))


def test_the_model_is_left_as_it_was(folder, images):
    model = load(folder)
    assert model.gaussian is None  # read where it is first wanted
    before = {name: value for name, value in vars(model).items()}
    weights = {name: v.numpy() for name, v in model.vars.items()}
    model.complete(images, own_mask(), preset="fast", nIter=2, nInit=8, seed=3, batchSize=2, lam=4,
                   prior="saturating", precision="bfloat16", jit=False)
    model.sample(3, seed=9)
    model.discriminate(images)
    assert vars(model).keys() == before.keys()
    assert all(getattr(model, name) is value for name, value in before.items())
    for name, variable in model.vars.items():
        np.testing.assert_array_equal(variable, weights[name])


# progress


@pytest.mark.parametrize("settings", [
    {}, {"preset": "fast", "nInit": 8, "precision": "float32"},
    {"nCandidates": 2, "combine": "mean"}])
def test_progress_is_told_of_every_interval(model, images, settings):
    told, settings = [], {"nIter": 5, "outInterval": 2, "batchSize": 2} | settings
    completion = model.complete(images, own_mask(), progress=told.append, **settings)
    assert [(p.iteration, p.first, len(p.images)) for p in told] == [
        (i, first, count) for first, count in ((0, 2), (2, 2), (4, 1)) for i in (0, 2, 4)]
    assert_equal(model.complete(images, own_mask(), **settings), completion)
    known = own_mask() == 1
    for p in told:
        rows = slice(p.first, p.first + len(p.images))
        assert p.losses.shape == completion.losses[rows].shape and p.fills.shape == p.images.shape
        np.testing.assert_array_equal(p.images[:, known], images[rows][:, known])
        if not settings.get("preset"):
            np.testing.assert_array_equal(p.images[:, ~known], utils.to_uint8(p.fills)[:, ~known])
        if p.iteration == 0:
            assert np.isinf(p.losses).all()
            assert not np.array_equal(p.images, completion.images[rows])
    for first, then in zip(told[1:], told[2:]):
        if first.first == then.first:
            assert (then.losses <= first.losses).all() and np.isfinite(then.losses).all()
    numbers = numbers_of(images[:2] * known[..., np.newaxis])
    z = np.stack([model.initial_z(numbers, k) for k in range(completion.z.shape[1])])
    if not settings.get("preset"):
        start = np.mean([model.generator(each) for each in z], axis=0)
        np.testing.assert_allclose(told[0].fills, start, atol=1e-5)


def test_it_ends_where_progress_says_so(model, images):
    told = []

    def stop(p):
        told.append((p.iteration, p.first))
        return np.bool_(p.iteration == 4 and p.first == 2)

    settings = {"outInterval": 4, "batchSize": 2, "tol": 0}
    completion = model.complete(images, own_mask(), nIter=8, progress=stop, **settings)
    assert told == [(0, 0), (4, 0), (0, 2), (4, 2)]
    for nIter, rows in ((8, slice(0, 2)), (4, slice(2, 4)), (0, slice(4, 5))):
        part = model.complete(images, own_mask(), nIter=nIter, **settings)
        assert completion.activations is None
        for ours, theirs in zip(completion[:-1], part):
            np.testing.assert_array_equal(ours[rows], theirs[rows])
    np.testing.assert_array_equal(completion.z[4:, 0], model.initial_z(
        numbers_of(images[4:] * np.uint8(own_mask()[..., np.newaxis]))))


# What is of no use

IMAGES, MASK = np.zeros((2, 16, 16, 3), np.uint8), np.ones((16, 16))


@pytest.mark.parametrize("images,masks,settings,words", [
    (IMAGES[0], MASK, {}, r"images must be \[B, 16, 16, 3\].* Received: shape \(16, 16, 3\)"),
    (IMAGES[:0], MASK, {}, r"at least 1. Received: shape \(0, 16, 16, 3\)"),
    (IMAGES[..., :1], MASK, {}, r"Received: shape \(2, 16, 16, 1\)"),
    (IMAGES[:, :8], MASK, {}, r"Received: shape \(2, 8, 16, 3\)"),
    (IMAGES.astype(int), MASK, {}, "images must be uint8, or floats.* Received: dtype int64"),
    (IMAGES.astype(str), MASK, {}, "Received: dtype <U"),
    (IMAGES + 255.0, MASK, {}, "Received: floats from 255.0 to 255.0"),
    (IMAGES * np.nan, MASK, {}, "Received: floats from nan to nan"),
    (IMAGES, MASK[:8], {}, r"masks must be \[2, 16, 16\], or one of \[16, 16\] for all. "
                           r"Received: shape \(8, 16\)"),
    (IMAGES, MASK[np.newaxis], {}, r"Received: shape \(1, 16, 16\)"),
    (IMAGES, MASK[..., np.newaxis], {}, r"Received: shape \(16, 16, 1\)"),
    (IMAGES, MASK * 255, {}, "masks must be 1 where a pixel is known.* Received: values 255.0"),
    (IMAGES, MASK - 0.5, {}, "Received: values 0.5"),
    (IMAGES, MASK, {"preset": "quick"}, "preset must be one of article, fast, best. "
                                        "Received: 'quick'"),
    (IMAGES, MASK, {"niter": 3}, r"Received: niter \(did you mean nIter\?\)"),
    (IMAGES, MASK, {"outDir": "x"}, "complete takes the settings batchSize, .* Received: outDir"),
    (IMAGES, MASK, {"mask": "x.png"}, "Received: mask"),
    (IMAGES, MASK, {"align": True}, "Received: align"),
    (IMAGES, MASK, {"maskType": "center"}, "maskType must be lowres or left out.* 'center'"),
    (IMAGES, MASK, {"nIter": -1}, "nIter must be at least 0. Received: -1"),
    (IMAGES, MASK, {"nIter": 2.5}, "nIter must be a whole number. Received: 2.5"),
    (IMAGES, MASK, {"nIter": True}, "nIter must be .* Received: True"),
    (IMAGES, MASK, {"patience": 2**31}, "patience must be between 1 and 2147483647"),
    (IMAGES, MASK, {"lr": "0.1"}, "lr must be a number. Received: '0.1'"),
    (IMAGES, MASK, {"lam": np.nan}, "lam must be .* Received: nan"),
    (IMAGES, MASK, {"window": 4}, "window must be odd. Received: 4"),
    (IMAGES, MASK, {"window": 33}, "window must be at most 32.* Received: 33"),
    (IMAGES, MASK, {"approach": "sgd"}, "approach must be one of .* Received: 'sgd'"),
    (IMAGES, MASK, {"keepBest": "no"}, "keepBest must be True or False. Received: 'no'"),
    (IMAGES, MASK, {"progress": True}, "progress must be a function. Received: True")])
def test_misuse_is_said_in_words(model, images, masks, settings, words):
    with pytest.raises(ValueError, match=words):
        model.complete(images, masks, **settings)


def test_numpys_numbers_are_numbers(model, images):
    numbers = {"nIter": np.int64(2), "lam": np.float32(0.5), "seed": np.int8(1)}
    assert_equal(model.complete(images, MASK, **numbers),
                 model.complete(images, MASK, nIter=2, lam=0.5, seed=1))


# sample and discriminate


def test_samples_are_a_function_of_the_seed(model, folder):
    few = load(folder, batch_size=2)
    first = model.sample(COUNT)
    assert first.dtype == np.uint8 and first.shape == (COUNT, 16, 16, 3)
    np.testing.assert_array_equal(model.sample(COUNT, seed=0), first)
    np.testing.assert_array_equal(load(folder, seed=3).sample(COUNT), model.sample(COUNT, seed=3))
    assert np.abs(model.sample(COUNT, seed=3) - first.astype(int)).max() > 20
    # A batch of another size sums in another order.
    assert np.abs(few.sample(COUNT) - first.astype(int)).max() <= 1


@pytest.mark.parametrize("arguments,words", [
    ((0,), "count must be at least 1. Received: 0"),
    ((2.0,), "count must be a whole number. Received: 2.0"),
    ((1, -1), "seed must be at least 0. Received: -1")])
def test_of_no_number_there_are_no_samples(model, arguments, words):
    with pytest.raises(ValueError, match=words):
        model.sample(*arguments)


def test_the_average_makes_all_images(folder, images, tmp_path):
    """In training, the search and `generator` too, and what is exported: not the last step's G."""
    model, plain = load(folder), load(folder)
    model.make_optimizers(ema=0.9)
    for variable in model.weights.net("generator").values():
        variable.assign(tf.zeros_like(variable))
    np.testing.assert_array_equal(model.sample(2), plain.sample(2))
    z = plain.initial_z(range(2))
    np.testing.assert_array_equal(model.generator(z), plain.generator(z))
    ours, theirs = (each.complete(images, own_mask(), nIter=2) for each in (model, plain))
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-3)
    model.export(str(tmp_path / "exported"))
    exported = DCGAN.from_checkpoint(str(tmp_path / "exported"))
    np.testing.assert_allclose(exported.sample(2), plain.sample(2), atol=2)  # in half precision


def test_discriminate_is_the_discriminator(model, folder, images):
    floats = np.random.default_rng(0).uniform(-1, 1, images.shape)
    for given, y in ((images, utils.to_float(images)), (floats, floats)):
        expected = model.discriminator(f32(y))[0][:, 0]
        ours = model.discriminate(given)
        assert ours.shape == (COUNT,) and ours.dtype == np.float32
        np.testing.assert_allclose(ours, expected, rtol=1e-6)
        np.testing.assert_allclose(load(folder, batch_size=2).discriminate(given), expected,
                                   rtol=1e-5)
    assert np.ptp(model.discriminate(images)) > 1e-4
    for wrong, words in ((images[0], r"Received: shape \(16, 16, 3\)"),
                         (images.astype(int), "Received: dtype int64"),
                         (images + 0.0, r"Received: floats from \d+\.0 to")):
        with pytest.raises(ValueError, match=words):
            model.discriminate(wrong)


@pytest.mark.parametrize("settings,words", [
    ({"nInit": 3000000}, "nInit must be lower, because the search needs over .* Received: 3000000"),
    ({"nCandidates": 20000}, "nCandidates must be lower, or batchSize lower, because"),
    ({}, "batchSize must be lower, because")])
def test_what_memory_cannot_hold_is_refused(model, images, monkeypatch, settings, words):
    monkeypatch.setattr(memory, "available", lambda: 2**30 if settings else 2**10)
    with pytest.raises(ValueError, match=words):
        model.complete(images, own_mask(), **settings)


def test_nothing_is_written(model, images, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    model.complete(images, own_mask(), preset="best", nIter=1, progress=lambda p: None)
    model.discriminate(model.sample(2))
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("lowest,warned", [(0, True), (-0.1, False)])
def test_floats_from_0_to_1_are_warned_of(model, lowest, warned):
    """Black would be taken for grey, and nothing would tell."""
    images = np.random.default_rng(0).uniform(lowest, 1, (1, 16, 16, 3))
    images[0, 0, 0] = lowest
    hidden = np.where(own_mask()[..., np.newaxis] == 0, -9, images)  # which does not matter
    for call in (lambda: model.discriminate(images), lambda: model.complete(
            hidden, own_mask(), nIter=0)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        caught = [each for each in caught if each.category is UserWarning]
        assert all(each.filename == __file__ for each in caught)  # the line of the call
        words = [str(each.message) for each in caught]
        assert [word.startswith("no value of the images is below 0") for word in words] == (
            [True] * warned)


def test_checkpoints_may_be_named_by_paths(model, tmp_path):
    path = model.save(tmp_path / "saved")
    assert path == f"{tmp_path}/saved/DCGAN-0"
    model.export(tmp_path / "exported")
    for source in (tmp_path / "saved", Path(path), tmp_path / "exported", os.fsencode(path)):
        other = DCGAN.from_checkpoint(source)
        assert other.load(source) == other.source and isinstance(other.source, str)
    assert DCGAN.from_checkpoint(Path("pretrained")).image_size == 64


@pytest.mark.parametrize("bucket", ["gs://bucket/run", Path("s3://bucket/run")])
def test_checkpoints_are_of_this_machine(model, tmp_path, monkeypatch, bucket):
    monkeypatch.chdir(tmp_path)
    for call in (DCGAN.from_checkpoint, model.load, model.save, model.export):
        with pytest.raises(ValueError, match="a path must be a file or folder of this machine"):
            call(bucket)
    assert not os.listdir(tmp_path)


FORKS = """
import os
import signal

import numpy as np

from dcgan.training.settings import TrainingSettings
from model import DCGAN

SIZES = {"image_size": 8, "gf_dim": 2, "df_dim": 2, "batch_size": 2}


def in_a_child(work):
    child = os.fork()
    if not child:
        signal.alarm(60)  # it hangs
        try:
            work()
        except RuntimeError as error:
            os._exit(3 if "was forked after a network was made" in str(error) else 1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


assert in_a_child(lambda: DCGAN(**SIZES).sample(1)) == 0  # before TensorFlow has begun to work
dcgan = DCGAN(**SIZES)
dcgan.save("checkpoint")
images = dcgan.sample(2)
for work in (lambda: dcgan.sample(1), lambda: dcgan.discriminate(images),
             lambda: dcgan.complete(images, np.ones((8, 8)), nIter=1),
             lambda: dcgan.generator(np.zeros((1, 100), np.float32)),
             lambda: dcgan.train(TrainingSettings(dataset=".")),
             lambda: dcgan.save("checkpoint"), lambda: dcgan.load("checkpoint"),
             lambda: dcgan.export("weights"), lambda: DCGAN(**SIZES),
             lambda: DCGAN.from_checkpoint("checkpoint")):
    print(in_a_child(work))
dcgan.sample(1)
"""


def test_a_process_that_was_forked_says_so(tmp_path):
    """Where TensorFlow's threads are missing, it waited for them for ever."""
    result = subprocess.run(
        [sys.executable, "-c", FORKS], text=True, capture_output=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=900)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["3"] * 10
