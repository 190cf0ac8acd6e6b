"""What `complete.py --log_dir` writes for TensorBoard."""

import csv
import os

import numpy as np
import pytest
from completing import draw, run
from conftest import draw_faces, run_here

pytestmark = pytest.mark.slow


def test_tensorboard_has_losses_and_quality_of_each_picture(done):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    events = EventAccumulator(str(done / "logs"), size_guidance={"tensors": 0})
    events.Reload()
    tags = set(events.Tags()["tensors"])
    for i in range(3):
        assert {f"loss/face_{i}", f"loss/face_{i}_1", f"psnr/face_{i}", f"ssim/face_{i}",
                f"l1/face_{i}"} <= tags
        log = np.loadtxt(done / "logs" / f"hats_{i:02d}.log", skiprows=1)
        points = events.Tensors(f"loss/face_{i}")
        assert [point.step for point in points] == [0, 2, 4, 6]
        np.testing.assert_allclose(
            [tensor_util.make_ndarray(point.tensor_proto) for point in points], log[::2, 1],
            rtol=1e-4)
    with open(done / "results.csv") as file:
        rows = list(csv.DictReader(file))
    for name in ("loss", "psnr", "ssim", "l1"):
        *_, last = events.Tensors(name)
        assert last.step == 6
        assert tensor_util.make_ndarray(last.tensor_proto) == pytest.approx(
            np.mean([float(row[name]) for row in rows]), rel=1e-4)
    assert {"pictures/loss", "pictures/psnr", "masked", "completed",
            "_hparams_/session_start_info"} <= tags


def test_tensorboard_is_not_flooded(lively, tmp_path):
    """Of many pictures, the first few have curves of their own; a second batch is another run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(lively, draw_faces(tmp_path / "in", 40), "--outDir", tmp_path / "out", "--nIter", 2,
        "--batchSize", 20, "--log_dir", tmp_path / "logs")
    for folder in ("logs", "logs/batch_01"):
        events = EventAccumulator(str(tmp_path / folder)).Reload()
        tags = events.Tags()["tensors"]
        assert sum(tag.startswith("psnr/") for tag in tags) == 16
        assert sum(tag.startswith("loss/") for tag in tags) == 16
        assert {"psnr", "pictures/psnr"} <= set(tags)


@pytest.mark.parametrize("method", ["flush", "close"])
def test_a_disk_that_fails_tensorboard_costs_nothing_else(
        lively, three_faces, tmp_path, monkeypatch, capfd, method):
    import tensorflow as tf

    def fail(writer):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    writer = type(tf.summary.create_file_writer(str(tmp_path / "logs")))
    monkeypatch.setattr(writer, method, fail)
    run(lively, three_faces, "--outDir", tmp_path / "out", "--log_dir", tmp_path / "logs")
    assert {"results.csv", "latents.npz", "report.html"} <= set(os.listdir(tmp_path / "out"))
    assert "logs: TensorBoard's files cannot be written (No space left" in capfd.readouterr().err


def test_the_present_folder_takes_results_and_logs(lively, tmp_path):
    draw(tmp_path / "a.png", (16, 16))
    result = run_here("complete.py", "a.png", "--outDir", "", "--checkpointDir", lively,
                      "--nIter", 1, "--log_dir", "logs", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "report.html").exists() and os.listdir(tmp_path / "logs")
