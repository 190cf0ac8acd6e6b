"""What a training has left in its folder, for the tests that look at it."""

import json

import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def checkpoints(folder):
    return sorted(p.name for p in (folder / "checkpoint").glob("*.index"))


def variable(folder, name="variables/generator.Sg_h1.Sw"):
    return tf.train.load_variable(
        str(folder / "checkpoint"), f"{name}/.ATTRIBUTES/VARIABLE_VALUE")


def events(folder):
    accumulator = EventAccumulator(str(folder / "logs"), size_guidance={"tensors": 0})
    return accumulator.Reload()


def variable_of(folder, step, name):
    return tf.train.load_variable(
        str(folder / "checkpoint" / f"DCGAN-{step}"), f"{name}/.ATTRIBUTES/VARIABLE_VALUE")


def keep_identity(folder):
    """Let a copied run's record say that it is where it began."""
    path = folder / "checkpoint" / "run.json"
    record = json.loads(path.read_text())
    record["path"] = str((folder / "checkpoint").resolve())
    path.write_text(json.dumps(record))
