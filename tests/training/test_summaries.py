"""Each run's curves in a folder of their own. (run.json is tested with training.)"""

import os

import pytest
import tensorflow as tf
from conftest import draw_faces, run_here, save_lively
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

from dcgan.tensorboard import run_folder

pytestmark = pytest.mark.slow


def write(folder, step=0):
    with tf.summary.create_file_writer(str(folder)).as_default(step=step):
        tf.summary.text("notes", "x" * 300)


def test_each_run_has_a_folder_of_its_own(tmp_path, capsys):
    folder = str(tmp_path)
    assert run_folder(folder) == folder
    tf.summary.create_file_writer(folder).close()  # nothing but its header
    (tmp_path / "hats_00.log").write_text("x" * 300)
    assert run_folder(folder) == folder and capsys.readouterr().out == ""
    write(folder)
    for name in ("run_02", "run_03"):  # two that begin at once do not share one either
        assert run_folder(folder) == os.path.join(folder, name)
        assert f"this run's are in {folder}/{name}" in capsys.readouterr().out
        assert os.path.isdir(tmp_path / name)


def test_two_completions_into_one_folder_are_two_runs(tmp_path):
    """And a training's curves there stay as they are."""
    save_lively(tmp_path)
    draw_faces(tmp_path / "in", 2)
    flags = ("--checkpointDir", "checkpoint", "--log_dir", "logs", "--outInterval", 2)
    for count in (4, 6):
        result = run_here("complete.py", "in", *flags, "--nIter", count, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    assert "contains another run's curves; this run's are in logs/run_02" in result.stdout
    runs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "logs")).Reload()
    assert {run: [point.step for point in runs.Tensors(run, "loss/face_0")]
            for run in runs.Runs()} == {".": [0, 2, 4], "run_02": [0, 2, 4, 6]}
