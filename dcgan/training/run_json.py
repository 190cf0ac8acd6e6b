"""The record of a run: `run.json` beside its checkpoints."""

import contextlib
import datetime
import glob
import json
import os
import platform
import secrets

from dcgan import messages
from dcgan.files import record, writing
from dcgan.machine import versions
from dcgan.messages import UserError

_NAME = "run.json"


def refuse_to_overwrite(*folders):
    """Raise UserError, for --no-resume, unless the folders are empty or not there."""
    for folder in folders:
        if os.path.isdir(folder) and any(not name.startswith(".") for name in os.listdir(folder)):
            raise UserError(f"--no-resume: {folder} is not empty, and its files must not be "
                            "overwritten; choose an empty folder, or drop --no-resume to resume")


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
        record.add(path, path)  # it tells whose it is, even where somebody has changed it
    elif os.path.lexists(path):
        aside = record.set_aside(path)
        messages.warn(path, f"not a valid run record; renamed to {aside}, and a new record was "
                            "started")
    flags = json.loads(json.dumps(settings.flags(), sort_keys=True))  # as they are read again
    old = before.get("flags", {})
    changed = {flag: [old[flag], value] for flag, value in flags.items()
               if flag in old and old[flag] != value and flag != "resume"}
    for flag, (was, value) in changed.items():
        value, was = (None if each in ("", []) else each for each in (value, was))
        print(f"--{flag} is {value} from here on; it was {was}")
    if before.get("names", pictures.names) != pictures.names:
        print(f"--dataset {settings.dataset} has changed since the last run ({len(pictures)} "
              f"pictures, previously {before['pictures']}); the rest of this epoch uses a new "
              "order")
    same = before and not is_copy(settings.checkpoint_dir)
    run = {
        "id": before["id"] if same else secrets.token_hex(4),
        "folder": os.stat(settings.checkpoint_dir).st_ino,
        "path": os.path.realpath(settings.checkpoint_dir),
        "seed": settings.seed, "flags": flags,
        "versions": versions.installed(),
        "machine": platform.platform(), "pictures": len(pictures),
        "names": pictures.names, **more,
        "starts": [*before.get("starts", []), {
            "time": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "step": step, "changed": changed}]}
    writing.write_text(path, json.dumps(run, indent=2) + "\n")
    return run["id"]


def is_copy(folder):
    """Whether a folder with a record is a copy of another that is there too: it is another run, and
    must leave the first one's curves alone.

    One that was copied back to its place, or moved, is not, be it to another disk.
    """
    run, here = read(folder), os.path.realpath(folder)
    # Where versions before it were started, they have not recorded but as it was typed.
    place = run.get("path") or os.path.abspath(run["flags"].get("checkpoint_dir") or folder)

    def has_same_run(other):
        with contextlib.suppress(OSError):  # a neighbour may not be ours to read
            return (record.identity(other) != record.identity(folder)
                    and read(other).get("id") == run["id"])
        return False

    if place == here:
        return False
    if has_same_run(place):
        return True
    if run.get("folder") == os.stat(folder).st_ino:  # renamed, and perhaps copied since
        return False
    return any(map(has_same_run, glob.glob(
        os.path.join(glob.escape(os.path.dirname(here)), "*"))))


def read(checkpoint_dir):
    """The record of the run in a folder, a dict; empty if there is none that can be read."""
    try:
        with open(os.path.join(checkpoint_dir, _NAME)) as file:
            run = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    if isinstance(run, dict) and all(isinstance(run.get(key), kind) for key, kind in (
            ("id", str), ("flags", dict), ("starts", list), ("pictures", int))):
        return run
    return {}


def require_own(checkpoint_dir):
    """Raise UserError if the folder has a `run.json` that no training has written."""
    path = os.path.join(checkpoint_dir, _NAME)
    if os.path.lexists(path) and not read(checkpoint_dir) and not record.entries_of(path):
        raise UserError(f"--checkpoint_dir {checkpoint_dir}: {path} already exists and is not a "
                        "run record, so it was not overwritten; choose another --checkpoint_dir, "
                        "or move the file away")
