"""What holds for every script, and the two that have no file of tests of their own."""

import importlib.util
import time

import numpy as np
import pytest
from conftest import ROOT, assert_one_line_error, run_script
from PIL import Image
from scipy import stats

SCRIPTS = ("train-dcgan.py", "complete.py", "align.py", "simple-distributions.py",
           "demo/draw_faces.py", "benchmarks/search.py")


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_there_at_once(script, tmp_path):
    start = time.monotonic()
    result = run_script(script, "--help", cwd=tmp_path)
    assert result.returncode == 0 and "usage:" in result.stdout
    assert time.monotonic() - start < 2.5, "TensorFlow is waited for"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_mistyped_flag_is_one_line(script, tmp_path):
    assert_one_line_error(run_script(script, "x", "--mistyped", cwd=tmp_path))


def load(script):
    spec = importlib.util.spec_from_file_location("script", ROOT / script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_simple_distributions(tmp_path):
    names = ("normal-pdf.png", "normal-samples.png", "normal-2d.png", "normal-2d-max.png")
    pictures = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        result = run_script("simple-distributions.py", "--outDir", folder, "--seed", seed,
                            cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        pictures.append({})
        for name in names:
            with Image.open(tmp_path / folder / name) as picture:
                pictures[-1][name] = np.asarray(picture.convert("RGB"))
    for name in names:
        np.testing.assert_array_equal(pictures[0][name], pictures[1][name])
        assert np.ptp(pictures[0][name]) > 100  # something is drawn
        differs = (pictures[0][name] != pictures[2][name]).any()
        assert differs == (name in ("normal-samples.png", "normal-2d.png"))


def test_the_most_likely_y_maximises_the_density():
    module = load("simple-distributions.py")
    density = stats.multivariate_normal(module.MEAN, module.COVARIANCE)
    ys = np.linspace(-4, 4, 80001)
    best = ys[np.argmax(density.pdf(np.stack([np.full_like(ys, 1.0), ys], axis=1)))]
    assert module.most_likely_y(1.0) == pytest.approx(best, abs=1e-4)


def test_drawn_faces_are_many_and_repeatable(tmp_path):
    for folder in "ab":
        result = run_script("demo/draw_faces.py", folder, "--count", 3, "--size", 32, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    faces = {folder: [np.asarray(Image.open(tmp_path / folder / f"face_{i:06d}.png"))
                      for i in range(3)] for folder in "ab"}
    np.testing.assert_array_equal(faces["a"], faces["b"])
    assert faces["a"][0].shape == (32, 32, 3)
    assert np.abs(faces["a"][0].astype(int) - faces["a"][1]).mean() > 5
