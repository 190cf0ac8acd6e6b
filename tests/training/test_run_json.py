"""run.json, and curves that go on after a restart."""

import json
import os
import shutil

import pytest
import tensorflow as tf
from conftest import draw_faces, train_here
from trainings import keep_identity

from dcgan.messages import UserError
from dcgan.training import run_json

pytestmark = pytest.mark.slow
# What run.json had under `flags` before settings were dataclasses; they are compared over restarts.
RECORDED = {
    "batch_size", "beta1", "c_dim", "cache", "checkpoint_dir", "coordinate", "crop", "dataset",
    "deterministic", "df_dim", "diffaug", "ema", "epoch", "export", "flip", "gf_dim", "image_size",
    "init", "jit", "label_smoothing", "learning_rate", "log_dir", "lr_schedule", "max_steps",
    "max_to_keep", "negative", "positive", "precision", "r1", "r1_interval", "resume", "sample_dir",
    "sample_interval", "save_interval", "save_minutes", "seed", "strategy", "summary_interval",
    "sync_batch_norm", "tf32", "train_size", "validation", "validation_interval", "visualize",
    "z_dim"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"flags": null}', '{"flags": {}}'])
def test_a_record_that_is_damaged(trained, faces, tmp_path, text, capsys):
    """It is begun anew, and kept; in a folder where none was written, it is the user's."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "checkpoint" / "run.json"
    path.write_text(text)
    train_here(tmp_path, faces, "--max_steps", 7)
    said = capsys.readouterr().err
    assert ("checkpoint/run.json: not a valid run record; renamed to "
            "checkpoint/run.json.damaged, and a new record was started") in said
    assert json.loads(path.read_text())["pictures"] == 24
    assert (tmp_path / "checkpoint" / "run.json.damaged").read_text() == text
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run.json").write_text(text)
    with pytest.raises(UserError, match="^--checkpoint_dir mine: mine/run.json already exists"):
        train_here(tmp_path, faces, "--checkpoint_dir", "mine", "--max_steps", 1)
    assert os.listdir(tmp_path / "mine") == ["run.json"]


def test_the_record_of_a_run(trained, faces, tmp_path, capsys):
    record = json.loads((trained / "checkpoint" / "run.json").read_text())
    assert record["flags"].keys() == RECORDED | {"components", "margin"}
    assert record["flags"]["diffaug"] == []
    assert record["flags"]["batch_size"] == 8 and record["seed"] == 0
    assert record["versions"]["tensorflow"] == tf.__version__
    assert record["pictures"] == 24 and [start["step"] for start in record["starts"]] == [0]

    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    train_here(tmp_path, faces, "--max_steps", 8, "--learning_rate", 0.0001)
    assert "--learning_rate is 0.0001 from here on; it was 0.0002" in capsys.readouterr().out
    again = json.loads((tmp_path / "checkpoint" / "run.json").read_text())
    more = draw_faces(tmp_path / "more", 25)
    train_here(tmp_path, more, "--max_steps", 9)
    assert f"--dataset {more} has changed since the last run (25 pictures, previously 24)" in (
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


def test_a_copied_run_leaves_the_first_ones_curves_alone(trained, faces, tmp_path):
    shutil.copytree(trained / "logs", tmp_path / "logs")
    shutil.copytree(trained / "checkpoint", tmp_path / "copy")
    before = {path: path.read_bytes() for path in (tmp_path / "logs").iterdir()}
    for path in (tmp_path / "copy").glob("DCGAN-6.*"):
        path.unlink()
    train_here(tmp_path, faces, "--checkpoint_dir", "copy", "--max_steps", 5)
    assert {path: path.read_bytes() for path in before} == before
    assert len(list((tmp_path / "logs").iterdir())) == 2


@pytest.fixture
def run(tmp_path):
    """The folder of a run's record, as it is after its first start."""
    folder = tmp_path / "disk" / "run"
    folder.mkdir(parents=True)
    begin(folder, "of-the-run")
    return folder


def begin(folder, name):
    (folder / "run.json").write_text(json.dumps({
        "id": name, "flags": {"checkpoint_dir": "run"}, "starts": [], "pictures": 3,
        "folder": folder.stat().st_ino, "path": str(folder)}))


def test_a_folder_that_was_copied_back_is_the_same_run(run):
    backup = shutil.copytree(run, run.parent / "backup")
    run.rename(run.parent / "gone")
    shutil.rmtree(run.parent / "gone")
    shutil.copytree(backup, run)
    assert not run_json.is_copy(str(run)) and run_json.is_copy(str(backup))


def test_a_folder_that_was_moved_is_the_same_run(run, tmp_path):
    (tmp_path / "mounted").mkdir()
    begin(shutil.copytree(run, run.parent / "other", copy_function=shutil.copy), "of-another")
    elsewhere = shutil.copytree(run.parent, tmp_path / "mounted" / "disk")  # another inode
    shutil.rmtree(run.parent)
    assert not run_json.is_copy(str(elsewhere / "run"))


def test_a_copy_beside_the_original_is_another_run(run, tmp_path):
    for place in (run.parent / "copy", tmp_path / "copy"):
        assert run_json.is_copy(str(shutil.copytree(run, place)))
    assert not run_json.is_copy(str(run))
    (tmp_path / "link").symlink_to(run)
    assert not run_json.is_copy(str(tmp_path / "link"))


def test_a_copy_of_a_folder_that_was_renamed_is_another_run(run):
    renamed = run.rename(run.parent / "renamed")
    copy = shutil.copytree(renamed, run.parent / "copy")
    assert run_json.is_copy(str(copy)) and not run_json.is_copy(str(renamed))
    # One in the old place takes it over.
    shutil.copytree(renamed, run)
    assert run_json.is_copy(str(renamed)) and not run_json.is_copy(str(run))


def test_records_of_versions_before_know_their_place_as_it_was_typed(run, monkeypatch):
    path = run / "run.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items()
                                if k != "path"} | {"folder": 0}))
    copy = shutil.copytree(run, run.parent / "copy")
    monkeypatch.chdir(run.parent)
    assert run_json.is_copy(str(copy)) and not run_json.is_copy("run")
