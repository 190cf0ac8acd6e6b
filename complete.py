#!/usr/bin/env python3
"""Complete the missing part of pictures with a trained DCGAN."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # `python -P` leaves it out
import dcgan.cli.environment  # first: it names missing packages

import dataclasses
import textwrap

from dcgan.cli import running
from dcgan.cli.flags import Parser, add_groups, given_flags, refuse_contradictions
from dcgan.faces import detection
from dcgan.inpainting.presets import (
    Preset,
    completion_settings,
    flags_of_presets,
    for_network,
)
from dcgan.inpainting.settings import Files, Loss, Masking, Search, View
from dcgan.machine.importing import import_tensorflow
from dcgan.messages import UserError
from dcgan.results.tables import read_latents
from dcgan.settings import Compute, SettingError, idle

# Flags that replace each other: a command may give one of each group.
GROUPS = (("mask", "maskFromAlpha", "maskColor", "maskType"),
          ("align", "region", "letterbox", "crop"))
MOST_USED = ("imgs", "mask", "align", "outDir", "preset", "checkpointDir")
FOR_EXPERTS = ("tol", "patience", "keepBest", "momentum", "beta1", "beta2", "eps", "hmcBeta",
               "hmcEps", "hmcL", "hmcAnneal", "deeper", "deeperTo", "deeperLr", "prior",
               "contextual", "window", "mix", "precision", "jit", "tf32")
EXAMPLES = """examples:
  complete.py docs/samples --preset best
  complete.py photo.jpg --align --mask photo-mask.png
  complete.py data/test/aligned --maskType half --outDir halves

presets (bfloat16 only if the CPU has instructions for it):
""" + "\n".join(textwrap.fill(f"{name}: {sets}", 79, initial_indent="  ", subsequent_indent="    ",
                              break_on_hyphens=False)
                for name, sets in flags_of_presets().items())


def make_parser():
    parser = Parser(prog="complete.py", usage="complete.py [options] PICTURE ...",
                    description=__doc__, epilog=EXAMPLES)
    add_groups(parser, Files, Masking, View, Preset, Search, Loss, Compute, first=MOST_USED,
               last=FOR_EXPERTS)
    return parser


def parse_args(argv=None):
    """The `CompletionSettings` of a command line."""
    parser = make_parser()
    given = given_flags(parser, argv)
    earlier = earlier_settings(given) if "init" in given else None
    try:
        settings = completion_settings(given, earlier)
    except (TypeError, ValueError) as error:  # the flags were checked, so a value in the file
        raise UserError(f"--init {given.get('init')}: {error}") from error
    settings = dataclasses.replace(settings, **{  # settings that only the earlier run used
        name: getattr(type(settings), name) for name in idle(settings).keys() - given.keys()})
    refuse_contradictions(settings, given, GROUPS, parser)
    if settings.landmarks and settings.faces == "all":
        parser.error("--faces all: cannot be combined with --landmarks, which describes one face "
                     "per picture; drop one of them")
    return settings


def earlier_settings(given):
    """The settings in `--init`, without those that a given flag replaces."""
    settings = read_latents(given["init"])[1]
    for group in GROUPS:
        if given.keys() & set(group):  # blend's default depends on both groups
            settings = {k: v for k, v in settings.items() if k not in {*group, "blend"}}
    return settings


def main(argv=None):
    settings = parse_args(argv)
    import_tensorflow(settings.tf32)
    from dcgan.checkpoints.finding import or_pretrained
    from dcgan.results.pipeline import complete_pictures
    from model import DCGAN

    found = {"checkpointDir": or_pretrained(settings.checkpointDir)}
    if settings.align and not settings.landmarks:
        found["dlibFacePredictor"] = settings.dlibFacePredictor or detection.face_predictor_path()
        detection.check_predictor(found["dlibFacePredictor"])
    settings = dataclasses.replace(settings, **found)
    model = DCGAN.from_checkpoint(settings.checkpointDir, jit=settings.jit).configured(settings)
    try:
        settings = for_network(settings, model)
    except SettingError as error:
        raise UserError(error.as_flag) from error
    if settings.imgSize not in (None, model.image_size):
        raise UserError(f"--imgSize {settings.imgSize}: the checkpoint in {settings.checkpointDir} "
                        f"was made for --imgSize {model.image_size}; drop the flag")
    complete_pictures(model, settings)


if __name__ == "__main__":
    running.run(main, "complete.py")
