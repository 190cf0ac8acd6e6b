"""A picture's result depends on the seed and on the picture, not on the pictures beside it."""

import shutil

import numpy as np
import pytest
from completing import read, run
from conftest import tiny, uniform
from PIL import Image

from dcgan.inpainting.photos import Framer
from dcgan.inpainting.search import numbers_of
from dcgan.inpainting.settings import Framing

pytestmark = pytest.mark.slow
# In a batch of another size, TensorFlow adds numbers in another order.
ROUNDING = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module")
def crowd(three_faces, tmp_path_factory):
    """The three faces among another picture and damaged files."""
    folder = tmp_path_factory.mktemp("crowd")
    shutil.copytree(three_faces, folder, dirs_exist_ok=True)
    Image.fromarray(np.uint8(255 * (uniform(16, 16, 3) > 0))).save(folder / "another.png")
    for name in ("0.png", "face_00.png", "face_1b.png"):
        (folder / name).write_text("no picture")
    return folder


@pytest.mark.parametrize("masking", [
    {"maskType": "random"}, {"maskType": "half"}, {"maskType": "pattern"}])
def test_a_random_mask_is_the_pictures_own(three_faces, crowd, masking):
    def masks(*files, seed=1):
        framer = Framer(Framing(**masking), files, 16, 3, seed)
        return {frame.name: frame.mask for frame in framer.frames()}

    expected = masks(*sorted(three_faces.iterdir()))
    assert len(expected) == 3
    for given in (sorted(crowd.iterdir()), sorted(crowd.iterdir())[::-1],
                  [str(three_faces / "face_1.png")]):
        for name, mask in masks(*given).items():
            if name in expected:
                np.testing.assert_array_equal(mask, expected[name])
    if masking["maskType"] != "half":  # of which there are four
        assert not np.array_equal(expected["face_0"], expected["face_1"])
        assert not np.array_equal(expected["face_0"],
                                  masks(three_faces / "face_0.png", seed=2)["face_0"])


def latents(folder):
    with np.load(folder / "latents.npz") as file:
        return dict(zip(file["name"].tolist(), file["z"]))


@pytest.mark.parametrize("flags", [
    ("--nIter", 0), ("--approach", "adam", "--lr", 0.02), ("--preset", "fast", "--nInit", 8),
    ("--approach", "hmc", "--hmcL", 3, "--nCandidates", 2, "--maskType", "random")])
def test_a_pictures_result_is_the_same_beside_others(lively, three_faces, crowd, tmp_path, flags):
    run(lively, three_faces / "face_1.png", "--outDir", tmp_path / "alone", *flags)
    run(lively, crowd, "--outDir", tmp_path / "beside", "--batchSize", 3, *flags)
    alone, beside = (latents(tmp_path / name) for name in ("alone", "beside"))
    assert list(beside) == ["another", "face_0", "face_1", "face_2"]
    np.testing.assert_allclose(beside["face_1"], alone["face_1"], **ROUNDING)
    images = [read(tmp_path / name / "images" / "face_1.png").astype(int)
              for name in ("alone", "beside")]
    assert np.abs(images[0] - images[1]).max() <= 1
    if "--preset" not in flags:  # whose start is what the bank says
        assert np.abs(beside["face_1"] - beside["face_0"]).max() > 0.1


def test_a_search_goes_on_from_init_beside_others(lively, three_faces, crowd, tmp_path):
    """From its own z, under its own mask."""
    flags = "--maskType", "random", "--approach", "adam", "--lr", 0.02
    run(lively, three_faces, "--outDir", tmp_path / "first", *flags, "--nIter", 3)
    run(lively, crowd, "--outDir", tmp_path / "again", "--init",
        tmp_path / "first" / "latents.npz", "--nIter", 0)
    for name, z in latents(tmp_path / "first").items():
        np.testing.assert_array_equal(latents(tmp_path / "again")[name], z)
        again, first = (read(tmp_path / folder / "images" / f"{name}.png").astype(int)
                        for folder in ("again", "first"))
        assert np.abs(again - first).max() <= 1


@pytest.mark.parametrize("settings", [
    {}, {"approach": "adam", "nCandidates": 2}, {"approach": "hmc", "hmcL": 2},
    {"maskType": "lowres", "nInit": 5, "initBy": "regression"}])
def test_an_arrays_result_is_the_same_beside_others(settings):
    model, _ = tiny(16, batch_size=3)
    images = np.uint8(255 * (uniform(5, 16, 16, 3) > 0))
    mask = np.ones((16, 16))
    mask[4:12, 4:12] = 0
    settings = {"nIter": 5, "outInterval": 2, "lr": 1e-4, "tol": 0} | settings
    together = model.complete(images, mask, **settings)
    for order in ([3], [4, 3, 3]):
        other = model.complete(images[order], mask, **settings)
        np.testing.assert_allclose(other.z, together.z[order], **ROUNDING)
        np.testing.assert_allclose(other.losses, together.losses[order], rtol=1e-4)


def test_numbers_are_of_the_known_pixels():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    numbers = numbers_of(images)
    assert len(set(numbers)) == 3 and numbers.dtype == np.int32 and (numbers >= 0).all()
    np.testing.assert_array_equal(numbers_of(images[::-1]), numbers[::-1])
    assert numbers_of(np.where(images == images[0, 0, 0], 0, images))[0] != numbers[0]
