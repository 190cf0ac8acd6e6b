"""complete.py as a user runs it: what it writes, and how it refuses."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import (
    ROOT,
    SHARED,
    assert_one_line_error,
    draw_faces,
    load_script,
    needs_shared,
    run_here,
    run_script,
    save_lively,
)
from PIL import Image, ImageSequence

import utils
from dcgan.inpainting.losses import PRIORS
from dcgan.inpainting.masks import MASKS
from dcgan.inpainting.presets import PRESETS
from dcgan.machine import cpu
from model import DCGAN

pytestmark = pytest.mark.slow
FAST = ("--nIter", 5, "--outInterval", 2)


def complete(trained, cwd, *arguments, images, run=run_here):
    return run("complete.py", *images, "--checkpointDir", trained / "checkpoint", *arguments,
               cwd=cwd)


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def test_faces(tmp_path_factory):
    return draw_faces(tmp_path_factory.mktemp("test_faces"), 5, seed=9)


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    return save_lively(tmp_path_factory.mktemp("lively"))


@pytest.fixture(scope="module")
def completed(lively, test_faces, tmp_path_factory):
    """The folder after completing five faces in batches of two."""
    folder = tmp_path_factory.mktemp("completed")
    result = complete(
        lively, folder, *FAST, "--batchSize", 2, images=[test_faces], run=run_script)
    assert result.returncode == 0, result.stderr
    assert "5 completed: completions/images" in result.stdout
    return folder / "completions"


def test_files_of_the_first_batch_have_the_published_names(completed):
    iterations = ["0000.png", "0002.png", "0004.png", "0005.png"]
    for name in ("completed", "hats_imgs"):
        assert sorted(os.listdir(completed / name)) == iterations
    assert {"before.png", "masked.png", "completion.gif"} <= set(os.listdir(completed))
    assert not (completed / "lowres.png").exists()
    with Image.open(completed / "completion.gif") as gif:
        shown = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        assert sum(shown) == 400  # frames that are alike are one, shown for longer
    assert read(completed / "before.png").shape == (16, 32, 3)


def test_later_batches_have_folders_of_their_own(completed, test_faces):
    for folder, names in (("", "01"), ("batch_01", "23"), ("batch_02", "4")):
        faces = [read(test_faces / f"face_{i}.png") for i in names]
        np.testing.assert_array_equal(read(completed / folder / "before.png"), np.hstack(faces))
        result = [read(completed / "images" / f"face_{i}.png") for i in names]
        np.testing.assert_array_equal(
            read(completed / folder / "completed" / "0005.png"), np.hstack(result))


def test_known_pixels_are_the_inputs_and_the_hole_is_g(completed, test_faces):
    known = np.ones((16, 16), bool)
    known[4:12, 4:12] = False
    hats = read(completed / "hats_imgs" / "0005.png")
    masked = read(completed / "masked.png")
    for i in range(2):
        face = read(test_faces / f"face_{i}.png")
        result = read(completed / "images" / f"face_{i}.png")
        np.testing.assert_array_equal(result[known], face[known])
        np.testing.assert_array_equal(result[~known], hats[:, 16 * i:16 * (i + 1)][~known])
        np.testing.assert_array_equal(masked[:, 16 * i:16 * (i + 1)][known], face[known])
        assert np.ptp(masked[:, 16 * i:16 * (i + 1)][~known]) == 0


def test_logs_have_every_iteration_of_every_image(completed):
    assert sorted(os.listdir(completed / "logs")) == [f"hats_{i:02d}.log" for i in range(5)]
    log = np.loadtxt(completed / "logs" / "hats_03.log", skiprows=1)
    assert log.shape == (6, 2 + 10)
    np.testing.assert_array_equal(log[:, 0], range(6))
    assert np.abs(log[:, 2:]).max() <= 1


def test_a_seed_makes_the_same_pictures_again(completed, lively, test_faces, tmp_path):
    for folder, seed, size in (("again", 0, 2), ("other batches", 0, 5), ("other seed", 1, 2)):
        result = complete(lively, tmp_path, *FAST, "--seed", seed, "--outDir", folder,
                          "--batch_size", size, images=[test_faces])
        assert result.returncode == 0, result.stderr
    for i in range(5):
        name = f"images/face_{i}.png"
        image = read(completed / name)
        np.testing.assert_array_equal(read(tmp_path / "again" / name), image)
        # A batch of another size sums in another order.
        difference = read(tmp_path / "other batches" / name).astype(int) - image
        assert np.abs(difference).max() <= 1
        assert np.abs(read(tmp_path / "other seed" / name).astype(int) - image).max() > 20


@pytest.mark.parametrize("approach,settings", [
    ("momentum", ["--lr", 0.01]), ("adam", ["--lr", 0.1]),
    ("hmc", ["--hmcBeta", 1, "--hmcEps", 0.05, "--hmcL", 5])])
def test_every_approach_lowers_the_loss(lively, test_faces, tmp_path, approach, settings):
    result = complete(lively, tmp_path, "--nIter", 30, "--outInterval", 30, "--approach",
                      approach, *settings, "--outDir", "out", images=[test_faces])
    assert result.returncode == 0, result.stderr
    for i in range(5):
        log = np.loadtxt(tmp_path / "out" / "logs" / f"hats_{i:02d}.log", skiprows=1)
        assert log[:, 1].min() < log[0, 1] - 1  # hmc goes up at times


def test_the_result_is_the_best_iterate_unless_the_last_is_wanted(lively, test_faces, tmp_path):
    """With steps so large that the search jumps about."""
    wild = ("--approach", "adam", "--lr", 1, "--nIter", 9)
    for folder, flag in (("best", "--keepBest"), ("last", "--no-keepBest")):
        result = complete(lively, tmp_path, *wild, flag, "--outDir", folder, images=[test_faces])
        assert result.returncode == 0, result.stderr
    model = DCGAN.from_checkpoint(str(lively / "checkpoint"))
    differ = 0
    for i in range(5):
        log = np.loadtxt(tmp_path / "best" / "logs" / f"hats_{i:02d}.log", skiprows=1)
        best = log[:, 1].argmin()
        differ += best != 9
        for folder, row in (("best", best), ("last", 9)):
            G = utils.to_uint8(model.generator(log[row:row + 1, 2:].astype(np.float32)))[0]
            image = read(tmp_path / folder / "images" / f"face_{i}.png").astype(int)
            assert np.abs(image - G)[4:12, 4:12].max() <= 1
    assert differ, "the case must tell the two apart"


def test_tol_ends_a_search_early(lively, test_faces, tmp_path):
    for interval in (25, 10):
        result = complete(
            lively, tmp_path, "--tol", 0.2, "--nIter", 80, "--outInterval", interval, "--outDir",
            f"out{interval}", images=[test_faces])
        assert result.returncode == 0, result.stderr
    lengths = []
    for i in range(5):
        log = np.loadtxt(tmp_path / "out25" / "logs" / f"hats_{i:02d}.log", skiprows=1)
        np.testing.assert_array_equal(log[:, 0], np.arange(len(log)))
        assert len(log) % 25 == 1, "a search ends with what the last chunk has led to"
        lengths.append(len(log))
        name = f"images/face_{i}.png"  # when it is looked at does not change the result
        difference = read(tmp_path / "out25" / name).astype(int) - read(tmp_path / "out10" / name)
        assert np.abs(difference).max() <= 1
    assert max(lengths) < 81
    last = sorted(os.listdir(tmp_path / "out25" / "completed"))[-1]
    assert last == f"{max(lengths) - 1:04d}.png"


@pytest.mark.parametrize("flags,tol,patience", [
    ((), 0.01, 100), (("--tol", "0.2"), 0.2, 20), (("--patience", "7"), 0.01, 7),
    (("--tol", "0"), 0, 20), (("--preset", "article"), 0, 20), (("--preset", "best"), 0, 20),
    (("--approach", "adam"), 0, 20), (("--schedule", "cosine"), 0, 20)])
def test_only_the_plain_search_stops_by_itself(flags, tol, patience):
    config = load_script("complete.py").parse_args(["x", *flags])
    assert (config.tol, config.patience) == (tol, patience)


def test_patience_is_how_long_a_search_waits(lively, test_faces, tmp_path):
    lengths = []
    for patience in (5, 30):
        result = complete(lively, tmp_path, "--tol", 0.5, "--patience", patience, "--nIter", 60,
                          "--outInterval", 1, images=[test_faces])
        assert result.returncode == 0, result.stderr
        lengths.append([sum(1 for _ in open(tmp_path / "completions" / "logs" / f"hats_0{i}.log"))
                        for i in range(5)])
    assert all(short < long < 61 for short, long in zip(*lengths)), lengths


@pytest.mark.parametrize("init", ["best", "regression"])
def test_a_bank_gives_better_starts(lively, test_faces, tmp_path, init):
    losses = []
    for arguments in ((), ("--nInit", 100, "--initBy", init)):
        result = complete(lively, tmp_path, "--nIter", 0, *arguments, images=[test_faces])
        assert result.returncode == 0, result.stderr
        losses.append(np.mean([np.loadtxt(tmp_path / f"completions/logs/hats_{i:02d}.log",
                                          skiprows=1, ndmin=2)[0, 1] for i in range(5)]))
    assert losses[1] < 0.99 * losses[0]


def test_presets_set_what_is_not_set(monkeypatch):
    script = load_script("complete.py")
    for name, preset in PRESETS.items():
        for has in (True, False):
            monkeypatch.setattr(cpu, "has_bfloat16", lambda has=has: has)
            expected = preset if has else preset | {"precision": "float32"}
            assert expected.items() <= script.parse_args(["x", "--preset", name]).flags().items()
    config = script.parse_args(["x", "--preset", "fast", "--nIter", "7", "--lr", "0.3"])
    assert (config.nIter, config.lr, config.approach) == (7, 0.3, "adam")
    # The preset's step size is Adam's.
    assert script.parse_args(["x", "--preset", "fast", "--approach", "momentum"]).lr == 0.0001
    article = script.parse_args(["x", "--preset", "article"])
    assert (article.approach, article.lr, article.momentum, article.nIter, article.lam,
            article.nInit, article.keepBest) == ("momentum", 0.01, 0.9, 1000, 0.1, 1, False)


def test_the_fast_preset_runs(lively, test_faces, tmp_path):
    result = complete(lively, tmp_path, "--preset", "fast", images=[test_faces])
    assert result.returncode == 0, result.stderr
    assert "remapper failed" not in result.stderr
    log = np.loadtxt(tmp_path / "completions/logs/hats_00.log", skiprows=1)
    assert log[-1, 1] < log[0, 1]


@pytest.mark.parametrize("mask", MASKS)
def test_masks(trained, test_faces, tmp_path, mask):
    result = complete(trained, tmp_path, "--nIter", 1, "--maskType", mask, images=[test_faces])
    assert result.returncode == 0, result.stderr
    out = tmp_path / "completions"
    assert (out / "lowres.png").exists() == (mask == "lowres")
    assert (out / "hats_imgs" / "0000.lowres.png").exists() == (mask == "lowres")
    if mask == "full":
        face = read(test_faces / "face_0.png")
        np.testing.assert_array_equal(read(out / "images" / "face_0.png"), face)


def test_grey(test_faces, tmp_path):
    """Colour pictures through a grey network: every picture written is grey."""
    save_lively(tmp_path, c_dim=1)
    result = complete(tmp_path, tmp_path, *FAST, "--maskType", "lowres", images=[test_faces])
    assert result.returncode == 0, result.stderr
    written = list((tmp_path / "completions").rglob("*.png"))
    assert len(written) == 3 + 3 * 4 + 5
    for path in written:
        with Image.open(path) as image:
            assert image.mode == "L"


def test_inputs_of_one_name_bad_files_and_other_sizes(trained, tmp_path):
    one, other = draw_faces(tmp_path / "one", 1), draw_faces(tmp_path / "other", 2, size=40, seed=3)
    (tmp_path / "one" / "text.png").write_text("not a picture")
    result = complete(trained, tmp_path, *FAST, images=[one, other / "face_0.png", other])
    assert result.returncode == 0, result.stderr
    assert "text.png: not an image; skipped" in result.stderr
    assert sorted(os.listdir(tmp_path / "completions" / "images")) == [
        "face_0-2.png", "face_0-3.png", "face_0.png", "face_1.png"]
    assert read(tmp_path / "completions" / "images" / "face_1.png").shape == (16, 16, 3)


def test_a_second_run_writes_its_logs_anew(trained, test_faces, tmp_path):
    for _ in range(2):
        result = complete(trained, tmp_path, *FAST, images=[test_faces / "face_0.png"])
        assert result.returncode == 0, result.stderr
    assert len(np.loadtxt(tmp_path / "completions/logs/hats_00.log", skiprows=1)) == 6


def test_help_names_masks_and_defaults(tmp_path):
    result = run_script("complete.py", "--help", cwd=tmp_path)
    assert result.returncode == 0
    words = " ".join(result.stdout.split())
    assert "grid: every fourth pixel of every fourth row known" in words
    assert all(f"{name}: " in words for name in (*MASKS, *PRIORS))
    assert "iterations (default: 1000)" in words


# Bad input


@pytest.mark.parametrize("arguments,words", [
    (["--centerScale", "0.7"], ["complete.py: error: --centerScale 0.7: must be between 0"]),
    (["--nIter", "-1"], ["--nIter -1: must be at least 0"]),
    (["--lr", "nan"], ["--lr nan: must be a finite number"]),
    (["--maskType", "round"], ["--maskType", "round", "center"]),
    (["--approach", "sgd"], ["--approach", "sgd", "momentum"]),
    (["--window", "4"], ["--window 4: must be odd"]),
    (["--region", "1,2,3"], ["--region 1,2,3: must be x,y,w,h"]),
    (["--region", "1,2,0,4"], ["--region 1,2,0,4: must be x,y,w,h"]),
    (["--maskColor", "white"], ["--maskColor white: must be a colour"]),
    (["--video", "x.avi"], ["--video x.avi: must be a name that ends in .mp4"]),
    (["--fraction", "1.5"], ["--fraction 1.5: must be"]),
    (["--mask", "m.png", "--maskFromAlpha"], ["--mask and --maskFromAlpha: cannot be combined"]),
    (["--mask", "m.png", "--maskType", "left"], ["--mask and --maskType: cannot be combined"]),
    (["--landmarks", "l.csv"], ["--landmarks l.csv: works only with --align; add --align or drop"]),
    (["--maskTolerance", "3"], ["--maskTolerance 3: works only with --maskColor"]),
    (["--truth", "t"], ["--truth t: works only with --mask, --maskFromAlpha or --maskColor"]),
    (["--align", "--faces", "all", "--landmarks", "l.csv"], ["--faces all: cannot be combined"]),
    (["--align", "--region", "1,1,2,2"], ["--align and --region: cannot be combined; drop"]),
    (["--deeperTo", "8"], ["--deeperTo 8: works only with --deeper; add --deeper or drop"]),
    (["--init", "nowhere.npz"], ["--init nowhere.npz: no such file"])])
def test_a_bad_flag(tmp_path, arguments, words):
    assert_one_line_error(run_script("complete.py", "a.png", *arguments, cwd=tmp_path), *words)


def test_a_flag_with_its_default_value_may_stand_without_the_other():
    """Or flags that a program makes of recorded settings would be refused."""
    words = ["x", "--faces", "largest", "--maskTolerance", "8", "--deeperTo", "16"]
    parse = load_script("complete.py").parse_args
    assert parse(words) == parse(["x"])


def test_missing_empty_and_unreadable_input(trained, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("not a picture")
    for name, words in (("nowhere", "nowhere: no such file or folder"),
                        ("empty", "empty: no pictures found"),
                        ("text.png", "no picture could be completed")):
        assert_one_line_error(complete(trained, tmp_path, images=[name]), words)


def test_a_missing_or_corrupt_checkpoint(trained, test_faces, tmp_path):
    result = run_here("complete.py", test_faces, "--checkpointDir", "nowhere", cwd=tmp_path)
    assert_one_line_error(result, "no checkpoint in nowhere")
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "DCGAN-1.index").write_bytes(b"garbage" * 100)
    result = run_here("complete.py", test_faces, cwd=tmp_path)
    assert_one_line_error(result, "checkpoint/DCGAN-1 is damaged")
    assert sorted(os.listdir(tmp_path)) == ["checkpoint"]


def test_an_out_dir_that_cannot_be_written(trained, test_faces, tmp_path):
    (tmp_path / "file").touch()
    result = complete(trained, tmp_path, "--outDir", "file/out", images=[test_faces])
    assert_one_line_error(result, "--outDir file/out: cannot write there")


def test_an_image_size_that_is_not_the_checkpoints(trained, test_faces, tmp_path):
    result = complete(trained, tmp_path, "--imgSize", 64, images=[test_faces])
    assert_one_line_error(result, "--imgSize 64", "was made for --imgSize 16")


@needs_shared
def test_the_reference_checkpoint_completes_a_face(tmp_path):
    """Adam's completion of unseen faces comes closer to them than the mean of what is known."""
    names = sorted(os.listdir(SHARED / "faces" / "test"))[::70]
    images = [SHARED / "faces" / "test" / name for name in names]
    result = run_here("complete.py", *images, "--checkpointDir", SHARED / "reference-checkpoint",
                        "--approach", "adam", "--lr", 0.1, "--nIter", 60, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    hole = np.zeros((64, 64), bool)
    hole[16:48, 16:48] = True
    errors, baseline = [], []
    for image, name in zip(images, names):
        truth = read(image).astype(float)
        fill = read(tmp_path / "completions" / "images" / name).astype(float)
        errors.append(np.abs(fill - truth)[hole].mean())
        baseline.append(np.abs(truth[~hole].mean(axis=0) - truth)[hole].mean())
    assert np.mean(errors) < 0.75 * np.mean(baseline)


# What comes with the program


def test_a_newcomers_first_faces(tmp_path):
    """docs/samples, by the network in pretrained/, where there is no other."""
    result = run_script("complete.py", ROOT / "docs" / "samples", "--preset", "fast", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("no checkpoint in checkpoint: using the face network in ")
    with open(tmp_path / "completions" / "results.csv") as file:
        psnr = [float(row["psnr"]) for row in csv.DictReader(file)]
    assert len(psnr) == 8 and np.mean(psnr) > 22  # OpenCV's inpainting: under 20
    assert sum(path.stat().st_size for path in (ROOT / "pretrained").glob("DCGAN*")) < 20e6
    assert (ROOT / "pretrained" / "gaussian.npz").stat().st_size < 1e7


def test_a_closed_stderr_is_none_of_its_business(tmp_path, lively, three_faces):
    """As cron and daemons leave it."""
    result = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, ROOT / "complete.py", three_faces,
         "--checkpointDir", lively / "checkpoint", "--nIter", "1", "--outDir", "out"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True, timeout=240)
    assert result.returncode == 0 and result.stdout.startswith("3 completed"), result.stdout
