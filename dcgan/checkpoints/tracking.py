"""What of a DCGAN is in its checkpoints."""

import tensorflow as tf

from dcgan.checkpoints import finding, reading, saving
from dcgan.messages import UserError


def tracked(model, path=None):
    """Everything that rebuilds the networks and goes on training, as TensorFlow tracks it.

    Args:
        model: a `DCGAN`.
        path: of the checkpoint that it is to be read from, without what only some have.

    Returns:
        A `tf.train.Checkpoint`.
    """
    parts = {"variables": model.vars, "progress": model.progress,
             "architecture": {k: tf.Variable(v, dtype=tf.int64, trainable=False)
                              for k, v in model.architecture._asdict().items()}}
    if model.g_optim is not None:
        parts.update(g_optim=model.g_optim, d_optim=model.d_optim)
        if path is None or reading.has(path, "loss_scales/g/scale"):
            parts["loss_scales"] = loss_scales(model)
    if path is None and model.margin:
        parts["frame"] = {"margin": tf.Variable(model.margin, dtype=tf.float64, trainable=False)}
    if model.average and (path is None or reading.has_average(path)):
        parts["average"] = model.average
    return tf.train.Checkpoint(**parts)


def export(model, path):
    """`saving.export` of the weights that a DCGAN's images are made with, and of its margin."""
    weights = {name: v.numpy() for name, v in model.weights.shown.items()}
    saving.export(weights | ({reading.MARGIN: model.margin} if model.margin else {}), path)


def loss_scales(model):
    """The variables of float16's loss scales; none in another precision."""
    return {net: {"scale": optim.loss_scale.scale, "since": optim.loss_scale.since}
            for net, optim in (("g", model.g_optim), ("d", model.d_optim)) if optim.loss_scale}


def save(model, checkpoint_dir, max_to_keep):
    """`saving.save` of a DCGAN at its present step."""
    return saving.save(
        tracked(model), checkpoint_dir, int(model.progress["step"]), max_to_keep)


def take_average(model, path):
    """Make G the average that a checkpoint has, if it has one."""
    if reading.has_average(path):
        reading.restore(tf.train.Checkpoint(average=model.weights.net("generator")), path)


# Arguments of the constructor that are read from the checkpoint instead.
READ = ("image_size", "z_dim", "gf_dim", "df_dim", "c_dim", "margin", "architecture")


def from_checkpoint(kind, checkpoint_dir, settings):
    """A `kind` of DCGAN, as `DCGAN.from_checkpoint` returns it; ValueError if a setting is one of
    `READ`."""
    for name in settings.keys() & set(READ):
        raise ValueError(f"from_checkpoint reads {name} from the checkpoint; leave it out. "
                         f"Received: {name}={settings[name]!r}")

    def read():
        path, _ = reading.newest_whole(checkpoint_dir)
        model = kind(architecture=reading.checkpoint_architecture(path), **settings)
        _load(model, path)
        take_average(model, path)
        model.source = path
        return model

    return reading.again_if_changed(checkpoint_dir, read)


def load(model, checkpoint_dir, weights_only=False):
    """Restore the newest whole checkpoint; arguments, result and errors as of `DCGAN.load`."""
    return reading.again_if_changed(
        checkpoint_dir, lambda: _load(model, checkpoint_dir, weights_only))


def _load(model, checkpoint_dir, weights_only=False):
    path, _ = reading.newest_whole(checkpoint_dir)
    found = reading.checkpoint_architecture(path)
    if found != model.architecture:
        differences = ", ".join(
            f"{k} is {getattr(found, k)}, expected {getattr(model.architecture, k)}"
            for k in found._fields if getattr(found, k) != getattr(model.architecture, k))
        raise UserError(f"checkpoint {path} does not match this network: {differences}")
    if not weights_only:
        model.margin = reading.margin(path)
    if not reading.is_own(path):
        for name, value in reading.read_tf1(path).items():
            model.vars[name].assign(value)
    elif weights_only:
        reading.restore(tf.train.Checkpoint(variables=model.vars), path)
        take_average(model, path)
    else:
        reading.restore(tracked(model, path), path)
        if reading.has_average(path):
            return path
    for name, average in model.average.items():  # it begins here
        average.assign(model.vars[name])
    return path


def newest(checkpoint_dir):
    """The path of the newest checkpoint in a folder; None if there is none."""
    return next(iter(finding.find_checkpoints(checkpoint_dir)), None)
