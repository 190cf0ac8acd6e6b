"""Checkpoints: what is in them, which one is whole, and writing them so that a kill loses nothing.

Two kinds are read: ours (`tf.train.Checkpoint`), and the name-based ones of the original code.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import sys
import tempfile
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from files import errors, ownership, writing
from files.errors import UserError

NAME = "DCGAN"
# The network that comes with the program, and the word by which flags name it.
PRETRAINED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pretrained")
_OWN = re.compile(rf"{NAME}-(\d+)")
_BESIDE = ".saving-"
# Of a checkpoint's files; .meta is TensorFlow 1's.
_SUFFIX = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")
# TensorFlow takes these for patterns, or escapes them, where it reads.
_UNREADABLE = "with [ ] * ? \\ or unprintable characters"


class Architecture(NamedTuple):
    """Everything that fixes the shape of every variable; each checkpoint carries it.

    `g_widths` are the generator's channels at resolutions 4, 8, ..., image_size / 2, and `d_widths`
    the discriminator's at image_size / 2, ..., 8, 4.
    """

    image_size: int
    z_dim: int
    c_dim: int
    g_widths: tuple
    d_widths: tuple

    @classmethod
    def make(cls, image_size=64, z_dim=100, gf_dim=64, df_dim=64, c_dim=3):
        """The article's widths at 64 pixels, continued to any power of two from 8 to 256."""
        if image_size not in (8, 16, 32, 64, 128, 256):
            raise ValueError(
                f"image_size must be a power of two from 8 to 256. Received: {image_size}")
        resolutions = [4 * 2**i for i in range(image_size.bit_length() - 3)]
        factors = [min(8, image_size // (2 * r)) for r in resolutions]
        return cls(image_size, z_dim, c_dim, tuple(gf_dim * f for f in factors),
                   tuple(df_dim * f for f in reversed(factors)))

    def sizes(self):
        """The sizes as the flags of train-dcgan.py have them, by name."""
        return {"image_size": self.image_size, "z_dim": self.z_dim, "c_dim": self.c_dim,
                "gf_dim": self.g_widths[-1], "df_dim": self.d_widths[0]}

    def shapes(self):
        """`{name: shape}` of every variable, under the names of the article's own checkpoint."""
        shapes = {}

        def add_batch_norm(name, width):
            for part in ("beta", "gamma", "moving_mean", "moving_variance"):
                shapes[f"{name}/{part}"] = (width,)

        def add_convolution(name, shape, width):
            shapes[f"{name}/w"] = shape
            shapes[f"{name}/biases"] = (width,)

        flat = 16 * self.g_widths[0]
        shapes["generator/g_h0_lin/Matrix"] = (self.z_dim, flat)
        shapes["generator/g_h0_lin/bias"] = (flat,)
        for i, (n_in, n_out) in enumerate(zip(self.g_widths, (*self.g_widths[1:], self.c_dim))):
            add_batch_norm(f"generator/g_bn{i}", n_in)
            add_convolution(f"generator/g_h{i + 1}", (5, 5, n_out, n_in), n_out)

        for i, (n_in, n_out) in enumerate(zip((self.c_dim, *self.d_widths), self.d_widths)):
            add_convolution(f"discriminator/d_h{i}_conv", (5, 5, n_in, n_out), n_out)
            if i > 0:
                add_batch_norm(f"discriminator/d_bn{i}", n_out)
        last = f"discriminator/d_h{len(self.d_widths) - 1}_lin"
        shapes[f"{last}/Matrix"] = (16 * self.d_widths[-1], 1)
        shapes[f"{last}/bias"] = (1,)
        return shapes


# Finding


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
        if path not in changed and _files(path):  # it has lost its index, but not its data
            changed[path] = 0
    return sorted(changed, reverse=True, key=lambda path: (
        step_of(path) is not None, step_of(path) or 0, rank.get(path, -1), changed[path]))


def files_of(checkpoint_dir):
    """The files of the checkpoints that `find_checkpoints` finds."""
    return [file for path in find_checkpoints(checkpoint_dir) for file in _files(path)]


def is_one(path):
    """Whether a path is of one checkpoint, without its suffix or that of one of its files."""
    return os.path.isfile(_SUFFIX.sub("", path) + ".index")


def _listed(folder):
    """What the folder's own list names, the newest last; nothing if the list is damaged."""
    try:
        state = tf.train.get_checkpoint_state(folder)
    except (tf.errors.OpError, ValueError):
        return []
    return [*state.all_model_checkpoint_paths, state.model_checkpoint_path] if state else []


def step_of(path):
    """The step in the name of one of our checkpoints; None if it is another's."""
    match = _OWN.fullmatch(os.path.basename(path))
    return match and int(match[1])


def newest_whole(checkpoint_dir, silent=False):
    """The newest checkpoint of which every byte can be read.

    Args:
        checkpoint_dir: a folder of checkpoints; or one checkpoint's path without suffix, which is
            returned unread.
        silent: do not warn of damaged ones.

    Returns:
        Its path, and the paths of the damaged ones that are newer.

    Raises:
        UserError: there is none.
    """
    damaged, paths = [], _require(checkpoint_dir)
    if paths == [checkpoint_dir]:
        return checkpoint_dir, []
    for path in paths:
        try:
            reader = open_checkpoint(path)
            with _naming_damage(path):
                for name in reader.get_variable_to_shape_map():
                    reader.get_tensor(name)  # TensorFlow compares the checksum
        except Damaged as error:
            damaged.append((path, error))
            continue
        for _, error in () if silent else damaged:
            print(f"warning: {error}; an older one is used, {path}", file=sys.stderr)
        return path, [newer for newer, _ in damaged]
    others = len(damaged) - 1
    raise Damaged(f"{damaged[0][1]}" + f"; so are the {others} older ones" * (others > 0))


def _require(checkpoint_dir):
    paths = find_checkpoints(checkpoint_dir)
    if not paths:
        raise UserError(f"no checkpoint in {checkpoint_dir}: train one with train-dcgan.py, or "
                        "name the folder that has one")
    return paths


# Reading


class Damaged(UserError):
    """A checkpoint that cannot be read whole."""


@contextlib.contextmanager
def _naming_damage(path):
    """What TensorFlow raises over a damaged checkpoint, as an error that names it."""
    try:
        yield
    except tf.errors.PermissionDeniedError as error:
        raise UserError(f"checkpoint {path}: permission denied") from error
    except (tf.errors.OpError, AssertionError, IndexError, RuntimeError, ValueError) as error:
        if not _is_readable(path):
            raise UserError(f"checkpoint {ascii(path)[1:-1]}: TensorFlow cannot read files below a "
                            f"name {_UNREADABLE}; rename the folder") from error
        raise Damaged(f"checkpoint {path} is damaged: {errors.first_line(error)}") from error


def open_checkpoint(path):
    """TensorFlow's reader of the checkpoint."""
    with _naming_damage(path):
        return tf.train.load_checkpoint(path)


def is_own(path):
    """Whether a checkpoint is ours, not the original code's."""
    return has(path, "architecture/image_size")


def has(path, key):
    """Whether a checkpoint of ours has the variable that TensorFlow tracks under a key."""
    return open_checkpoint(path).has_tensor(f"{key}/.ATTRIBUTES/VARIABLE_VALUE")


def has_average(path):
    """Whether a checkpoint is ours and has an average of G's weights."""
    return has(path, "average/generator.Sg_h0_lin.SMatrix")


def restore(checkpoint, path):
    """Restore one of ours into a `tf.train.Checkpoint`, all of which it has to have."""
    with _naming_damage(path):
        checkpoint.read(path).assert_existing_objects_matched().expect_partial()


def checkpoint_architecture(checkpoint_dir):
    """The `Architecture` of the newest checkpoint in a folder, ours or the original's."""
    path = _require(checkpoint_dir)[0]
    reader = open_checkpoint(path)
    if is_own(path):
        with _naming_damage(path):
            values = {k: reader.get_tensor(f"architecture/{k}/.ATTRIBUTES/VARIABLE_VALUE")
                      for k in Architecture._fields}
        return Architecture(**{k: int(v) if v.ndim == 0 else tuple(map(int, v))
                               for k, v in values.items()})
    return _tf1_architecture(path, reader)


def _tf1_names(reader):
    """`{our name: their name}` of the variables of an original checkpoint, in either naming.

    The original's HEAD counts D's batch norms from 0, the published checkpoint from 1, and D's
    linear layer one further. Adam's slots and powers, which its Saver kept too, are left out.
    """
    names = {name for name in reader.get_variable_to_shape_map()
             if not re.search(r"/Adam(_\d+)?$|beta[12]_power", name)}
    if "discriminator/d_bn0/beta" not in names:
        return {name: name for name in names}

    def published(name):
        name = re.sub(r"(?<=/d_bn)\d+", lambda m: str(int(m[0]) + 1), name)
        return re.sub(r"(?<=/d_h)\d+(?=_lin/)", lambda m: str(int(m[0]) - 1), name)

    return {published(name): name for name in names}


def _tf1_architecture(path, reader):
    """The sizes behind a name-based checkpoint, read off its shapes, after checking every one."""
    all_shapes = reader.get_variable_to_shape_map()
    shapes = {ours: tuple(all_shapes[theirs]) for ours, theirs in _tf1_names(reader).items()}

    def length(*names):
        return next((shapes[name][0] for name in names if name in shapes), 0)

    n = max((int(m[1]) for m in map(re.compile(r"generator/g_h(\d+)/").match, shapes) if m),
            default=0)
    g, d = "generator/g_", "discriminator/d_"
    architecture = Architecture(
        image_size=4 * 2**n, z_dim=length(f"{g}h0_lin/Matrix"),
        c_dim=length(f"{g}h{n}/biases"),
        g_widths=tuple(length(f"{g}bn{i}/beta", f"{g}h{i}/biases") for i in range(n)),
        d_widths=tuple(length(f"{d}h{i}_conv/biases", f"{d}bn{i}/beta") for i in range(n)))
    expected = architecture.shapes() if n else Architecture.make().shapes()
    problems = {
        "missing": sorted(expected.keys() - shapes.keys()),
        "left over": sorted(shapes.keys() - expected.keys()),
        "of another shape": [f"{k} {shapes[k]} instead of {expected[k]}" for k in
                             sorted(expected.keys() & shapes.keys()) if shapes[k] != expected[k]]}
    if any(problems.values()):
        raise UserError(f"checkpoint {path} does not hold a DCGAN: " + "; ".join(
            f"{what}: {', '.join(names)}" for what, names in problems.items() if names))
    return architecture


def read_tf1(path):
    """`{our name: float32 array}` of an original checkpoint, all read before any is used."""
    reader = open_checkpoint(path)
    with _naming_damage(path):
        return {ours: reader.get_tensor(theirs).astype(np.float32)
                for ours, theirs in _tf1_names(reader).items()}


# Writing


def require_usable_name(path, flag):
    """Raise UserError for names of folders that TensorFlow writes to, but cannot read again, and
    for the folder of the network that comes with the program."""
    if path == "pretrained" or os.path.realpath(path) == os.path.realpath(PRETRAINED):
        raise UserError(f"{flag} {path}: is the network that comes with the program, and stays as "
                        "it is; name another folder, and start from its weights with --init "
                        "pretrained")
    if not _is_readable(path):
        raise UserError(f"{flag} {ascii(path)[1:-1]}: TensorFlow cannot read files below a name "
                        f"{_UNREADABLE}; name another")


def _is_readable(path):
    return path.isprintable() and not re.search(r"[][*?\\]", path)


def require_new_name(path):
    """Raise UserError unless weights can be exported under a name that nothing else has, and be
    found there again."""
    require_usable_name(path, "--export")
    if not os.path.basename(path) or os.path.isdir(path):
        raise UserError(f"--export {path}: is no name for a checkpoint; name one, such as "
                        "weights/DCGAN.model-1")
    if step_of(path) is not None:
        raise UserError(f"--export {path}: is what a training calls its checkpoints; name another, "
                        "such as weights/DCGAN.model-1")
    if _files(path):
        raise UserError(f"--export {path}: is there already; name another")


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
    path = os.path.join(folder, f"{NAME}-{step}")
    with _naming_failure(folder):
        _write_whole(path, checkpoint.write)
        paths = [path for path in find_checkpoints(folder) if step_of(path) is not None]
        for older in paths[max_to_keep:]:
            _delete(older)
        if ownership.may_write(os.path.join(folder, "checkpoint")):  # not the original's list
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

    @tf.function  # on its own, an operation on half precision makes oneDNN complain of the CPU
    def write(beside):
        tf.raw_ops.SaveV2(
            prefix=beside, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)

    with _naming_failure(os.path.dirname(path) or "."):
        _write_whole(path, write, recorded=False)


@contextlib.contextmanager
def _naming_failure(folder):
    """What TensorFlow or the system raise over a full disk and the like, as an error in words."""
    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        reason = getattr(error, "strerror", None) or errors.first_line(error)
        raise UserError(
            f"{folder}: a checkpoint cannot be written there: {reason}") from error


def _write_whole(path, write, recorded=True):
    """Call `write` with another path, and put the checkpoint that it writes where it belongs."""
    folder, name = os.path.split(path)
    os.makedirs(folder or ".", exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_BESIDE, dir=folder or ".") as beside:
        write(os.path.join(beside, name))
        # Of an earlier one of this step, no half may be taken for one of this.
        for file in _files(path):
            ownership.require_ours(file)
        _delete(path)
        for file in sorted(os.listdir(beside)):  # .data-00000-of-00001, .index
            ownership.put(os.path.join(beside, file), os.path.join(folder, file),
                          recorded=recorded)


def _write_list(folder, paths):
    """Write the file by which `tf.train.latest_checkpoint` and older programs find them."""
    names = [os.path.basename(path) for path in reversed(paths)]
    lines = [f'model_checkpoint_path: "{names[-1]}"\n',
             *(f'all_model_checkpoint_paths: "{name}"\n' for name in names)]
    writing.write_text(os.path.join(folder, "checkpoint"), "".join(lines))


def _files(path):
    """The files of a checkpoint, the index first: without it, the others are not seen."""
    folder, name = os.path.split(path)
    if not os.path.isdir(folder or "."):
        return []
    return sorted((os.path.join(folder, file) for file in os.listdir(folder or ".")
                   if re.fullmatch(rf"{re.escape(name)}\.(index|data-\d+-of-\d+)", file)),
                  key=lambda file: not file.endswith(".index"))


def _delete(path):
    """Remove a checkpoint, unless a file of it is the user's: one that was copied here, say."""
    files = _files(path)
    if all(map(ownership.is_ours, files)):
        for file in files:
            os.remove(file)


def set_aside(path):
    """Rename a damaged checkpoint of ours, so that it counts no more, but is not lost either."""
    for file in _files(path) if step_of(path) is not None else []:
        ownership.set_aside(file)


def tidy(folder):
    """Remove what killed processes left of checkpoints that they were writing or deleting."""
    known = {os.path.basename(path) for path in find_checkpoints(folder)}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        data = re.fullmatch(rf"({_OWN.pattern})\.data-\d+-of-\d+", name)
        if name.startswith(_BESIDE) and os.path.isdir(path) and all(
                part.startswith(f"{NAME}-") for part in os.listdir(path)):
            shutil.rmtree(path, ignore_errors=True)
        elif data and data[1] not in known:
            ownership.remove(path)


@contextlib.contextmanager
def locked(folder):
    """Keep every other training out of a folder of checkpoints; the system unlocks it, come what
    may, when the process ends.

    Raises:
        UserError: another one is in there.
    """
    with open(os.path.join(folder, ".lock"), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"--checkpoint_dir {folder}: another training is writing there; wait "
                            "for it, or name another folder") from None
        except OSError as error:
            # As some network disks say; the last two are one on Linux, and two on macOS.
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP):
                raise
        yield
