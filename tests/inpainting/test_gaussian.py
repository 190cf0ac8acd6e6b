"""The Gaussian of faces against its definitions; and where it takes part in completions."""

import os

import numpy as np
import pytest
from conftest import assert_one_line_error, run_here, save_lively

import utils
from dcgan.inpainting import gaussian as gaussians
from dcgan.inpainting.gaussian import Gaussian
from dcgan.messages import UserError
from model import DCGAN

pytestmark = pytest.mark.slow


def test_principal_components():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(400, 3)) @ rng.normal(size=(3, 12)) * 3
         + rng.normal(size=(400, 12)) + 5).astype(np.float32)
    gaussian = Gaussian.fit(x, 3, 0.5)
    variances, directions = np.linalg.eigh(np.cov(x.T, bias=True))
    np.testing.assert_allclose(gaussian.mean, x.mean(axis=0), rtol=1e-5)
    kept = directions[:, -3:]
    np.testing.assert_allclose(gaussian.factors.T @ gaussian.factors,
                               kept * variances[-3:] @ kept.T, rtol=1e-3, atol=1e-2)
    assert gaussian.noise == 0.5
    lengths = np.linalg.norm(gaussian.factors, axis=1)
    assert (np.diff(lengths) < 0).all()  # so that the first of more are those of fewer


def test_mirrored_faces_are_fitted_too():
    shape = 4, 6, 3
    x = np.random.default_rng(4).uniform(-1, 1, (40, 72)).astype(np.float32)
    mirrored = x.reshape(40, *shape)[:, :, ::-1].reshape(40, -1)
    both = Gaussian.fit(np.concatenate([x, mirrored]), 5, 0.5)
    by_order = Gaussian.fit(x, 5, 0.5, gaussians.mirror_of(shape))
    np.testing.assert_allclose(by_order.mean, both.mean, atol=1e-6)
    np.testing.assert_allclose(by_order.factors.T @ by_order.factors,
                               both.factors.T @ both.factors, atol=1e-3)


@pytest.mark.parametrize("noise", (0.2, 0.8))
def test_the_noise_that_completes_best(noise):
    """The noise of images that are as the model says is the best one."""
    rng = np.random.default_rng(5)
    shape = 8, 8, 1
    factors = rng.normal(size=(3, 64)) * 0.5
    x = rng.normal(size=(3000, 3)) @ factors + noise * rng.normal(size=(3000, 64))
    found = gaussians.best_noise(x.astype(np.float32), shape, 3)
    assert found in gaussians.NOISES and noise / 2 < found < 2 * noise


def test_the_hole_by_the_conditional_mean():
    """E[hole | known] = mean_h + C_hk C_kk^-1 (x_k - mean_k), of the whole covariance C."""
    rng = np.random.default_rng(1)
    gaussian = Gaussian(rng.normal(size=10), rng.normal(size=(4, 10)), 0.5)
    signal = gaussian.factors.T @ gaussian.factors
    C = signal + 0.25 * np.eye(10)
    x, known = rng.normal(size=10), np.arange(10) % 3 > 0
    weights = np.linalg.solve(C[np.ix_(known, known)], (x - gaussian.mean)[known])
    likely = gaussian.conditional_mean(x[np.newaxis], known)[0]
    np.testing.assert_allclose(
        likely[~known], gaussian.mean[~known] + C[np.ix_(~known, known)] @ weights, rtol=1e-8)
    np.testing.assert_allclose(
        likely[known], gaussian.mean[known] + signal[np.ix_(known, known)] @ weights, rtol=1e-8)


def test_pictures(tmp_path):
    rng = np.random.default_rng(2)
    images = rng.integers(0, 255, (30, 4, 4, 3), dtype=np.uint8)
    for i, image in enumerate(images):
        utils.save_image(str(tmp_path / f"{i:02d}.png"), image)
    x = gaussians.read_faces(sorted(map(str, tmp_path.glob("*.png"))), 4, 3)
    np.testing.assert_array_equal(x, utils.to_float(images).reshape(30, -1))
    gaussian = Gaussian.fit(x, 5, 0.3)
    y = utils.to_float(images[:2])
    mask = np.ones((2, 4, 4, 1), np.float32)
    mask[0, 1:3, 1:3], mask[1, 0] = 0, 0
    (tmp_path / "checkpoint").mkdir()
    assert gaussians.read_beside(str(tmp_path / "checkpoint" / "DCGAN-1"), 48) is None
    gaussians.write(gaussian, str(tmp_path / "checkpoint"))
    read = gaussians.read_beside(str(tmp_path / "checkpoint" / "DCGAN-1"), 48)
    np.testing.assert_allclose(read.factors, gaussian.factors, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(read.mean, gaussian.mean)
    assert read.noise == 0.3
    fills = gaussian.fills(y, mask)
    assert fills.dtype == np.float32 and fills.shape == y.shape and np.abs(fills).max() <= 1
    for i in range(2):
        known = np.broadcast_to(mask[i] == 1, y[i].shape)
        expected = gaussian.conditional_mean(y[i].reshape(1, -1), known.ravel())[0].clip(-1, 1)
        np.testing.assert_allclose(fills[i].ravel(), expected, atol=1e-6)


def with_gaussian(folder):
    """The checkpoint of `save_lively` with a Gaussian of other faces beside it."""
    checkpoint = save_lively(folder) / "checkpoint"
    x = np.random.default_rng(3).uniform(-1, 1, (30, 16 * 16 * 3)).astype(np.float32)
    gaussians.write(Gaussian.fit(x, 5, 0.5), str(checkpoint))
    return str(checkpoint)


def test_its_share_of_what_fills_a_hole(tmp_path):
    """Pasted, so that the hole shows the fill itself."""
    model = DCGAN.from_checkpoint(with_gaussian(tmp_path))
    images = np.random.default_rng(4).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    mask = np.ones((16, 16), np.float32)
    mask[4:12, 4:12] = 0
    likely = model.gaussian.fills(utils.to_float(images), mask[np.newaxis, ..., np.newaxis].repeat(
        5, axis=0))
    G = model.complete(images, mask, nIter=2, blend="paste").fills
    for share in (0.0, 0.4, 1.0):
        completion = model.complete(images, mask, nIter=2, blend="paste", gaussian=share)
        np.testing.assert_allclose(completion.fills, (1 - share) * G + share * likely, atol=1e-6)
        np.testing.assert_array_equal(
            completion.images[:, 4:12, 4:12], utils.to_uint8(completion.fills)[:, 4:12, 4:12])
    masks = np.stack([mask] + [mask * 0] * 4)  # its hole is a quarter of the width deep
    masks[1, :8] = 1
    masks[2, 12:] = 1  # three quarters deep
    masks[3, ::2, ::2] = 1  # three quarters are missing, none of them far from the rest
    # masks[4] knows nothing.
    likely = model.gaussian.fills(utils.to_float(images), masks[..., np.newaxis])
    G = model.complete(images, masks, nIter=2, blend="paste").fills
    completion = model.complete(images, masks, nIter=2, blend="paste", gaussian=0.6,
                                gaussianGrowth=0.9)
    share = np.reshape([0.6, 0.825, 1, 0.6, 0.6], (5, 1, 1, 1))
    np.testing.assert_allclose(completion.fills, (1 - share) * G + share * likely, atol=1e-6)
    # Of the means of blocks, it knows nothing.
    blocks = {"maskType": "lowres", "nIter": 2, "blend": "paste"}
    np.testing.assert_array_equal(
        model.complete(images, mask * 0, gaussian=0.5, **blocks).images,
        model.complete(images, mask * 0, **blocks).images)


def test_a_preset_takes_it_where_it_is(tmp_path, faces):
    picture = min(faces.glob("*.png"))
    for name, file in (("with", True), ("without", False)):
        (tmp_path / name).mkdir()
        checkpoint = (with_gaussian(tmp_path / name) if file
                      else save_lively(tmp_path / name) / "checkpoint")
        for out, flags in (("best", ()), ("none", ("--gaussian", 0))):
            result = run_here(
                "complete.py", picture, "--checkpointDir", checkpoint, "--preset", "best",
                "--nIter", 1, "--nCandidates", 2, "--outDir", out, *flags, cwd=tmp_path / name)
            assert result.returncode == 0, result.stderr
        images = [utils.read_image(str(tmp_path / name / out / "images" / picture.name))
                  for out in ("best", "none")]
        assert np.array_equal(*images) != file


def test_what_it_refuses(tmp_path, faces):
    def complete(checkpoint):
        return run_here("complete.py", faces, "--checkpointDir", checkpoint, "--gaussian", 0.3,
                        cwd=tmp_path)

    (tmp_path / "without").mkdir()
    assert_one_line_error(complete(save_lively(tmp_path / "without") / "checkpoint"),
                          "--gaussian 0.3", "gaussian.npz", "--components")
    checkpoint = with_gaussian(tmp_path)
    path = os.path.join(checkpoint, gaussians.NAME)
    gaussians.write(Gaussian(np.zeros(48), np.zeros((2, 48)), 0.5), checkpoint)
    assert_one_line_error(complete(checkpoint), path, "another picture size")
    with open(path, "wb") as file:
        file.write(b"PK half an archive")
    assert_one_line_error(complete(checkpoint), path)


def test_a_script_fits_it(tmp_path, faces):
    checkpoint = save_lively(tmp_path) / "checkpoint"
    fit = ("train-dcgan.py", "--dataset", faces, "--checkpoint_dir", checkpoint, "--components")
    result = run_here(*fit, 5, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"{checkpoint}/gaussian.npz" in result.stdout and "24 pictures" in result.stdout
    x = gaussians.read_faces(sorted(map(str, faces.glob("*.png"))), 16, 3)
    fitted = gaussians.read_beside(str(checkpoint / "DCGAN-0"), 768)
    np.testing.assert_allclose(fitted.mean, x.mean(axis=0), atol=1e-5)
    assert fitted.factors.shape == (5, 768)
    assert_one_line_error(run_here(*fit, 24, cwd=tmp_path), "--components 24", "at most 23")
    gaussians.write(Gaussian(np.zeros(48), np.zeros((2, 48)), 0.5), str(checkpoint))
    again = run_here(*fit, 5, cwd=tmp_path)  # which is what an error of another size advises
    assert again.returncode == 0, again.stderr
    assert gaussians.read_beside(str(checkpoint / "DCGAN-0"), 768).factors.shape == (5, 768)
    (checkpoint / "gaussian.npz").write_text("mine")
    assert_one_line_error(run_here(*fit, 5, cwd=tmp_path), "gaussian.npz")
    assert (checkpoint / "gaussian.npz").read_text() == "mine"


def test_pictures_that_cannot_be_read_are_named(tmp_path, capsys):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(UserError, match="no picture could be read"):
        gaussians.read_faces([str(broken)], 4, 3)
    assert str(broken) in capsys.readouterr().err
    wide = np.zeros((4, 12, 3), np.uint8)
    wide[:, :4] = 255
    utils.save_image(str(tmp_path / "wide.png"), wide)
    cut, squeezed = (gaussians.read_faces([str(tmp_path / "wide.png")], 4, 3, crop)
                     for crop in (True, False))
    assert cut.max() < 0 < squeezed.max()
