"""Which checkpoints there are, and which files make them up."""

import os
import re

import tensorflow as tf

from dcgan.messages import UserError

NAME = "DCGAN"
BEING_WRITTEN = ".saving-"  # begins the names of folders in which a checkpoint is written
# The network that comes with the program, and the word by which flags name it.
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PRETRAINED = os.path.join(_ROOT, "pretrained")
OWN = re.compile(rf"{NAME}-(\d+)")
# Of a checkpoint's files; .meta is TensorFlow 1's.
_SUFFIX = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")


def or_pretrained(checkpoint_dir, default="checkpoint"):
    """The folder, or `pretrained`, saying so, if it is the default one and has no checkpoint."""
    if checkpoint_dir != default or find_checkpoints(checkpoint_dir):
        return checkpoint_dir
    print(f"no checkpoint in {default}: using the face network in {os.path.relpath(PRETRAINED)}")
    return "pretrained"


def find_checkpoints(checkpoint_dir):
    """Paths of the checkpoints in a folder, or of the one whose path this is, the newest first.

    `pretrained` is the folder that comes with the program, wherever that is. Ours come in the order
    of their steps, before the original's. The folder's list named `checkpoint` only adds what it
    knows: a kill, a copy or an editor can make it wrong. Any of a checkpoint's files stands for it,
    and the list for its folder.
    """
    if checkpoint_dir == "pretrained":
        checkpoint_dir = PRETRAINED
    if os.path.isfile(checkpoint_dir) and os.path.basename(checkpoint_dir) == "checkpoint":
        checkpoint_dir = os.path.dirname(checkpoint_dir) or "."
    if is_one(checkpoint_dir):
        return [_SUFFIX.sub("", checkpoint_dir)]
    if not os.path.isdir(checkpoint_dir):
        return []
    with os.scandir(checkpoint_dir) as entries:
        changed = {entry.path.removesuffix(".index"): entry.stat().st_mtime
                   for entry in entries if entry.name.endswith(".index")}
    # Not what it names elsewhere, which is somebody else's.
    rank = {path: i for i, path in enumerate(_listed(checkpoint_dir))
            if os.path.dirname(path) == os.path.dirname(os.path.join(checkpoint_dir, NAME))}
    for path in rank:
        if path not in changed and files_of_one(path):  # it has lost its index, but not its data
            changed[path] = 0
    return sorted(changed, reverse=True, key=lambda path: (
        step_of(path) is not None, step_of(path) or 0, rank.get(path, -1), changed[path]))


def require(checkpoint_dir):
    """What `find_checkpoints` returns; a UserError if that is nothing."""
    paths = find_checkpoints(checkpoint_dir)
    if not paths:
        missing = "" if os.path.exists(checkpoint_dir) else ", which does not exist"
        raise UserError(f"no checkpoint in {checkpoint_dir}{missing}: train one with "
                        "train-dcgan.py, or name the folder that has one")
    return paths


def files_of(checkpoint_dir):
    """The files of the checkpoints that `find_checkpoints` finds."""
    return [file for path in find_checkpoints(checkpoint_dir) for file in files_of_one(path)]


def files_of_one(path):
    """The files of a checkpoint, the index first: without it, the others are not seen."""
    folder, name = os.path.split(path)
    if not os.path.isdir(folder or "."):
        return []
    return sorted((os.path.join(folder, file) for file in os.listdir(folder or ".")
                   if re.fullmatch(rf"{re.escape(name)}\.(index|data-\d+-of-\d+)", file)),
                  key=lambda file: not file.endswith(".index"))


def is_one(path):
    """Whether a path is of one checkpoint, without its suffix or that of one of its files."""
    return os.path.isfile(_SUFFIX.sub("", path) + ".index")


def state_of(checkpoint_dir):
    """Which files of checkpoints, whole or being written, lie where one is looked for: a set of
    their names and inodes."""
    folder = PRETRAINED if checkpoint_dir == "pretrained" else checkpoint_dir
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder) or "."
    if not os.path.isdir(folder):
        return set()
    with os.scandir(folder) as entries:
        return {(entry.name, entry.inode()) for entry in entries
                if _SUFFIX.search(entry.name) or entry.name.startswith(BEING_WRITTEN)}


def is_written_to(state):
    """Whether a checkpoint is being written there, by what `state_of` returned; or was, when a
    training was killed."""
    return any(name.startswith(BEING_WRITTEN) for name, _ in state)


def _listed(folder):
    """What the folder's own list names, the newest last; nothing if the list is damaged."""
    try:
        state = tf.train.get_checkpoint_state(folder)
    except (tf.errors.OpError, ValueError):
        return []
    return [*state.all_model_checkpoint_paths, state.model_checkpoint_path] if state else []


def step_of(path):
    """The step in the name of one of our checkpoints; None if it is another's."""
    match = OWN.fullmatch(os.path.basename(path))
    return match and int(match[1])
