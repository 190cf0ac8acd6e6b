#!/usr/bin/env python3
"""Complete the missing part of pictures with a trained DCGAN."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # `python -P` leaves it out
import dcgan.cli.environment  # first: it says so where packages are missing

import dataclasses

from dcgan.cli import running
from dcgan.cli.flags import Parser, add_settings, given_flags
from dcgan.faces import detection
from dcgan.inpainting.presets import PRESETS, completion_settings, flags_of_presets, for_network
from dcgan.inpainting.settings import Files, Loss, Masking, Search, View
from dcgan.machine.importing import import_tensorflow
from dcgan.messages import UserError
from dcgan.results.tables import read_latents
from dcgan.settings import Compute, path

# Flags of which one takes the others' place.
MASK_FLAGS = ("mask", "maskFromAlpha", "maskColor", "maskType")
FRAME_FLAGS = ("align", "region", "letterbox", "crop")
# What a flag has to stand beside, to mean something.
BESIDE = {"faces": "align", "landmarks": "align", "alignBy": "align", "dlibFacePredictor": "align",
          "maskTolerance": "maskColor"}
SEARCH_FLAGS = [field.name for field in dataclasses.fields(Search)
                if field.name not in ("batchSize", "seed")]


def make_parser():
    parser = Parser(prog="complete.py", description=__doc__)
    parser.add_argument("imgs", type=path, nargs="+", help="pictures, or folders of them")
    add_settings(parser, Files, "checkpointDir", "outDir", "imgSize")
    add_settings(parser, Search, "batchSize", "seed")
    add_settings(parser, Files, "init", "log_dir", "video")
    add_settings(parser.add_argument_group("what is missing"), Masking)
    view = parser.add_argument_group("what the network sees of a picture")
    add_settings(view, View, "faces", "alignBy", "landmarks", "dlibFacePredictor")
    add_settings(view.add_mutually_exclusive_group(), View, *FRAME_FLAGS)
    search = parser.add_argument_group("the search for z")
    presets = "; ".join(f"{name}: {sets}" for name, sets in flags_of_presets().items())
    search.add_argument("--preset", choices=tuple(PRESETS),
                        help=f"set several flags at once, unless they are given beside it: "
                             f"{presets} (bfloat16 only where the CPU has instructions for it)")
    add_settings(search, Search, *SEARCH_FLAGS)
    add_settings(parser.add_argument_group("the loss and the blend"), Loss)
    add_settings(parser.add_argument_group("the machine"), Compute)
    return parser


def parse_args(argv=None):
    """The `CompletionSettings` that a command line means."""
    parser = make_parser()
    imgs = parser.parse_args(argv).imgs
    given = given_flags(parser, argv) | {"imgs": tuple(imgs)}
    earlier = earlier_settings(given) if "init" in given else None
    refuse_contradictions(given, parser)
    try:
        settings = completion_settings(given, earlier)
    except (TypeError, ValueError) as error:  # the flags' values were checked: this is the file's
        raise UserError(f"--init {given.get('init')}: {error}") from error
    refuse_idle_flags(settings, given, parser)
    return settings


def earlier_settings(given):
    """The settings in `--init`, without those whose place a given flag takes."""
    settings = read_latents(given["init"])[1]
    for group in (MASK_FLAGS, FRAME_FLAGS):
        if given.keys() & set(group):  # and what blend suits them is decided anew
            idle = {flag for flag, other in BESIDE.items() if other in group and other not in given}
            settings = {k: v for k, v in settings.items() if k not in {*group, *idle, "blend"}}
    if "maskType" in given:
        settings.pop("truth", None)
    return settings


def refuse_contradictions(given, parser):
    """Stop at flags that contradict each other."""
    masks_given = [flag for flag in MASK_FLAGS if flag in given]
    if len(masks_given) > 1:
        parser.error(f"--{masks_given[0]} and --{masks_given[1]}: leave out one of them")


def refuse_idle_flags(settings, given, parser):
    """Stop at flags that would do nothing."""
    for flag, other in BESIDE.items():
        if flag in given and not getattr(settings, other):
            parser.error(f"--{flag} {given[flag]}: is of --{other}; add that")
    if "truth" in given and not settings.own_mask:
        parser.error(f"--truth {settings.truth}: is of --mask, --maskFromAlpha or --maskColor; add "
                     "one of them")
    if settings.landmarks and settings.faces == "all":
        parser.error("--faces all: --landmarks has one face; leave out one of them")


def load_model(settings, kind):
    """The checkpoint's network, which completes as the settings say.

    Args:
        settings: the `CompletionSettings`.
        kind: `DCGAN`, or a subclass that searches in another way.

    Returns:
        A `kind`.
    """
    return kind.from_checkpoint(settings.checkpointDir, jit=settings.jit).set_as(settings)


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
    model = load_model(settings, DCGAN)
    try:
        settings = for_network(settings, model)
    except ValueError as error:
        raise UserError(f"--gaussian {settings.gaussian}: {error}") from error
    if settings.window > 2 * model.image_size:
        raise UserError(f"--window {settings.window}: must be at most {2 * model.image_size}, "
                        "twice the network's input size")
    if settings.imgSize not in (None, model.image_size):
        raise UserError(f"--imgSize {settings.imgSize}: the checkpoint in {settings.checkpointDir} "
                        f"is for {model.image_size}; leave the flag out")
    complete_pictures(model, settings)


if __name__ == "__main__":
    running.run(main, "complete.py")
