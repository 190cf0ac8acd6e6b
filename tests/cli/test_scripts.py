"""What holds for every script, and the two that have no file of tests of their own."""

import csv
import json
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import (
    ROOT,
    TINY,
    assert_one_line_error,
    draw_faces,
    load_script,
    needs_chromium,
    run_here,
    run_script,
    save_lively,
)
from PIL import Image
from scipy import stats
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dcgan.metrics import psnr, ssim
from model import DCGAN

pytestmark = pytest.mark.slow
SCRIPTS = ("train-dcgan.py", "complete.py", "align.py", "simple-distributions.py",
           "demo/draw_faces.py", "demo/paint_over.py", "demo/show.py", "demo/show_photos.py",
           "benchmarks/search.py", "benchmarks/quality.py", "benchmarks/bench.py",
           "benchmarks/layers.py", "demo/sample.py", "benchmarks/fuzz.py", "demo/screenshots.py",
           "benchmarks/deviations.py", "demo/measure.py", "paint/serve.py",
           "demo/paint_pictures.py", "benchmarks/page.py", "benchmarks/calls.py",
           "benchmarks/photographs.py", "pretrained/landmarks.py", "benchmarks/startup.py",
           "benchmarks/many.py")
# These hand flags that they do not know to train-dcgan.py.
TRAINERS = ("benchmarks/kills.py", "benchmarks/dataset.py", "benchmarks/scaling.py")


@pytest.mark.parametrize("script", [*SCRIPTS, *TRAINERS])
def test_help_is_there_at_once(script, tmp_path):
    result = run_script(script, "--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0 and "usage:" in result.stdout
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"tensorflow", "matplotlib", "scipy", "dlib"}


@pytest.mark.parametrize("script", [
    "train-dcgan.py", "complete.py", "align.py", "simple-distributions.py", "paint/serve.py"])
def test_python_without_docstrings_and_without_the_scripts_folder_in_its_path(script, tmp_path):
    for switches in (["-OO"], ["-P"], ["-I"]):
        result = subprocess.run([sys.executable, *switches, ROOT / script, "--help"], cwd=tmp_path,
                                text=True, capture_output=True, timeout=240)
        assert result.returncode == 0 and "usage:" in result.stdout, result.stderr


@pytest.mark.parametrize("script", ["complete.py", "train-dcgan.py"])
def test_keras_is_not_imported(script, lively, faces, tmp_path):
    """Nothing uses it; it imports matplotlib, and takes a quarter of the time of TensorFlow."""
    flags = {"complete.py": (faces, "--checkpointDir", lively, "--nIter", 1),
             "train-dcgan.py": ("--dataset", faces, *TINY, "--max_steps", 1)}[script]
    result = run_script(script, *flags, "--log_dir", "logs", cwd=tmp_path,
                        PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0, result.stderr[-1000:]
    assert "_hparams_/session_start_info" in EventAccumulator(
        str(tmp_path / "logs")).Reload().Tags()["tensors"]
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "tensorflow" in imported
    assert not imported & {"keras", "tf_keras", "matplotlib"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_mistyped_flag_is_one_line(script, tmp_path):
    assert_one_line_error(run_script(script, "x", "--mistyped", cwd=tmp_path))


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
    module = load_script("simple-distributions.py")
    density = stats.multivariate_normal(module.MEAN, module.COVARIANCE)
    ys = np.linspace(-4, 4, 80001)
    best = ys[np.argmax(density.pdf(np.stack([np.full_like(ys, 1.0), ys], axis=1)))]
    assert module.most_likely_y(1.0) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("flags", [(), ("--calm",)])
def test_drawn_faces_are_many_and_repeatable(tmp_path, flags):
    for folder in "ab":
        result = run_script("demo/draw_faces.py", folder, "--count", 3, "--size", 32, *flags,
                            cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    faces = {folder: [np.asarray(Image.open(tmp_path / folder / f"face_{i:06d}.png"))
                      for i in range(3)] for folder in "ab"}
    np.testing.assert_array_equal(faces["a"], faces["b"])
    assert faces["a"][0].shape == (32, 32, 3)
    assert np.abs(faces["a"][0].astype(int) - faces["a"][1]).mean() > 5


def test_show_stacks_hidden_shown_and_completed(tmp_path):
    rng = np.random.default_rng(0)
    grids = {name: rng.integers(0, 256, (32, 128, 3), dtype=np.uint8)
             for name in ("before.png", "masked.png", "completed/0000.png", "completed/0010.png")}
    (tmp_path / "completed").mkdir()
    for name, grid in grids.items():
        Image.fromarray(grid).save(tmp_path / name)
    result = run_script("demo/show.py", "out.png", ".", "--count", 3, "--scale", 1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    names = ("before.png", "masked.png", "completed/0010.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")),
                                  np.vstack([grids[name][:16, :48] for name in names]))


def test_measure_compares_completions_with_interpolation(tmp_path):
    save_lively(tmp_path)
    faces = draw_faces(tmp_path / "faces", 3)
    result = run_here("complete.py", "faces", "--outDir", "out", "--nIter", 1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with open(tmp_path / "out" / "results.csv") as file:
        rows = list(csv.DictReader(file))
    truth = np.stack([np.asarray(Image.open(path)) for path in sorted(faces.glob("*.png"))])
    hole = np.zeros((16, 16), np.uint8)
    hole[4:12, 4:12] = 1
    expected = [[np.mean([float(row[name]) for row in rows]) for name in ("psnr", "ssim")]]
    for method in (cv2.INPAINT_TELEA, cv2.INPAINT_NS):
        filled = np.stack([cv2.inpaint(image * (1 - hole[..., np.newaxis]), hole, 3, method)
                           for image in truth])
        expected.append([f(filled, truth, hole == 1).mean() for f in (psnr, ssim)])
    result = run_script("demo/measure.py", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    title, *lines = result.stdout.splitlines()
    assert "of 3 faces" in title
    assert [line[:22].strip() for line in lines] == ["DCGAN", "OpenCV, Telea",
                                                     "OpenCV, Navier-Stokes"]
    for line, figures in zip(lines, expected):
        assert line.split()[-2:] == [f"{figures[0]:.2f}", f"{figures[1]:.3f}"]
    assert_one_line_error(run_script("demo/measure.py", "nowhere", cwd=tmp_path), "nowhere")


def test_quality_has_every_method_of_every_mask(tmp_path):
    save_lively(tmp_path)
    draw_faces(tmp_path / "faces", 3)
    result = run_here("benchmarks/quality.py", "faces", "--count", 2, "--search", "--nIter 2",
                      "--maskType", "center", "pattern", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    tables = [table.splitlines() for table in result.stdout.split("\n\n| method")][1:]
    assert len(tables) == 2
    for table in tables:
        rows = [line.strip("| ").split(" | ") for line in table[2:] if line.startswith("|")]
        assert [row[0] for row in rows][:2] == ["OpenCV Telea", "OpenCV Navier-Stokes"]
        assert rows[-1][0] == "`--preset best`" and len(rows) == 13
        assert all(np.isfinite(float(figure)) for row in rows for figure in row[1:])
        by_label = {row[0]: row[1:] for row in rows}
        assert by_label["G(z), paste (the article)"] != by_label["G(z), Poisson"]
    assert "center mask, 2 pictures" in result.stdout
    result = run_here("benchmarks/quality.py", "faces", "--count", 2, "--maskType", "center",
                      "--only", "preset fast", cwd=tmp_path)
    rows = [line for line in result.stdout.splitlines() if line.startswith("| ")]
    assert [row[2:17] for row in rows[2:]] == ["`--preset fast`"]


def test_deviations_are_what_the_article_does(tmp_path):
    """The batch's mean changes no result; the batch's statistics change each."""
    save_lively(tmp_path)
    draw_faces(tmp_path / "faces", 10)
    result = run_here("benchmarks/deviations.py", "faces", "--count", 10, "--search", "--nIter 4",
                      cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    ours, mean, statistics = ([float(figure) for figure in line.strip("| ").split(" | ")[2:]]
                              for line in result.stdout.splitlines()[2:])
    assert ours == mean and ours[2] < statistics[2] and ours[0] != statistics[0]


@needs_chromium
def test_screenshots_of_a_page_and_of_tensorboard(trained, tmp_path):
    pytest.importorskip("playwright.sync_api", reason="make test installs it")
    (tmp_path / "page.html").write_text("<body style='background: rgb(10, 200, 30)'>")
    result = run_script("demo/screenshots.py", "out", "--page", "page.html", "--width", 300,
                        "--height", 200, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "out" / "page.png") as picture:
        assert picture.size == (300, 200)
        assert picture.convert("RGB").getpixel((150, 100)) == (10, 200, 30)
    result = run_script("demo/screenshots.py", "out", "--logdir", trained / "logs", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    pages = {path.name: len(Image.open(path).getcolors()) for path in (tmp_path / "out").iterdir()
             if path.name.startswith("tensorboard-")}
    assert len(pages) == 5 and min(pages.values()) > 20, pages
    for flag in ("--page", "--logdir"):
        assert_one_line_error(run_script("demo/screenshots.py", "out", flag, "nowhere",
                                         cwd=tmp_path), f"{flag} nowhere: no such file or folder")


def test_bench_counts_operations():
    """163.0 M multiply-adds per image through G and 162.2 M through D, at 64 pixels."""
    bench = load_script("benchmarks/steps.py")
    model = DCGAN()
    assert bench.operations("train", model) == pytest.approx(332.8e9, rel=1e-3)
    assert bench.operations("search", model) == pytest.approx(83.3e9, rel=1e-3)
    one = DCGAN(batch_size=1, image_size=8, gf_dim=2, df_dim=4, z_dim=5, c_dim=1)
    G = 5 * 16 * 2 + 16 * 25 * 2 * 1
    D = 16 * 25 * 1 * 4 + 16 * 4 * 1
    assert bench.operations("train", one) == 2 * (6 * G + 10 * D)


def test_a_row_of_the_bench_ends_with_its_seconds(tmp_path):
    result = run_script("benchmarks/bench.py", "--only", "search-float32-batch2-size8", "--json",
                        "row.json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with open(tmp_path / "row.json") as file:
        row = json.load(file)["rows"]["search-float32-batch2-size8"]
    assert 0 < float(result.stdout.splitlines()[-1]) == row["seconds"]


def test_a_row_that_the_bench_does_not_have(tmp_path):
    assert_one_line_error(run_script("benchmarks/bench.py", "--only", "train-jax", cwd=tmp_path),
                          "--only train-jax", "matmul-float32")


def test_search_compares_what_complete_takes(tmp_path):
    save_lively(tmp_path)
    draw_faces(tmp_path / "faces", 3)
    result = run_script("benchmarks/search.py", "faces", "--count", 2, "--iterations", 0, 2,
                        "--search", "--nIter 4", "--preset fast --nIter 4", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert [row[-5] for row in rows] == ["0", "2", "4"] * 2
    assert all(np.isfinite(float(figure)) for row in rows for figure in row[-4:])


def test_the_benchmarks_search_from_the_z_of_the_seed(tmp_path):
    """With the loss of complete.py, and another for another seed."""
    save_lively(tmp_path)
    draw_faces(tmp_path / "faces", 2)
    flags = [f"--nIter 4 --lam 500 --seed {seed}" for seed in (0, 7)]
    result = run_here("benchmarks/search.py", "faces", "--search", *flags, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    losses = [line.split()[-3] for line in result.stdout.splitlines()[1:]]
    assert losses[0] != losses[1]
    for flag, loss in zip(flags, losses):
        result = run_here("complete.py", "faces", "--checkpointDir", "checkpoint", "--outDir",
                          "out", *flag.split(), cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        with open(tmp_path / "out" / "results.csv") as file:
            rows = list(csv.DictReader(file))
        assert f"{np.mean([float(row['loss']) for row in rows]):.0f}" == loss
    outputs = [run_here("benchmarks/quality.py", "faces", "--maskType", "center", "--only",
                        "preset fast", "--seed", seed, cwd=tmp_path).stdout for seed in (0, 7)]
    one, other = (re.search("`--preset fast`.*", output)[0] for output in outputs)
    assert one != other
