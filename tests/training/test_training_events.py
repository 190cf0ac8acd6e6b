"""What TensorBoard shows of a training."""

import json
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from conftest import train_here
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from trainings import events

pytestmark = pytest.mark.slow


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
    assert hparams["diffaug"].string_value == "[]"
    d_loss, real, fake = (
        np.array([tf.make_ndarray(e.tensor_proto) for e in accumulator.Tensors(tag)])
        for tag in ("d_loss", "d_loss_real", "d_loss_fake"))
    np.testing.assert_allclose(d_loss, real + fake, rtol=1e-5)


def test_the_last_step_has_histograms_too(faces, tmp_path):
    train_here(tmp_path, faces, "--max_steps", 3, "--summary_interval", 2)
    for tag in ("z", "d", "d_"):
        assert [event.step for event in events(tmp_path).Tensors(tag)] == [2, 3]


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
