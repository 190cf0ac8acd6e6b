"""Checkpoints written so that a kill loses nothing: each appears whole or not at all."""

import contextlib
import os
import re
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from dcgan.checkpoints import finding, reading
from dcgan.files import record, writing
from dcgan.messages import UserError, first_line


def require_usable_name(path, flag, remedy=""):
    """Raise UserError for names of folders that TensorFlow writes to, but cannot read again, and
    for the folder of the network that comes with the program, where `remedy` is said too."""
    if path == "pretrained" or os.path.realpath(path) == os.path.realpath(finding.PRETRAINED):
        raise UserError(f"{flag} {path}: the network that comes with the program is read-only; "
                        f"choose another {flag}{remedy}")
    if not reading.is_readable(path):
        raise UserError(f"{flag} {ascii(path)[1:-1]}: TensorFlow cannot read paths "
                        f"{reading.UNREADABLE}; choose another")


def require_new_name(path):
    """Raise UserError unless weights can be exported under a name that nothing else has, and be
    found there again."""
    require_usable_name(path, "--export")
    if not os.path.basename(path) or os.path.isdir(path):
        raise UserError(f"--export {path}: must be the name of a checkpoint, such as "
                        "weights/DCGAN.model-1")
    if finding.step_of(path) is not None:
        raise UserError(f"--export {path}: names like {finding.NAME}-STEP are reserved for "
                        "trainings; choose another, such as weights/DCGAN.model-1")
    if finding.files_of_one(path):
        raise UserError(f"--export {path}: already exists; choose another name")


def save(checkpoint, folder, step, max_to_keep):
    """Write a checkpoint of ours, which is seen when it is whole, and delete the oldest.

    `tf.train.CheckpointManager` writes the index where it is looked for, so that a kill leaves half
    of one, and does not know those that a kill kept out of its list. Here both files are written
    beside, and renamed, the index last.

    Args:
        checkpoint: a `tf.train.Checkpoint`.
        folder: it is made if need be.
        step: of the training, its number.
        max_to_keep: older ones than this many of the newest are deleted.

    Returns:
        The path of the checkpoint.

    Raises:
        UserError: it cannot be written.
    """
    path = os.path.join(folder, f"{finding.NAME}-{step}")
    with _naming_failure(folder):
        with _whole(path) as beside:
            checkpoint.write(beside)
        # The new one stays, even where one of a higher step is there.
        paths = [path, *(other for other in finding.find_checkpoints(folder)
                         if finding.step_of(other) is not None and other != path)]
        for older in paths[max_to_keep:]:
            _delete(older)
        if record.may_write(os.path.join(folder, "checkpoint")):  # not the original's list
            _write_list(folder, paths[:max_to_keep])
    return path


def export(weights, path):
    """Write weights alone, those of layers in half precision, as a checkpoint of the original's
    kind: of the variables' names.

    Args:
        weights: `{name: array}`, as `Architecture.shapes` names them.
        path: of the checkpoint, without suffix.

    Raises:
        UserError: it is there already, or cannot be written.
    """
    require_new_name(path)
    names = sorted(weights)
    values = [np.asarray(weights[name], np.float16 if name.endswith(("/w", "/Matrix"))
                         else np.float32) for name in names]

    # On its own, an operation on half precision makes oneDNN complain of the CPU.
    @tf.function(autograph=False)
    def write(beside):
        tf.raw_ops.SaveV2(
            prefix=beside, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)

    with (_naming_failure(os.path.dirname(path) or "."),
          _whole(path, recorded=False) as beside):
        write(beside)


@contextlib.contextmanager
def _naming_failure(folder):
    """What TensorFlow or the system raise over a full disk and the like, as an error in words."""
    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise UserError(
            f"{folder}: a checkpoint cannot be written there: {reason}") from error


@contextlib.contextmanager
def _whole(path, recorded=True):
    """Another path to write a checkpoint at, which is then put where it belongs."""
    folder, name = os.path.split(path)
    os.makedirs(folder or ".", exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=finding.BEING_WRITTEN, dir=folder or ".") as beside:
        yield os.path.join(beside, name)
        # Of an earlier one of this step, no half may be taken for one of this.
        for file in finding.files_of_one(path):
            record.require_ours(file)
        _delete(path)
        for file in sorted(os.listdir(beside)):  # .data-00000-of-00001, .index
            record.put(os.path.join(beside, file), os.path.join(folder, file),
                          recorded=recorded)


def _write_list(folder, paths):
    """Write the file by which `tf.train.latest_checkpoint` and older programs find them."""
    names = [os.path.basename(path) for path in reversed(paths)]
    lines = [f'model_checkpoint_path: "{names[-1]}"\n',
             *(f'all_model_checkpoint_paths: "{name}"\n' for name in names)]
    writing.write_text(os.path.join(folder, "checkpoint"), "".join(lines))


def _delete(path):
    """Remove a checkpoint, unless a file of it is the user's: one that was copied here, say."""
    files = finding.files_of_one(path)
    if all(map(record.is_ours, files)):
        for file in files:
            os.remove(file)


def set_aside(path):
    """Rename a damaged checkpoint of ours, so that it counts no more, but is not lost either."""
    for file in finding.files_of_one(path) if finding.step_of(path) is not None else []:
        record.set_aside(file)


def tidy(folder):
    """Remove what killed processes left of checkpoints that they were writing or deleting."""
    known = {os.path.basename(path) for path in finding.find_checkpoints(folder)}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        data = re.fullmatch(rf"({finding.OWN.pattern})\.data-\d+-of-\d+", name)
        if name.startswith(finding.BEING_WRITTEN) and os.path.isdir(path) and all(
                part.startswith(f"{finding.NAME}-") for part in os.listdir(path)):
            shutil.rmtree(path, ignore_errors=True)
        elif data and data[1] not in known:
            record.remove(path)
