"""What is in a checkpoint, and whether all of it can be read."""

import contextlib
import os
import re
import time

import numpy as np
import tensorflow as tf

from dcgan.checkpoints import finding
from dcgan.messages import UserError, first_line, warn
from dcgan.networks.architecture import Architecture

# TensorFlow takes these for patterns, or escapes them, where it reads.
UNREADABLE = "that contain [ ] * ? \\ or control characters"
MARGIN = "frame/margin"
CHANGES = 20  # of a folder while it is read, after which no more are waited for


class Damaged(UserError):
    """A checkpoint that cannot be read whole."""


def again_if_changed(checkpoint_dir, read):
    """What `read()` returns; where it fails, and meanwhile a training put another checkpoint into
    the folder or deleted one, what it returns then.

    Raises:
        UserError: `read` does, of a folder that has not changed.
    """
    for _ in range(CHANGES):
        before = finding.state_of(checkpoint_dir)
        try:
            return read()
        except UserError:
            after = finding.state_of(checkpoint_dir)
            if after == before and not finding.is_written_to(after):
                raise
            time.sleep(0.05)
    return read()


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
    return again_if_changed(checkpoint_dir, lambda: _newest_whole(checkpoint_dir, silent))


def _newest_whole(checkpoint_dir, silent):
    damaged, paths = [], finding.require(checkpoint_dir)
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
            warn(None, f"{error}; an older one is used, {path}")
        return path, [newer for newer, _ in damaged]
    others = len(damaged) - 1
    raise Damaged(f"{damaged[0][1]}" + f"; the {others} older ones are unreadable" * (others > 0))


@contextlib.contextmanager
def _naming_damage(path):
    """What TensorFlow raises over a damaged checkpoint, as an error that names it."""
    try:
        yield
    except tf.errors.PermissionDeniedError as error:
        raise UserError(f"checkpoint {path}: permission denied") from error
    except (tf.errors.OpError, AssertionError, IndexError, RuntimeError, ValueError) as error:
        if not is_readable(path):
            raise UserError(f"checkpoint {ascii(path)[1:-1]}: TensorFlow cannot read paths "
                            f"{UNREADABLE}; rename the folder") from error
        problem = first_line(error)
        file, _, missing = problem.partition("; No such file")
        raise Damaged(f"checkpoint {path} " + (
            f"is incomplete: its file {os.path.basename(file)} is missing" if missing
            else f"is damaged: {problem}")) from error


def is_readable(path):
    """Whether TensorFlow can read checkpoints below a name."""
    return path.isprintable() and not re.search(r"[][*?\\]", path)


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
    path = finding.require(checkpoint_dir)[0]
    reader = open_checkpoint(path)
    if is_own(path):
        with _naming_damage(path):
            values = {k: reader.get_tensor(f"architecture/{k}/.ATTRIBUTES/VARIABLE_VALUE")
                      for k in Architecture._fields}
        return Architecture(**{k: int(v) if v.ndim == 0 else tuple(map(int, v))
                               for k, v in values.items()})
    return _tf1_architecture(path, reader)


def margin(path):
    """The margin of the frames that a checkpoint was trained with; 0.0, the article's, where it
    names none."""
    reader = open_checkpoint(path)
    for name in (MARGIN, f"{MARGIN}/.ATTRIBUTES/VARIABLE_VALUE"):
        if reader.has_tensor(name):
            with _naming_damage(path):
                return round(float(reader.get_tensor(name)), 6)
    return 0.0


def _tf1_names(reader):
    """`{our name: their name}` of the variables of an original checkpoint, in either naming.

    The original's HEAD counts D's batch norms from 0, the published checkpoint from 1, and D's
    linear layer one further. Adam's slots and powers, which its Saver kept too, are left out.
    """
    names = {name for name in reader.get_variable_to_shape_map()
             if not re.search(r"/Adam(_\d+)?$|beta[12]_power", name) and name != MARGIN}
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
        "unexpected": sorted(shapes.keys() - expected.keys()),
        "of another shape": [f"{k} {shapes[k]} instead of {expected[k]}" for k in
                             sorted(expected.keys() & shapes.keys()) if shapes[k] != expected[k]]}
    if any(problems.values()):
        raise UserError(f"checkpoint {path} is not a DCGAN: " + "; ".join(
            f"{what}: {', '.join(names)}" for what, names in problems.items() if names))
    return architecture


def read_tf1(path):
    """`{our name: float32 array}` of an original checkpoint, all read before any is used."""
    reader = open_checkpoint(path)
    with _naming_damage(path):
        return {ours: reader.get_tensor(theirs).astype(np.float32)
                for ours, theirs in _tf1_names(reader).items()}
