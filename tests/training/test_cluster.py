"""Several devices, and several processes on loopback, as one: the same updates, and one fate."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT, draw_faces, f32, randomise, run_script, train_here, uniform

import ops
from benchmarks.kills import Training, steps_in, weights_in
from dcgan.files import record
from dcgan.messages import UserError
from dcgan.training import cluster
from model import DCGAN

pytestmark = pytest.mark.slow
SIZES = ("--image_size", 32, "--gf_dim", 4, "--df_dim", 4, "--z_dim", 20)
STEPS = ("--batch_size", 64, "--max_steps", 10, "--epoch", 100, "--ema", 0.5)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return draw_faces(tmp_path_factory.mktemp("pictures"), 160, size=32)


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    """Weights of ordinary size. Of a fresh network's, most gradients are all but 0, and Adam makes
    steps of full length of their rounding; then even one process, with its images changed by 1e-7,
    gets weights that are 4e-4 others after 10 steps (benchmarks/RESULTS.md)."""
    folder = tmp_path_factory.mktemp("lively")
    model = DCGAN(image_size=32, gf_dim=4, df_dim=4, z_dim=20)
    randomise(model).save(str(folder))
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory, pictures, lively):
    """The folder of the same training by one process."""
    folder = tmp_path_factory.mktemp("alone")
    train_here(folder, pictures, "--init", lively, *STEPS, sizes=())
    return folder


def difference(folder, other):
    """How far all weights of two runs are apart, and the greatest of their losses' distances."""
    one, two = weights_in(str(folder)), weights_in(str(other))
    # Not the biases in front of a batch norm, which takes them out again: they only drift.
    names = [name for name in one if name.startswith(("variables/", "average/")) and (
        ".Sw/" in name or ".SMatrix/" in name or "gamma" in name or "beta" in name)]
    assert len(names) >= 20
    one, two = (np.concatenate([run[name].ravel() for name in names]) for run in (one, two))
    curves = [np.array([losses(path) for path in sorted((run / "logs").iterdir())])
              for run in (folder, other)]
    assert curves[0].shape == (1, 10, 2)
    return np.linalg.norm(one - two) / np.linalg.norm(one), np.abs(curves[0] - curves[1]).max()


def losses(path):
    found = {"d_loss": [], "g_loss": []}
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            if value.tag in found:
                found[value.tag].append(float(tf.make_ndarray(value.tensor)))
    return list(zip(*found.values()))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_cluster(folder, monkeypatch, *flags, each=((), ())):
    """Two workers on loopback, in one folder as on a shared disk; `each` has flags of its own."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    trainings = []
    for index in range(2):
        monkeypatch.setenv("TF_CONFIG", json.dumps(
            {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}))
        trainings.append(Training(
            folder, "--strategy", "multiworker", *map(str, (*flags, *each[index]))))
    monkeypatch.delenv("TF_CONFIG")
    return trainings


def test_two_processes_are_one(alone, pictures, lively, tmp_path, monkeypatch):
    """The chief alone looks at held-out faces, which changes nothing."""
    workers = start_cluster(tmp_path, monkeypatch, "--dataset", pictures, "--init", lively, *STEPS,
                            "--sync_batch_norm", "--validation", pictures, "--validation_interval",
                            5, "--sample_interval", 100)
    said = [worker.end() for worker in workers]
    assert [worker.process.returncode for worker in workers] == [0, 0], workers[0].errors
    assert "10 steps done" in said[0] and said[1] == ""  # only the chief speaks and writes
    assert sorted(os.listdir(tmp_path / "samples")) == [
        record.NAME, "train_00_0000.png", "train_04_0001.png"]
    weights, loss = difference(alone, tmp_path)
    print(f"after 10 steps weights differ by {weights:.1e}, losses by {loss:.1e}")
    assert weights < 1e-4 and loss < 1e-4
    run = json.loads((tmp_path / "checkpoint" / "run.json").read_text())
    assert (run["workers"], run["replicas"]) == (2, 2)
    assert (tmp_path / "checkpoint" / "best" / "validation.json").exists()


LOGICAL_DEVICES = """if True:
    import sys
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    sys.path[:0] = sys.argv[1:3]
    from conftest import load_script
    load_script("train-dcgan.py").main(sys.argv[3:])
"""


@pytest.mark.parametrize("sync", [True, False])
def test_two_devices_are_one(alone, pictures, lively, tmp_path, sync):
    result = subprocess.run(
        [sys.executable, "-c", LOGICAL_DEVICES, ROOT, ROOT / "tests", *map(str, (
            "--strategy", "mirrored", "--dataset", pictures, "--init", lively, *STEPS,
            *["--sync_batch_norm"] * sync))], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    weights, loss = difference(alone, tmp_path)
    if sync:
        assert weights < 1e-4 and loss < 1e-4
    else:  # the statistics of 32 are not those of 64
        assert weights > 1e-4 and 1e-3 < loss < 0.5


RECIPE = ("--diffaug", "color", "translation", "cutout", "--label_smoothing", 0.1,
          "--lr_schedule", "linear")


def test_two_devices_see_the_same_augmentations(pictures, lively, tmp_path):
    flags = ("--dataset", pictures, "--init", lively, *STEPS, *RECIPE)
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    train_here(folders[0], pictures, *flags, sizes=())
    result = subprocess.run(
        [sys.executable, "-c", LOGICAL_DEVICES, ROOT, ROOT / "tests", "--strategy", "mirrored",
         "--sync_batch_norm", *map(str, flags)], cwd=folders[1], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    weights, loss = difference(*folders)
    assert weights < 1e-4 and loss < 1e-4


def test_a_penalty_on_two_devices(pictures, tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", LOGICAL_DEVICES, ROOT, ROOT / "tests", *map(str, (
            "--strategy", "mirrored", "--dataset", pictures, *SIZES, "--max_steps", 3, "--r1", 1,
            "--r1_interval", 2))], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0 and "3 steps done" in result.stdout, result.stderr


def test_a_worker_that_dies_ends_the_other_and_they_go_on_together(
        pictures, tmp_path, monkeypatch):
    flags = ("--dataset", pictures, *SIZES, "--batch_size", 64, "--epoch", 100000,
             "--save_interval", 3)
    workers = start_cluster(tmp_path, monkeypatch, *flags)
    workers[0].wait_for(5)
    assert steps_in(str(tmp_path)) >= 3
    workers[1].process.send_signal(signal.SIGKILL)
    start = time.monotonic()
    workers[0].end()
    assert time.monotonic() - start < 60
    workers[1].end()
    assert workers[0].process.returncode == 2
    assert b"another worker ended or cannot be reached" in workers[0].errors
    assert b"Traceback" not in workers[0].errors

    saved = steps_in(str(tmp_path))
    workers = start_cluster(tmp_path, monkeypatch, *flags)
    workers[0].wait_for(2)
    workers[1].process.send_signal(signal.SIGTERM)  # to any of them, and all stop and save
    said = [worker.end() for worker in workers]
    assert [worker.process.returncode for worker in workers] == [143, 143], workers[0].errors
    assert f"at step {saved}" in said[0] and steps_in(str(tmp_path)) > saved


def test_what_the_chief_refuses_ends_the_others(pictures, tmp_path, monkeypatch):
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "something").touch()
    workers = start_cluster(tmp_path, monkeypatch, "--dataset", pictures, *SIZES, "--no-resume")
    for worker, words in zip(workers, (b"--no-resume: checkpoint is not empty",
                                       b"another worker ended")):
        worker.end()
        assert worker.process.returncode == 2
        assert words in worker.errors and b"Traceback" not in worker.errors


def test_a_port_that_is_taken(monkeypatch, tmp_path, pictures):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run_script(
            "train-dcgan.py", "--dataset", pictures, "--strategy", "multiworker", cwd=tmp_path,
            TF_CONFIG=json.dumps({"cluster": {"worker": [address]},
                                  "task": {"type": "worker", "index": 0}}))
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "train-dcgan.py: error: --strategy multiworker: " in result.stderr


@pytest.mark.parametrize("each", [
    [("--seed", 0), ("--seed", 1)], [(), ("--label_smoothing", 0.1)]])
def test_workers_that_do_not_agree(pictures, tmp_path, monkeypatch, each):
    trainings = start_cluster(tmp_path, monkeypatch, "--dataset", pictures, *SIZES, each=each)
    for training in trainings:
        training.end()
    for training in trainings:
        assert training.process.returncode == 2
        assert b"flags, pictures or checkpoints differ" in training.errors
        assert b"Traceback" not in training.errors


@pytest.mark.parametrize("text", [
    "", "{", "[]", '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
    '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
    '{"cluster": {"worker": ["a:1"]}}',
    '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
    '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}'])
def test_a_cluster_that_is_not_described(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="^--strategy multiworker: TF_CONFIG .*must be like"):
        cluster.make_strategy("multiworker", 64)


def test_a_batch_that_cannot_be_shared(pictures, tmp_path):
    train_here(tmp_path, pictures, "--strategy", "mirrored", "--jit", "--max_steps", 1,
               sizes=SIZES)  # one CPU is one replica
    result = subprocess.run(
        [sys.executable, "-c", LOGICAL_DEVICES, ROOT, ROOT / "tests", "--strategy", "mirrored",
         "--batch_size", "63"], cwd=tmp_path, capture_output=True, text=True)
    assert "--batch_size 63: must be a multiple of 2" in result.stderr


def test_synchronised_batch_norm_is_numpys_over_all_replicas(monkeypatch):
    """Its formula, with the replicas' mean put in place of what one replica computes."""
    x, other = uniform(3, 4, 4, 2), 3 + 2 * uniform(3, 4, 4, 2, seed=1)
    gamma, beta, moving = np.array([0.5, 2]), np.array([1.0, -1]), np.array([0.1, 0.2])

    class Context:
        num_replicas_in_sync = 2

        @staticmethod
        def all_reduce(op, value):
            mean, var = other.mean((0, 1, 2)), other.var((0, 1, 2))
            return (value + np.stack([mean, var + mean**2]).astype(np.float32)) / 2

    monkeypatch.setattr(tf.distribute, "get_replica_context", Context)
    moving_mean, moving_variance = tf.Variable(f32(moving)), tf.Variable(f32(moving))
    y = ops.batch_norm(f32(x), f32(gamma), f32(beta), moving_mean, moving_variance, sync=True)
    both = np.concatenate([x, other]).reshape(-1, 2)
    mean, var = both.mean(0), both.var(0)
    np.testing.assert_allclose(
        y, (x - mean) / np.sqrt(var + 1e-5) * gamma + beta, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(moving_mean, 0.9 * moving + 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(
        moving_variance, 0.9 * moving + 0.1 * both.var(0, ddof=1), rtol=1e-5)
