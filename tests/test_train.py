"""train-dcgan.py as a user runs it: what it writes, how it goes on, and how it refuses."""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT, TINY, assert_one_line_error, draw_faces, run_script, tiny, train_here
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import utils
from benchmarks import kills
from benchmarks.kills import Training
from files import ownership
from files.errors import UserError
from machine import signals
from model import DCGAN, Diverged
from training.checkpoints import has_average, locked, read_tf1


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
        ownership.NAME, "train_00_0000.png", "train_00_0002.png", "train_01_0002.png"]
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
    (start,) = accumulator.Tensors("_hparams_/session_start_info")
    metadata = accumulator.SummaryMetadata("_hparams_/session_start_info")
    hparams = HParamsPluginData.FromString(metadata.plugin_data.content).session_start_info.hparams
    assert start.step <= 1 and hparams["batch_size"].number_value == 8
    assert hparams["gf_dim"].number_value == 4 and hparams["flip"].bool_value is False
    assert hparams["precision"].string_value == "float32" and "init" not in hparams
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
    train_here(tmp_path, faces, "--epoch", 2, "--max_steps", 4)
    assert checkpoints(tmp_path) == ["DCGAN-4.index"]
    assert (tmp_path / "samples" / "train_01_0000.png").exists()  # the last step's, in any case
    # The sizes come from the checkpoint.
    second = run_script("train-dcgan.py", "--dataset", faces, "--epoch", 2, "--batch_size", 8,
                        cwd=tmp_path)
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
        G = utils.grid(utils.to_uint8(model.generator(model.initial_z(0, 64))))
        assert np.abs(np.asarray(grid).astype(int) - G).max() <= 1

    train_here(tmp_path, faces, "--max_steps", 5, "--save_interval", 1, "--epoch", 9)  # without
    assert not has_average(str(tmp_path / "checkpoint" / "DCGAN-5"))
    train_here(tmp_path, faces, "--max_steps", 6, *flags)
    name = "generator.Sg_h1.Sw"
    five, six = (variable_of(tmp_path, step, f"variables/{name}") for step in (5, 6))
    np.testing.assert_allclose(variable_of(tmp_path, 6, f"average/{name}"),
                               0.5 * five + 0.5 * six, rtol=1e-4, atol=1e-6)


def variable_of(folder, step, name):
    return tf.train.load_variable(
        str(folder / "checkpoint" / f"DCGAN-{step}"), f"{name}/.ATTRIBUTES/VARIABLE_VALUE")


@pytest.mark.parametrize("flags", [["--precision", "bfloat16"], ["--precision", "float16"],
                                   ["--jit"]])
def test_it_goes_on_in_another_precision_or_compiled(trained, faces, tmp_path, flags, capsys):
    """Checkpoints are the same whatever computes."""
    shutil.copytree(trained / "checkpoint", tmp_path / "checkpoint")
    train_here(tmp_path, faces, "--epoch", 3, *flags)
    assert "9 steps done" in capsys.readouterr().out
    weights = variable(tmp_path)
    assert weights.dtype == np.float32 and np.isfinite(weights).all()
    assert np.abs(weights - variable(trained)).max() > 0


def test_a_finished_training_says_so(trained, faces, tmp_path, capsys):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    train_here(tmp_path, faces, "--epoch", 2, "--init", "nowhere")
    said = capsys.readouterr().out
    assert "nothing to do: checkpoint is at step 6, epoch 2" in said
    assert "--init nowhere is for a start, and left out" in said
    assert checkpoints(tmp_path) == checkpoints(trained)
    assert os.listdir(tmp_path / "logs") == os.listdir(trained / "logs")


def test_a_warm_start_takes_weights_and_nothing_else(trained, faces, tmp_path):
    train_here(tmp_path, faces, "--max_steps", 1, "--init", trained / "checkpoint",
               "--learning_rate", 1e-9)
    assert checkpoints(tmp_path) == ["DCGAN-1.index"]
    np.testing.assert_allclose(variable(tmp_path), variable(trained), atol=1e-6)


def test_training_on_from_an_original_checkpoint_leaves_it_alone(faces, tmp_path):
    from test_checkpoints import published_variables, save_tf1
    save_tf1(tmp_path / "checkpoint", published_variables())
    before = (tmp_path / "checkpoint" / "DCGAN.model-7.index").read_bytes()
    train_here(tmp_path, faces, "--max_steps", 3, "--save_interval", 1, "--max_to_keep", 1,
               sizes=("--batch_size", 8))
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


# Stopping, dying, and going on


def test_a_start_that_must_not_resume(trained, faces, tmp_path):
    with pytest.raises(UserError, match="--no-resume: checkpoint is not empty"):
        train_here(trained, faces, "--no-resume")
    train_here(tmp_path, faces, "--no-resume", "--max_steps", 1)
    assert checkpoints(tmp_path) == ["DCGAN-1.index"]


def keep_identity(folder):
    """Let a copied run's record say that it is where it began."""
    path = folder / "checkpoint" / "run.json"
    record = json.loads(path.read_text())
    record["folder"] = (folder / "checkpoint").stat().st_ino
    path.write_text(json.dumps(record))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"flags": null}', '{"flags": {}}'])
def test_a_record_that_is_damaged(trained, faces, tmp_path, text, capsys):
    """It is begun anew, and kept; in a folder where none was written, it is the user's."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "checkpoint" / "run.json"
    path.write_text(text)
    train_here(tmp_path, faces, "--max_steps", 7)
    said = capsys.readouterr().err
    assert "checkpoint/run.json: is not the record of a run; it is begun anew" in said
    assert "what was there is now checkpoint/run.json.damaged" in said
    assert json.loads(path.read_text())["pictures"] == 24
    assert (tmp_path / "checkpoint" / "run.json.damaged").read_text() == text
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run.json").write_text(text)
    with pytest.raises(UserError, match="^--checkpoint_dir mine: mine/run.json is in the way"):
        train_here(tmp_path, faces, "--checkpoint_dir", "mine", "--max_steps", 1)
    assert os.listdir(tmp_path / "mine") == ["run.json"]


def test_the_record_of_a_run(trained, faces, tmp_path, capsys):
    record = json.loads((trained / "checkpoint" / "run.json").read_text())
    assert record["flags"]["batch_size"] == 8 and record["seed"] == 0
    assert record["versions"]["tensorflow"] == tf.__version__
    assert record["pictures"] == 24 and [start["step"] for start in record["starts"]] == [0]

    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    train_here(tmp_path, faces, "--max_steps", 8, "--learning_rate", 0.0001)
    assert "--learning_rate is 0.0001 from here on; it was 0.0002" in capsys.readouterr().out
    again = json.loads((tmp_path / "checkpoint" / "run.json").read_text())
    more = draw_faces(tmp_path / "more", 25)
    train_here(tmp_path, more, "--max_steps", 9)
    assert f"--dataset {more} has other pictures than before (25, there were 24)" in (
        capsys.readouterr().out)
    assert again["starts"][1]["step"] == 6
    assert again["starts"][1]["changed"]["learning_rate"] == [0.0002, 0.0001]


def test_curves_go_on_without_a_step_twice(trained, faces, tmp_path, capsys):
    """Killed at step 6, of which 4 were saved, and torn in the middle of a record."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    keep_identity(tmp_path)
    for path in (tmp_path / "checkpoint").glob("DCGAN-6.*"):
        path.unlink()
    (own,) = (tmp_path / "logs").iterdir()
    own.write_bytes(own.read_bytes()[:-7])
    stranger = tmp_path / "logs" / "events.out.tfevents.1.somebody.else"
    shutil.copy(own, stranger)
    others = stranger.read_bytes()
    train_here(tmp_path, faces, "--max_steps", 8)
    assert stranger.read_bytes() == others
    stranger.unlink()
    assert len(list((tmp_path / "logs").iterdir())) == 2
    for tag in ("d_loss", "images_per_second", "accuracy/real"):
        steps = [event.step for path in sorted((tmp_path / "logs").iterdir())
                 for event in tf.compat.v1.train.summary_iterator(str(path))
                 if any(value.tag == tag for value in event.summary.value)]
        assert steps == [1, 2, 3, 4, 5, 6, 7, 8]


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_need_not_wait_for_the_first(number):
    """Python runs its own handlers only when it is back from what a library computes."""
    program = """if True:
        import hashlib, sys
        sys.path.insert(0, sys.argv[1])
        import utils
        with signals.deferred_stop():
            print("begun", flush=True)
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
    """
    process = subprocess.Popen([sys.executable, "-c", program, ROOT], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    for _ in range(2):
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(number)
    assert process.wait(timeout=5) == 128 + number


def test_a_signal_is_seen_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with signals.deferred_stop() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + 5
        while not stop.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert stop.signum == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
    with pytest.raises(signals.Stopped):
        stop.raise_if_set()


def test_killed_trainings_end_bitwise_as_one_that_ran_through(faces, tmp_path):
    options = argparse.Namespace(flags=list(map(str, TINY)), dataset=str(faces), steps=40, kills=2,
                                 pause=0)
    assert not kills.resume(options, str(tmp_path), random.Random(0))


def test_kills_while_saving_lose_nothing(faces, tmp_path):
    results = []
    options = argparse.Namespace(flags=list(kills.SMALL), dataset=str(faces), pause=0.5)
    kills.save(options, str(tmp_path / "run"), random.Random(0), 0, 2, results)
    assert [failed for failed, _ in results] == [False, False]


def test_leftovers_of_a_kill_are_cleared(trained, faces, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "checkpoint"
    (folder / ".saving-abc").mkdir()
    (folder / ".saving-abc" / "DCGAN-7.index").touch()
    left = folder / "DCGAN-7.data-00000-of-00001"  # renamed, but not yet its index
    left.touch()
    ownership.note(str(left), str(left))
    (folder / "DCGAN-9.data-00000-of-00001").touch()  # the user's
    train_here(tmp_path, faces, "--max_steps", 8)
    assert sorted(os.listdir(folder)) == sorted(
        [".lock", ownership.NAME, "DCGAN-9.data-00000-of-00001", "checkpoint", "pictures.cache",
         "run.json"] + [
            f"DCGAN-{step}.{part}" for step in (4, 6, 8)
            for part in ("index", "data-00000-of-00001")])


@pytest.mark.parametrize("damage", ["truncated data", "garbage index", "missing data",
                                    "missing index", "flipped bit"])
def test_a_damaged_checkpoint_is_named_and_the_older_one_used(
        trained, faces, tmp_path, damage, capsys):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    data = tmp_path / "checkpoint" / "DCGAN-6.data-00000-of-00001"
    index = tmp_path / "checkpoint" / "DCGAN-6.index"
    if damage == "truncated data":
        data.write_bytes(data.read_bytes()[:1000])
    elif damage == "flipped bit":
        content = bytearray(data.read_bytes())
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
    elif damage == "garbage index":
        index.write_bytes(b"garbage" * 99)
    else:
        (data if damage == "missing data" else index).unlink()
    train_here(tmp_path, faces, "--max_steps", 5, "--max_to_keep", 1)
    said = capsys.readouterr()
    assert "checkpoint/DCGAN-6 is damaged: " in said.err
    assert "an older one is used, checkpoint/DCGAN-4" in said.err
    assert "going on from checkpoint/DCGAN-4 at step 4" in said.out
    assert checkpoints(tmp_path) == ["DCGAN-5.index"]
    aside = {path.name for path in (tmp_path / "checkpoint").glob("*.damaged")}
    assert aside <= {"DCGAN-6.index.damaged", "DCGAN-6.data-00000-of-00001.damaged"} and aside


def test_a_copied_run_leaves_the_first_ones_curves_alone(trained, faces, tmp_path):
    shutil.copytree(trained / "logs", tmp_path / "logs")
    shutil.copytree(trained / "checkpoint", tmp_path / "copy")
    before = {path: path.read_bytes() for path in (tmp_path / "logs").iterdir()}
    for path in (tmp_path / "copy").glob("DCGAN-6.*"):
        path.unlink()
    train_here(tmp_path, faces, "--checkpoint_dir", "copy", "--max_steps", 5)
    assert {path: path.read_bytes() for path in before} == before
    assert len(list((tmp_path / "logs").iterdir())) == 2


def test_checkpoints_of_another_folder_are_not_deleted(trained, faces, tmp_path):
    """Even where this folder's list names them."""
    for name in ("mine", "other"):
        shutil.copytree(trained / "checkpoint", tmp_path / name)
    with open(tmp_path / "mine" / "checkpoint", "a") as file:
        file.write(f'all_model_checkpoint_paths: "{tmp_path}/other/DCGAN-4"\n')
    train_here(tmp_path, faces, "--checkpoint_dir", "mine", "--max_steps", 7, "--max_to_keep", 1)
    assert len(list((tmp_path / "mine").glob("*.index"))) == 1
    assert len(list((tmp_path / "other").glob("DCGAN-4.*"))) == 2


@pytest.mark.parametrize("name", ["run[1]", "a*b", "x\\y", "bell\a", "caf\udce9"])
def test_names_that_tensorflow_cannot_read(faces, tmp_path, name):
    for flag in ("--checkpoint_dir", "--log_dir"):
        with pytest.raises(UserError, match=f"^{flag} .*TensorFlow cannot read files below a name"):
            train_here(tmp_path, faces, flag, name)
    assert os.listdir(tmp_path) == []


def test_a_dataset_whose_name_is_no_text(faces, tmp_path):
    name = os.fsdecode(b"faces\xff")
    shutil.copytree(faces, tmp_path / name)
    train_here(tmp_path, name, "--max_steps", 1)
    assert checkpoints(tmp_path) == ["DCGAN-1.index"]


def test_float16_goes_on_with_its_loss_scale(faces, tmp_path):
    train_here(tmp_path, faces, "--max_steps", 2, "--precision", "float16")
    keys = [f"loss_scales/{net}/{part}" for net in "gd" for part in ("scale", "since")]
    first = [variable(tmp_path, key) for key in keys]
    assert first == [2**15, 4, 2**15, 2]  # G is updated twice
    train_here(tmp_path, faces, "--max_steps", 3, "--precision", "float16")
    assert [variable(tmp_path, key) for key in keys] == [2**15, 6, 2**15, 3]


def test_two_trainings_into_one_folder(trained, faces, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    with locked(str(tmp_path / "checkpoint")), pytest.raises(UserError, match="another training"):
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
    config = argparse.Namespace(checkpoint_dir=str(tmp_path), max_to_keep=5)
    model.g_optim.v["generator/g_h1/w"].assign_add(np.inf + tf.zeros_like(
        model.g_optim.v["generator/g_h1/w"]))
    with pytest.raises(Diverged, match="step 0: a weight is not finite.*no checkpoint yet"):
        model._save(config)
    assert not os.listdir(tmp_path)


def test_a_checkpoint_after_some_minutes(faces, tmp_path):
    train_here(tmp_path, faces, "--max_steps", 4, "--save_interval", 1000, "--save_minutes", 1e-6,
               "--max_to_keep", 3)
    assert checkpoints(tmp_path) == ["DCGAN-2.index", "DCGAN-3.index", "DCGAN-4.index"]


def test_a_dataset_that_goes_away(faces, tmp_path, capsys, monkeypatch):
    """Some of it in an epoch's midst: a warning; all: an error, and what was done is saved."""
    data = tmp_path / "data"
    shutil.copytree(faces, data)
    summarise = DCGAN._summarise

    def some_vanish(self, config, result, z, rate):
        for path in sorted(data.iterdir())[:4]:
            path.unlink()
        summarise(self, config, result, z, rate)

    monkeypatch.setattr(DCGAN, "_summarise", some_vanish)
    with pytest.raises(UserError, match="none of the 24 images can be read"):
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
        assert "training goes on" in result.stderr
        assert set(checkpoints(disk)) >= {"DCGAN-6.index"}
        assert np.isfinite(variable(disk)).all()
        (disk / "ballast").unlink()
        again = run_script("train-dcgan.py", "--dataset", faces, "--batch_size", 8, "--max_steps",
                           12, cwd=disk)
        assert again.returncode == 0 and "12 steps done" in again.stdout, again.stderr
    finally:
        subprocess.run(["umount", disk], check=True)


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
    with pytest.raises(UserError, match="^--dataset empty: no image in there"):
        train_here(tmp_path, "empty")
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


@pytest.mark.parametrize("flag", ["--checkpoint_dir", "--sample_dir", "--log_dir"])
def test_folders_that_cannot_be_written(faces, tmp_path, flag):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"^{flag} file/out: cannot write there: Not a directory"):
        train_here(tmp_path, faces, flag, "file/out")
