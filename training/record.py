"""The record of a run: `run.json` beside its checkpoints, and curves that go on after a restart."""

import datetime
import json
import os
import platform
import secrets
import struct

import numpy as np
import PIL
import tensorflow as tf
from google.protobuf.message import DecodeError

from files import notices, ownership, writing
from files.errors import UserError
from summaries.writer import Summaries

_NAME = "run.json"


def refuse_to_overwrite(*folders):
    """Raise UserError, for --no-resume, unless the folders are empty or not there."""
    for folder in folders:
        if os.path.isdir(folder) and any(not name.startswith(".") for name in os.listdir(folder)):
            raise UserError(f"--no-resume: {folder} is not empty, and nothing in it may be "
                            "overwritten; name an empty folder, or leave the flag out to go on")


def record_run(settings, pictures, step, **more):
    """Write `run.json`: of the latest start its flags, seed and versions, and a line per start.

    What is not as it was at the start before is named on stdout.

    Args:
        settings: the `TrainingSettings`.
        pictures: the `Pictures`.
        step: where training stands.
        **more: what else there is to record, as JSON has it.

    Returns:
        The run's id, which the names of its files for TensorBoard carry.
    """
    path = os.path.join(settings.checkpoint_dir, _NAME)
    before = read(settings.checkpoint_dir)
    if before:
        ownership.note(path, path)  # it tells whose it is, even where somebody has changed it
    elif os.path.lexists(path):
        aside = ownership.set_aside(path)
        notices.warn(path, "is not the record of a run; it is begun anew, and what was there is "
                           f"now {aside}")
    flags = json.loads(json.dumps(settings.flags(), sort_keys=True))  # as they are read again
    old = before.get("flags", {})
    changed = {flag: [old[flag], value] for flag, value in flags.items()
               if flag in old and old[flag] != value and flag != "resume"}
    for flag, (was, value) in changed.items():
        value, was = (None if each in ("", []) else each for each in (value, was))
        print(f"--{flag} is {value} from here on; it was {was}")
    if before.get("names", pictures.names) != pictures.names:
        print(f"--dataset {settings.dataset} has other pictures than before ({len(pictures)}, "
              f"there were {before['pictures']}): the rest of this epoch is in another order")
    # A copied folder is another run, and must leave the first one's curves alone.
    folder = os.stat(settings.checkpoint_dir).st_ino
    same = before.get("folder") == folder
    record = {
        "id": before["id"] if same else secrets.token_hex(4), "folder": folder,
        "seed": settings.seed, "flags": flags,
        "versions": {"python": platform.python_version(), "tensorflow": tf.__version__,
                     "numpy": np.__version__, "pillow": PIL.__version__},
        "machine": platform.platform(), "pictures": len(pictures),
        "names": pictures.names, **more,
        "starts": [*before.get("starts", []), {
            "time": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "step": step, "changed": changed}]}
    writing.write_text(path, json.dumps(record, indent=2) + "\n")
    return record["id"]


def read(checkpoint_dir):
    """The record of the run in a folder, a dict; empty if there is none that can be read."""
    try:
        with open(os.path.join(checkpoint_dir, _NAME)) as file:
            record = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    if isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in (
            ("id", str), ("flags", dict), ("starts", list), ("pictures", int))):
        return record
    return {}


def require_own(checkpoint_dir):
    """Raise UserError if the folder has a `run.json` that no training has written."""
    path = os.path.join(checkpoint_dir, _NAME)
    if os.path.lexists(path) and not read(checkpoint_dir) and not ownership.entries_of(path):
        raise UserError(f"--checkpoint_dir {checkpoint_dir}: {path} is in the way: it is not the "
                        "record of a run, and stays as it is; name another folder, or move it away")


class Curves(Summaries):
    """TensorBoard's files of a training, which go on behind a step.

    What the run's earlier files have of later steps is cut off, so that no step is there twice:
    they are written again. Files of other runs are left alone.

    Args:
        log_dir: the folder.
        run: the run's id.
        step: where training stands.
    """

    def __init__(self, log_dir, run, step):
        self.log_dir, self.run = log_dir, run
        if not step and any("tfevents" in name and not name.endswith(f".{run}")
                            for name in os.listdir(log_dir)):
            notices.warn(log_dir, "has another training's curves too, and TensorBoard will mix "
                                  "them; name another --log_dir to keep them apart")
        try:
            self._open(step)
        except (tf.errors.OpError, OSError) as error:
            self.give_up(error)

    def _open(self, step):
        for name in sorted(os.listdir(self.log_dir)):
            if "tfevents" in name and name.endswith(f".{self.run}"):
                _cut(os.path.join(self.log_dir, name), step)
        self.writer = tf.summary.create_file_writer(
            self.log_dir, filename_suffix=f".{self.run}")

    def flush(self, step):
        """See that the steps so far are on the disk, or try again, if it has failed before."""
        try:
            if self.writer is None:
                self._open(step)
            self.writer.flush()
        except (tf.errors.OpError, OSError) as error:
            self.give_up(error)


def _cut(path, step):
    """Cut a file of events off before the first that is of a later step, or torn.

    A record is its length, two checksums of four bytes, and between them an `Event`; the steps of
    one writer never fall.
    """
    with open(path, "r+b") as file:
        size, end = os.fstat(file.fileno()).st_size, 0
        while len(head := file.read(12)) == 12:
            (length,) = struct.unpack("<Q", head[:8])
            if not length or end + length + 16 > size:
                break
            try:
                event = tf.compat.v1.Event.FromString(file.read(length + 4)[:-4])
            except DecodeError:
                break
            # Of a run that starts over nothing is kept but the file's version, the first event.
            if event.step > step or (step == 0 and end > 0):
                break
            end += length + 16
        file.truncate(end)
