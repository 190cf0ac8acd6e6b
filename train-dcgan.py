#!/usr/bin/env python3
"""Train a DCGAN on a folder of pictures."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # `python -P` leaves it out
import dcgan.cli.environment  # first: it names missing packages

import dataclasses

from dcgan.cli import running
from dcgan.cli.flags import Parser, add_groups, given_flags, refuse_contradictions
from dcgan.machine.importing import import_tensorflow
from dcgan.settings import Compute
from dcgan.training.recipe import Recipe
from dcgan.training.settings import (
    Data,
    Devices,
    Latent,
    Saving,
    Sizes,
    Steps,
    TrainingSettings,
    Validation,
    Watching,
)

INSTEAD = ("visualize", "components", "export")  # of training
MOST_USED = ("dataset", "image_size", "epoch", "flip", "ema", "init", "validation",
             "checkpoint_dir")


@dataclasses.dataclass(frozen=True)
class Flags(TrainingSettings, Latent):
    """All settings of this script."""


def make_parser():
    parser = Parser(prog="train-dcgan.py", usage="train-dcgan.py [options]", description=__doc__)
    groups = add_groups(parser, Data, Steps, Recipe, Compute, Devices, Sizes, Saving, Validation,
                        Watching, Latent, first=MOST_USED)
    groups[Data].add_argument("--no-cache", dest="cache", action="store_const", const="",
                              help="keep no decoded pictures; decode them again in each epoch")
    return parser


def parse_args(argv=None):
    """The `Flags` of a command line."""
    parser = make_parser()
    given = given_flags(parser, argv)
    settings = Flags(**given)
    refuse_contradictions(settings, given, [INSTEAD], parser)
    if settings.visualize == "arithmetic" and not settings.positive:
        parser.error("--visualize arithmetic: needs at least one group of pictures; add --positive "
                     "FOLDER ..., such as --positive smiling_women men --negative women")
    instead = [flag for flag in INSTEAD if flag in given]
    if instead and settings.init is not None:
        parser.error(f"--init {settings.init}: cannot be combined with --{instead[0]}; to use that "
                     "network, name it as --checkpoint_dir")
    refuse_uncomputable(settings, parser)
    if settings.cache is None:
        cache = os.path.join(settings.checkpoint_dir, "pictures.cache")
        settings = dataclasses.replace(settings, cache=cache)
    return settings


def refuse_uncomputable(settings, parser):
    """End the script if its flags cannot be combined in one computation."""
    if settings.r1 and settings.precision == "float16":
        parser.error(f"--r1 {settings.r1}: cannot be combined with --precision float16, which "
                     "loses its second derivatives; use bfloat16 or float32")
    # The moments of synchronised batch norm have no second derivative (TensorFlow's).
    if settings.r1 and settings.sync_batch_norm:
        parser.error(f"--r1 {settings.r1}: cannot be combined with --sync_batch_norm; drop one of "
                     "them")


def main(argv=None):
    settings = parse_args(argv)
    import_tensorflow(settings.tf32, settings.deterministic)
    from dcgan.checkpoints.finding import or_pretrained
    from dcgan.checkpoints.saving import require_new_name
    from dcgan.training.cluster import naming_failures
    from dcgan.training.starting import model_for
    from model import DCGAN

    if settings.export is not None:
        require_new_name(settings.export)
    if settings.visualize or settings.components or settings.export:
        from dcgan.inpainting.gaussian import fit_gaussian
        from dcgan.visualize import visualize

        source = settings.checkpoint_dir
        model = DCGAN.from_checkpoint(
            source if settings.components else or_pretrained(source),
            batch_size=settings.batch_size, seed=settings.seed, precision=settings.precision,
            jit=settings.jit)
        if settings.visualize:
            visualize(model, settings)
        elif settings.components:
            fit_gaussian(model, settings)
        else:
            model.export(settings.export)
            print(f"weights: {settings.export}.index and {settings.export}.data-00000-of-00001")
        return
    with naming_failures(settings.strategy):
        model_for(DCGAN, settings).train(settings)


if __name__ == "__main__":
    running.run(main, "train-dcgan.py")
