"""train-dcgan.py as a user runs it: what it writes, how it goes on, and how it refuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT, assert_one_line_error, draw_faces, run_script
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TINY = ("--image_size", 16, "--batch_size", 8, "--gf_dim", 4, "--df_dim", 4, "--z_dim", 10)


def checkpoints(folder):
    return sorted(p.name for p in (folder / "checkpoint").glob("*.index"))


def variable(folder, name="variables/generator.Sg_h1.Sw"):
    return tf.train.load_variable(
        str(folder / "checkpoint"), f"{name}/.ATTRIBUTES/VARIABLE_VALUE")


def events(folder):
    accumulator = EventAccumulator(str(folder / "logs"), size_guidance={"tensors": 0})
    return accumulator.Reload()


def test_it_writes_checkpoints_samples_and_says_where(trained):
    # 24 pictures in batches of 8, two epochs: 6 steps. Saved every 2, two kept.
    assert checkpoints(trained) == ["DCGAN-4.index", "DCGAN-6.index"]
    assert sorted(os.listdir(trained / "samples")) == [
        "train_00_0000.png", "train_00_0002.png", "train_01_0002.png"]
    with Image.open(trained / "samples" / "train_00_0000.png") as grid:
        assert grid.size == (8 * 16, 8 * 16)
    assert "6 steps done: checkpoint checkpoint/DCGAN-6" in (trained / "stdout").read_text()


def test_tensorboard_has_every_step_under_the_original_tags(trained):
    accumulator = events(trained)
    tags = accumulator.Tags()["tensors"]
    for tag in ("d_loss", "d_loss_real", "d_loss_fake", "g_loss", "accuracy/real",
                "accuracy/fake", "images_per_second"):
        assert [event.step for event in accumulator.Tensors(tag)] == [1, 2, 3, 4, 5, 6]
        assert np.isfinite(
            [tf.make_ndarray(event.tensor_proto) for event in accumulator.Tensors(tag)]).all()
    for tag in ("z", "d", "d_"):
        assert [event.step for event in accumulator.Tensors(tag)] == [2, 4, 6]
    assert "G" in tags and accumulator.Tags()["graph"]
    d_loss, real, fake = (
        np.array([tf.make_ndarray(e.tensor_proto) for e in accumulator.Tensors(tag)])
        for tag in ("d_loss", "d_loss_real", "d_loss_fake"))
    np.testing.assert_allclose(d_loss, real + fake, rtol=1e-5)


def test_a_real_tensorboard_shows_the_tags(trained):
    process = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", "--logdir", trained / "logs", "--port", "0",
         "--host", "127.0.0.1"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        line = next(line for line in process.stderr if "http://" in line)
        address = line.partition("(Press")[0].rpartition(" at ")[2].strip()

        def get(path):
            with urllib.request.urlopen(address + path, timeout=10) as response:
                return json.load(response)

        deadline = time.monotonic() + 60
        while not get("data/plugin/scalars/tags") and time.monotonic() < deadline:
            time.sleep(0.5)
        assert {"d_loss", "g_loss", "d_loss_real", "d_loss_fake"} <= set(
            get("data/plugin/scalars/tags")["."])
        assert {"z", "d", "d_"} <= set(get("data/plugin/histograms/tags")["."])
        assert "G" in get("data/plugin/images/tags")["."]
        assert get("data/plugin/graphs/info")["."]["run_graph"]
    finally:
        process.terminate()
        process.wait()


def test_it_goes_on_where_it_stopped(trained, faces, tmp_path):
    """Stopped after 4 of 6 steps and started again, it ends with the weights of one run."""
    run = ("train-dcgan.py", "--dataset", faces, "--epoch", 2)
    first = run_script(*run, *TINY, "--max_steps", 4, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert checkpoints(tmp_path) == ["DCGAN-4.index"]
    assert (tmp_path / "samples" / "train_01_0000.png").exists()  # the last step's, in any case
    # The sizes come from the checkpoint.
    second = run_script(*run, "--batch_size", 8, cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert "going on from checkpoint/DCGAN-4 at step 4" in second.stdout
    assert checkpoints(tmp_path) == ["DCGAN-4.index", "DCGAN-6.index"]
    for name in ("variables/generator.Sg_h1.Sw", "g_optim/m/generator.Sg_h1.Sw",
                 "d_optim/v/discriminator.Sd_h1_conv.Sw", "g_optim/step"):
        one_run, two_runs = variable(trained, name), variable(tmp_path, name)
        # Not bitwise: sums over several threads differ in their last digits.
        assert np.mean(np.abs(one_run - two_runs)) <= 1e-3 * np.mean(np.abs(one_run)), name
    for folder in (trained, tmp_path):
        assert variable(folder, "progress/epoch") == 2
        assert variable(folder, "progress/position") == 0
    steps = [event.step for event in events(tmp_path).Tensors("d_loss")]
    assert steps == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("flags", [["--precision", "bfloat16"], ["--precision", "float16"],
                                   ["--jit"]])
def test_it_goes_on_in_another_precision_or_compiled(trained, faces, tmp_path, flags):
    """Checkpoints are the same whatever computes."""
    shutil.copytree(trained / "checkpoint", tmp_path / "checkpoint")
    result = run_script("train-dcgan.py", "--dataset", faces, "--batch_size", 8, "--epoch", 3,
                        *flags, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "9 steps done" in result.stdout
    weights = variable(tmp_path)
    assert weights.dtype == np.float32 and np.isfinite(weights).all()
    assert np.abs(weights - variable(trained)).max() > 0


def test_a_finished_training_says_so(trained, faces):
    before = checkpoints(trained)
    result = run_script("train-dcgan.py", "--dataset", faces, "--batch_size", 8, "--epoch", 2,
                        "--init", "nowhere", cwd=trained)
    assert result.returncode == 0, result.stderr
    assert "nothing to do: checkpoint is at step 6, epoch 2" in result.stdout
    assert "--init nowhere is for a start, and left out" in result.stdout
    assert checkpoints(trained) == before


def test_a_warm_start_takes_weights_and_nothing_else(trained, faces, tmp_path):
    result = run_script("train-dcgan.py", "--dataset", faces, "--batch_size", 8, "--max_steps", 1,
                        "--init", trained / "checkpoint", "--learning_rate", 1e-9, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert checkpoints(tmp_path) == ["DCGAN-1.index"]
    np.testing.assert_allclose(variable(tmp_path), variable(trained), atol=1e-6)


def test_training_on_from_an_original_checkpoint_leaves_it_alone(faces, tmp_path):
    from test_checkpoints import published_variables, save_tf1
    save_tf1(tmp_path / "checkpoint", published_variables())
    before = (tmp_path / "checkpoint" / "DCGAN.model-7.index").read_bytes()
    result = run_script("train-dcgan.py", "--dataset", faces, "--batch_size", 8, "--max_steps", 3,
                        "--save_interval", 1, "--max_to_keep", 1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert checkpoints(tmp_path) == ["DCGAN-3.index", "DCGAN.model-7.index"]
    assert (tmp_path / "checkpoint" / "DCGAN.model-7.index").read_bytes() == before


def test_grey_pictures_of_any_kind_and_a_bad_one(tmp_path):
    """Every mode and shape in one folder, fewer than a batch of 64, to a grey network."""
    folder = draw_faces(tmp_path / "data" / "deep", 6)
    rng = np.random.default_rng(0)
    for i, mode in enumerate(("L", "RGBA", "P", "CMYK", "1")):
        suffix = "JPG" if mode == "CMYK" else "PNG"
        picture = Image.fromarray(rng.integers(0, 255, (20 + i, 30, 3), dtype=np.uint8))
        picture.convert(mode).save(folder / f"{mode}.{suffix}")
    (folder / "bad.png").write_text("not a picture")
    result = run_script("train-dcgan.py", "--dataset", "data", "--image_size", 8, "--gf_dim", 2,
                        "--df_dim", 2, "--c_dim", 1, "--epoch", 3, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "fewer than a batch of 64: training with batches of 12" in result.stderr
    assert result.stderr.count("bad.png: not an image; skipped") == 1
    assert "steps done" in result.stdout and checkpoints(tmp_path)
    with Image.open(tmp_path / "samples" / "train_00_0000.png") as grid:
        assert grid.mode == "L"


def test_ctrl_c_saves(faces, tmp_path):
    process = subprocess.Popen(
        [sys.executable, ROOT / "train-dcgan.py", "--dataset", faces, *map(str, TINY), "--epoch",
         "100000", "--sample_interval", "5"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("samples/train_00_*")) and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in stderr
    assert checkpoints(tmp_path)


# Bad input


@pytest.mark.parametrize("arguments,words", [
    (["--epoch", "0"], ["--epoch 0: must be at least 1"]),
    (["--learning_rate", "fast"], ["--learning_rate fast: must be a number"]),
    (["--image_size", "48"], ["--image_size", "48"]),
    (["--colour", "red"], ["--colour"])])
def test_a_bad_flag(tmp_path, arguments, words):
    assert_one_line_error(run_script("train-dcgan.py", *arguments, cwd=tmp_path), *words)


def test_a_missing_and_an_empty_dataset(tmp_path):
    assert_one_line_error(run_script("train-dcgan.py", "--dataset", "nowhere", cwd=tmp_path),
                          "--dataset nowhere: no such file or folder")
    (tmp_path / "empty").mkdir()
    assert_one_line_error(run_script("train-dcgan.py", "--dataset", "empty", cwd=tmp_path),
                          "empty: no image in there")
    assert os.listdir(tmp_path) == ["empty"]


def test_a_dataset_of_nothing_readable(tmp_path):
    (tmp_path / "data").mkdir()
    for i in range(3):
        (tmp_path / "data" / f"{i}.png").write_text("not a picture")
    result = run_script("train-dcgan.py", "--dataset", "data", *TINY, cwd=tmp_path)
    assert_one_line_error(result, "--dataset data", "none of the 3 images can be read")
    assert not checkpoints(tmp_path)


def test_a_corrupt_checkpoint(trained, faces, tmp_path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name in ("checkpoint", "DCGAN-6.index", "DCGAN-6.data-00000-of-00001"):
        data = (trained / "checkpoint" / name).read_bytes()
        (folder / name).write_bytes(data[:1000] if ".data" in name else data)
    result = run_script("train-dcgan.py", "--dataset", faces, "--batch_size", 8, cwd=tmp_path)
    assert_one_line_error(result, "DCGAN-6 is damaged")


def test_sizes_that_are_not_the_checkpoints(trained, faces):
    result = run_script("train-dcgan.py", "--dataset", faces, "--z_dim", 50, cwd=trained)
    assert_one_line_error(result, "--z_dim 50", "has 10")


def test_folders_that_cannot_be_written(faces, tmp_path):
    (tmp_path / "file").touch()
    for flag in ("--checkpoint_dir", "--sample_dir", "--log_dir"):
        result = run_script("train-dcgan.py", "--dataset", faces, *TINY, flag, "file/out",
                            cwd=tmp_path)
        assert_one_line_error(result, f"{flag} file/out: cannot write there")
