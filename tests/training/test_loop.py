"""How a training goes on and ends: signals, kills, full disks, what diverges."""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY, run_script, tiny, train_here
from PIL import Image
from trainings import checkpoints, events, variable, variable_of

import utils
from benchmarks import kills
from benchmarks.kills import Training
from dcgan.checkpoints.reading import has_average, read_tf1
from dcgan.files.locking import locked
from dcgan.messages import UserError
from dcgan.training import loop
from dcgan.training.settings import TrainingSettings
from model import DCGAN

pytestmark = pytest.mark.slow


def test_the_average_of_G_is_kept_and_is_what_completes(faces, tmp_path, capsys):
    """Against its definition, over a restart; with it on from a checkpoint without, too."""
    flags = ("--ema", 0.5, "--save_interval", 1, "--epoch", 9)
    train_here(tmp_path, faces, "--max_steps", 2, *flags)
    train_here(tmp_path, faces, "--max_steps", 4, *flags)
    assert "--ema" not in capsys.readouterr().out  # nothing has changed
    names = [name for name in tiny(z_dim=10, gf_dim=4, df_dim=4)[1] if name[0] == "g"]
    initial = DCGAN(image_size=16, gf_dim=4, df_dim=4, z_dim=10)
    expected = {name: initial.vars[name].numpy().astype(float) for name in names}
    for step in range(1, 5):
        keep = min(0.5, (1 + 2 * step) / (10 + 2 * step))
        for name in names:
            raw = variable_of(tmp_path, step, f"variables/{name.replace('/', '.S')}")
            expected[name] = keep * expected[name] + (1 - keep) * raw
            np.testing.assert_allclose(
                variable_of(tmp_path, step, f"average/{name.replace('/', '.S')}"), expected[name],
                rtol=1e-4, atol=1e-6)
    model = DCGAN.from_checkpoint(str(tmp_path / "checkpoint"))
    for name, value in expected.items():
        np.testing.assert_allclose(model.vars[name], value, rtol=1e-4, atol=1e-6)
    for name in ("discriminator/d_h1_conv/w", "discriminator/d_bn1/moving_mean"):
        np.testing.assert_array_equal(
            model.vars[name], variable_of(tmp_path, 4, f"variables/{name.replace('/', '.S')}"))
    train_here(tmp_path, "unused", "--checkpoint_dir", "checkpoint/DCGAN-4", "--export",
               "weights/DCGAN.model-4", sizes=())
    weights = read_tf1(str(tmp_path / "weights" / "DCGAN.model-4"))
    for name, value in expected.items():
        np.testing.assert_allclose(weights[name], value, rtol=2**-11, atol=1e-6)
    name = "discriminator/d_h1_conv/w"
    np.testing.assert_allclose(weights[name], model.vars[name], rtol=2**-11, atol=1e-7)
    with Image.open(tmp_path / "samples" / "train_01_0000.png") as grid:  # step 4
        G = utils.grid(utils.to_uint8(model.generator(model.initial_z(range(64)))))
        assert np.abs(np.asarray(grid).astype(int) - G).max() <= 1

    train_here(tmp_path, faces, "--max_steps", 5, "--save_interval", 1, "--epoch", 9)  # without
    assert not has_average(str(tmp_path / "checkpoint" / "DCGAN-5"))
    train_here(tmp_path, faces, "--max_steps", 6, *flags)
    name = "generator.Sg_h1.Sw"
    five, six = (variable_of(tmp_path, step, f"variables/{name}") for step in (5, 6))
    np.testing.assert_allclose(variable_of(tmp_path, 6, f"average/{name}"),
                               0.5 * five + 0.5 * six, rtol=1e-4, atol=1e-6)


def test_a_finished_training_says_so(trained, faces, tmp_path, capsys):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    train_here(tmp_path, faces, "--epoch", 2, "--init", "nowhere")
    said = capsys.readouterr().out
    assert "nothing to do: checkpoint is at step 6, epoch 2" in said
    assert "--init nowhere is ignored, because it applies only to a new training" in said
    assert checkpoints(tmp_path) == checkpoints(trained)
    assert os.listdir(tmp_path / "logs") == os.listdir(trained / "logs")


@pytest.mark.parametrize("number,code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves(faces, tmp_path, number, code):
    training = Training(tmp_path, *map(str, (
        "--dataset", faces, *TINY, "--epoch", 100000, "--save_interval", 100000)))
    training.wait_for(5)
    training.process.send_signal(number)
    training.end()
    assert training.process.returncode == code
    assert b"Traceback" not in training.errors
    (path,) = checkpoints(tmp_path)
    last = int(path.removeprefix("DCGAN-").removesuffix(".index"))
    assert [e.step for e in events(tmp_path).Tensors("d_loss")] == list(range(1, last + 1))


def test_a_second_signal_stops_at_once(faces, tmp_path):
    """Even where the checkpoint that the first one asked for takes forever."""
    training = Training(tmp_path, *map(str, (
        "--dataset", faces, *TINY, "--epoch", 100000, "--save_interval", 100000)))
    training.wait_for(5)
    record = tmp_path / "checkpoint" / ".dcgan-files"
    record.unlink()
    os.mkfifo(record)  # to read it is to wait for its writer
    training.process.send_signal(signal.SIGTERM)
    time.sleep(3)
    assert training.process.poll() is None
    training.process.send_signal(signal.SIGTERM)
    training.end()
    assert training.process.returncode == 143


def test_killed_trainings_end_bitwise_as_one_that_ran_through(faces, tmp_path):
    options = argparse.Namespace(flags=list(map(str, TINY)), dataset=str(faces), steps=60, kills=2,
                                 pause=0)
    assert not kills.resume(options, str(tmp_path), random.Random(0))


def test_kills_while_saving_lose_nothing(faces, tmp_path):
    results = []
    options = argparse.Namespace(flags=list(kills.SMALL), dataset=str(faces), pause=0.5)
    kills.save(options, str(tmp_path / "run"), random.Random(0), 0, 2, results)
    assert [failed for failed, _ in results] == [False, False]


def test_checkpoints_of_another_folder_are_not_deleted(trained, faces, tmp_path):
    """Even where this folder's list names them."""
    for name in ("mine", "other"):
        shutil.copytree(trained / "checkpoint", tmp_path / name)
    with open(tmp_path / "mine" / "checkpoint", "a") as file:
        file.write(f'all_model_checkpoint_paths: "{tmp_path}/other/DCGAN-4"\n')
    train_here(tmp_path, faces, "--checkpoint_dir", "mine", "--max_steps", 7, "--max_to_keep", 1)
    assert len(list((tmp_path / "mine").glob("*.index"))) == 1
    assert len(list((tmp_path / "other").glob("DCGAN-4.*"))) == 2


def test_float16_goes_on_with_its_loss_scale(faces, tmp_path):
    train_here(tmp_path, faces, "--max_steps", 2, "--precision", "float16")
    keys = [f"loss_scales/{net}/{part}" for net in "gd" for part in ("scale", "since")]
    first = [variable(tmp_path, key) for key in keys]
    assert first == [2**15, 4, 2**15, 2]  # G is updated twice
    train_here(tmp_path, faces, "--max_steps", 3, "--precision", "float16")
    assert [variable(tmp_path, key) for key in keys] == [2**15, 6, 2**15, 3]


def test_two_trainings_into_one_folder(trained, faces, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    with locked(str(tmp_path / "checkpoint"), "", "train-dcgan.py", ".lock"), pytest.raises(
            UserError, match=f"--checkpoint_dir checkpoint: train-dcgan.py, process {os.getpid()} "
                             f"on .* is writing there"):
        train_here(tmp_path, faces, "--max_steps", 8)
    train_here(tmp_path, faces, "--max_steps", 8)


def test_divergence_stops_before_anything_is_saved(trained, faces, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    with pytest.raises(UserError) as error:
        train_here(tmp_path, faces, "--max_steps", 30, "--learning_rate", 1e38)
    message = str(error.value)
    assert re.match(r"step 7: d_loss [\d.]+, g_loss nan: training has diverged\. ", message)
    assert "The last checkpoint is checkpoint/DCGAN-6" in message and "\n" not in message
    assert checkpoints(tmp_path) == ["DCGAN-4.index", "DCGAN-6.index"]


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    model, _ = tiny()
    model.make_optimizers()
    training = loop.Training(model, TrainingSettings(checkpoint_dir=str(tmp_path)))
    model.g_optim.v["generator/g_h1/w"].assign_add(np.inf + tf.zeros_like(
        model.g_optim.v["generator/g_h1/w"]))
    with pytest.raises(loop.Diverged, match="step 0: a weight is not finite.*no checkpoint yet"):
        training._save(0)
    assert not os.listdir(tmp_path)


def test_a_checkpoint_after_some_minutes(faces, tmp_path):
    train_here(tmp_path, faces, "--max_steps", 4, "--save_interval", 1000, "--save_minutes", 1e-6,
               "--max_to_keep", 3)
    assert checkpoints(tmp_path) == ["DCGAN-2.index", "DCGAN-3.index", "DCGAN-4.index"]


def test_a_dataset_that_goes_away(faces, tmp_path, capsys, monkeypatch):
    """Some of it in an epoch's midst: a warning; all: an error, and what was done is saved."""
    data = tmp_path / "data"
    shutil.copytree(faces, data)
    summarise = loop.events.summarise

    def some_vanish(result, histograms):
        for path in sorted(data.iterdir())[:4]:
            path.unlink()
        summarise(result, histograms)

    monkeypatch.setattr(loop.events, "summarise", some_vanish)
    with pytest.raises(UserError, match="none of its 24 pictures can be read"):
        train_here(tmp_path, data, "--max_steps", 100, "--no-cache")
    assert "No such file or directory; skipped" in capsys.readouterr().err
    (saved,) = checkpoints(tmp_path)
    assert int(saved.removeprefix("DCGAN-").removesuffix(".index")) >= 6


def test_a_full_disk(trained, faces, tmp_path):
    """The last good checkpoint stays; training goes on while it may, and ends with an error."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", disk],
                      capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        shutil.copytree(trained / "checkpoint", disk / "checkpoint")
        shutil.copytree(trained / "logs", disk / "logs")
        (disk / "ballast").write_bytes(bytes(500_000 - 4096 * 9 - sum(
            -(-path.stat().st_size // 4096) * 4096 for path in disk.rglob("*"))))
        result = run_script(
            "train-dcgan.py", "--dataset", faces, "--batch_size", 8, "--max_steps", 12,
            "--save_interval", 2, "--sample_interval", 2, cwd=disk)
        assert result.returncode == 2 and "Traceback" not in result.stderr, result.stderr
        assert "DCGAN" in result.stderr or "checkpoint cannot be written" in result.stderr
        assert "training continues" in result.stderr
        assert set(checkpoints(disk)) >= {"DCGAN-6.index"}
        assert np.isfinite(variable(disk)).all()
        (disk / "ballast").unlink()
        again = run_script("train-dcgan.py", "--dataset", faces, "--batch_size", 8, "--max_steps",
                           12, cwd=disk)
        assert again.returncode == 0 and "12 steps done" in again.stdout, again.stderr
    finally:
        subprocess.run(["umount", disk], check=True)
