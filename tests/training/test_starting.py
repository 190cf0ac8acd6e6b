"""What a training starts from: checkpoints whole and damaged, its own and others'."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
from conftest import assert_one_line_error, run_here, train_here
from trainings import checkpoints, variable

from dcgan.files import record
from dcgan.messages import UserError
from dcgan.training.settings import TrainingSettings
from dcgan.training.starting import model_for

pytestmark = pytest.mark.slow


def test_a_warm_start_takes_weights_and_nothing_else(trained, faces, tmp_path):
    train_here(tmp_path, faces, "--max_steps", 1, "--init", trained / "checkpoint",
               "--learning_rate", 1e-9)
    assert checkpoints(tmp_path) == ["DCGAN-1.index"]
    np.testing.assert_allclose(variable(tmp_path), variable(trained), atol=1e-6)


def test_training_on_from_an_original_checkpoint_leaves_it_alone(faces, tmp_path):
    from tf1_checkpoints import published_variables, save_tf1
    save_tf1(tmp_path / "checkpoint", published_variables())
    before = (tmp_path / "checkpoint" / "DCGAN.model-7.index").read_bytes()
    train_here(tmp_path, faces, "--max_steps", 3, "--save_interval", 1, "--max_to_keep", 1,
               sizes=("--batch_size", 8))
    assert checkpoints(tmp_path) == ["DCGAN-3.index", "DCGAN.model-7.index"]
    assert (tmp_path / "checkpoint" / "DCGAN.model-7.index").read_bytes() == before


def test_a_start_that_must_not_resume(trained, faces, tmp_path):
    with pytest.raises(UserError, match="--no-resume: checkpoint is not empty"):
        train_here(trained, faces, "--no-resume")
    train_here(tmp_path, faces, "--no-resume", "--max_steps", 1)
    assert checkpoints(tmp_path) == ["DCGAN-1.index"]


def test_leftovers_of_a_kill_are_cleared(trained, faces, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "checkpoint"
    (folder / ".saving-abc").mkdir()
    (folder / ".saving-abc" / "DCGAN-7.index").touch()
    left = folder / "DCGAN-7.data-00000-of-00001"  # renamed, but not yet its index
    left.touch()
    record.add(str(left), str(left))
    (folder / "DCGAN-9.data-00000-of-00001").touch()  # the user's
    train_here(tmp_path, faces, "--max_steps", 8)
    assert sorted(os.listdir(folder)) == sorted(
        [".lock", record.NAME, "DCGAN-9.data-00000-of-00001", "checkpoint", "pictures.cache",
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
    problem = "incomplete: its file " if damage == "missing data" else "damaged: "
    assert f"checkpoint/DCGAN-6 is {problem}" in said.err
    assert "an older one is used, checkpoint/DCGAN-4" in said.err
    assert "resuming from checkpoint/DCGAN-4 at step 4" in said.out
    assert checkpoints(tmp_path) == ["DCGAN-5.index"]
    aside = {path.name for path in (tmp_path / "checkpoint").glob("*.damaged")}
    assert aside <= {"DCGAN-6.index.damaged", "DCGAN-6.data-00000-of-00001.damaged"} and aside


@pytest.mark.parametrize("name", ["run[1]", "a*b", "x\\y", "bell\a", "caf\udce9"])
def test_names_that_tensorflow_cannot_read(faces, tmp_path, name):
    for flag in ("--checkpoint_dir", "--log_dir"):
        with pytest.raises(UserError, match=f"^{flag} .*TensorFlow cannot read paths that contain"):
            train_here(tmp_path, faces, flag, name)
    assert os.listdir(tmp_path) == []


def test_a_corrupt_checkpoint(trained, faces, tmp_path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name in ("checkpoint", "DCGAN-6.index", "DCGAN-6.data-00000-of-00001"):
        data = (trained / "checkpoint" / name).read_bytes()
        (folder / name).write_bytes(data[:1000] if ".data" in name else data)
    result = run_here("train-dcgan.py", "--dataset", faces, "--batch_size", 8, cwd=tmp_path)
    assert_one_line_error(result, "DCGAN-6 is damaged")


def test_sizes_that_are_not_the_checkpoints(trained, faces):
    result = run_here("train-dcgan.py", "--dataset", faces, "--z_dim", 50, cwd=trained)
    assert_one_line_error(result, "--z_dim 50", "has 10")


@pytest.mark.parametrize("differs, message", [
    ({"batch_size": 9}, "the settings' batch_size must be the model's, 8 .* Received: 9"),
    ({"seed": 1}, "seed"), ({"precision": "bfloat16"}, "precision"), ({"z_dim": 7}, "z_dim")])
def test_a_model_that_was_made_for_other_settings(differs, message, tmp_path, monkeypatch):
    """Or a training would go on without a setting that it was given."""
    from model import DCGAN

    monkeypatch.chdir(tmp_path)
    settings = TrainingSettings(batch_size=8, z_dim=5, gf_dim=4, df_dim=4, image_size=8)
    model = model_for(DCGAN, settings)
    with pytest.raises(ValueError, match=message):
        model.train(dataclasses.replace(settings, **differs))
    assert os.listdir() == []


def test_a_trainings_own_settings_are_those_that_it_is_called_with(faces, tmp_path, monkeypatch):
    """Whatever the training of the same model before it had."""
    from model import DCGAN

    monkeypatch.chdir(tmp_path)
    settings = TrainingSettings(dataset=faces, batch_size=8, z_dim=5, gf_dim=4, df_dim=4,
                                image_size=8, ema=0.5, label_smoothing=0.1, max_steps=1)
    model = model_for(DCGAN, settings)
    model.train(settings)
    assert model.recipe.real_label == 0.9 and model.average.keys() == model.weights.net(
        "generator").keys()
    model.train(dataclasses.replace(settings, ema=0.0, label_smoothing=0.0, max_steps=2))
    assert model.recipe.real_label == 1 and not model.average
    assert int(model.progress["step"]) == 2
