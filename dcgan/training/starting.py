"""A DCGAN to train: of which sizes, on which devices, and from which weights."""

import dataclasses

import tensorflow as tf

from dcgan.checkpoints import finding, reading, saving, tracking
from dcgan.faces import places
from dcgan.messages import UserError
from dcgan.networks.architecture import Architecture
from dcgan.settings import part
from dcgan.training import cluster
from dcgan.training.recipe import Recipe
from dcgan.training.run_json import refuse_to_overwrite
from dcgan.training.settings import Sizes, Steps


def model_for(kind, settings):
    """A DCGAN of the sizes that the settings have, or the checkpoint that the training starts from.

    Args:
        kind: the `DCGAN` class.
        settings: the `TrainingSettings`.

    Raises:
        UserError: a size was asked for that the checkpoint does not have, or the settings of the
            machine do not fit it.
    """
    if finding.is_one(settings.checkpoint_dir):
        raise UserError(f"--checkpoint_dir {settings.checkpoint_dir}: must be a folder, not one "
                        "checkpoint; to start from its weights, use --init")
    for flag in ("checkpoint_dir", "log_dir"):
        saving.require_usable_name(getattr(settings, flag), f"--{flag}", (
            " and add --init pretrained" * (flag == "checkpoint_dir")))
    strategy = cluster.make_strategy(settings.strategy, settings.batch_size)
    worker, workers = cluster.worker_of(strategy)
    if not settings.resume and worker == 0:
        refuse_to_overwrite(settings.checkpoint_dir, settings.sample_dir)
    resumes = bool(finding.find_checkpoints(settings.checkpoint_dir))
    source = settings.checkpoint_dir if resumes else settings.init
    path = source and reading.newest_whole(source, silent=True)[0]
    architecture, margin = _architecture(settings, source, path), _margin(
        settings, resumes and path)
    recipe = part(settings, Recipe)
    if workers > 1:  # `policies` are in one order, whatever that of the flag
        cluster.require_agreement(
            strategy, architecture, dataclasses.replace(recipe, diffaug=recipe.policies),
            part(settings, Steps), [margin, *(getattr(settings, k) for k in (
                "precision", "jit", "sync_batch_norm", "train_size", "crop", "flip"))])
    model = kind(batch_size=settings.batch_size, seed=settings.seed, precision=settings.precision,
                 jit=settings.jit, margin=margin, architecture=architecture, strategy=strategy)
    if model.jit and strategy.num_replicas_in_sync > 1 and not tf.config.get_visible_devices(
            "GPU"):
        raise UserError("--jit: cannot be combined with several CPU devices; drop the flag")
    return model


def require_made_for(model, settings):
    """Raise ValueError where a DCGAN is not as `model_for` would make it of the settings."""
    has = model.architecture.sizes() | {
        "batch_size": model.batch_size, "seed": model.seed, "precision": model.dtype.name}
    for name, value in has.items():
        wanted = getattr(settings, name)
        if wanted not in (None, value):
            raise ValueError(f"the settings' {name} must be the model's, {value} (model_for makes "
                             f"a model of settings). Received: {wanted}")


def _margin(settings, path):
    """The margin of the faces: the flag's, the one that align.py recorded, or that of the
    checkpoint at `path`, which the training resumes from. Those that are known must be equal."""
    known = {"--margin": settings.margin,
             f"the record in --dataset {settings.dataset}": places.margin_of(settings.dataset)}
    if path:
        known[f"the checkpoint {path}"] = reading.margin(path)
    known = {who: margin for who, margin in known.items() if margin is not None}
    if len(set(known.values())) > 1:
        raise UserError(", ".join(f"{who} says that the faces' margin is {margin}"
                                  for who, margin in known.items())
                        + "; align them with one margin, or leave --margin out")
    return next(iter(known.values()), 0.0)


def _architecture(settings, source, path):
    """The `Architecture` of the checkpoint at `path`, which `source` has; without one, that of the
    settings."""
    given = {flag: value for flag, value in part(settings, Sizes).flags().items()
             if value is not None}
    if not path:
        return Architecture.make(**given)
    architecture = reading.checkpoint_architecture(path)
    has = architecture.sizes()
    for flag, value in given.items():
        if value != has[flag]:
            raise UserError(
                f"--{flag} {value}: the checkpoint in {source} has {has[flag]}; "
                "drop the flag, or choose another --checkpoint_dir")
    return architecture


def load(model, settings):
    """Give a DCGAN the newest whole checkpoint in `checkpoint_dir`; else the weights of `init`;
    else leave it as it was made."""
    saving.tidy(settings.checkpoint_dir)
    if finding.find_checkpoints(settings.checkpoint_dir):
        path, damaged = reading.newest_whole(settings.checkpoint_dir)
        for newer in damaged:  # or it would be taken for newer than what comes
            saving.set_aside(newer)
        model.load(path)
        print(f"resuming from {path} at step {int(model.progress['step'])}"
              + f"; --init {settings.init} is ignored, because it applies only to a new training"
              * bool(settings.init))
    elif settings.init:
        print(f"starting from the weights of {model.load(settings.init, weights_only=True)}")


def training_variables(model):
    """All that a training changes, a list."""
    slots = [[optim.step, *optim.m.values(), *optim.v.values()]
             for optim in (model.g_optim, model.d_optim)]
    scales = [each for net in tracking.loss_scales(model).values() for each in net.values()]
    return [*model.vars.values(), *model.average.values(), *sum(slots, []), *scales,
            *model.progress.values()]


def take_state_of_chief(model):
    """So no worker but the first needs to see the checkpoint."""
    variables = training_variables(model)
    values = cluster.total(
        model.strategy, [tf.identity(v) for v in variables], first_alone=True)
    for variable, value in zip(variables, values):
        variable.assign(value)
