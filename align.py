#!/usr/bin/env python3
"""Find faces and align them by three landmarks, as OpenFace's align-dlib does."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # `python -P` leaves it out
import dcgan.cli.environment  # first: it names missing packages

import argparse

from dcgan import settings
from dcgan.cli import flags, running
from dcgan.faces import alignment, detection
from dcgan.faces.aligning import align_faces
from dcgan.faces.alignment import Alignment
from dcgan.faces.mean import compute_mean
from dcgan.machine import cpu
from dcgan.messages import UserError
from dcgan.settings import Number, part

EXAMPLES = """examples:
  align.py FOLDER align --help
  align.py data/raw align innerEyesAndBottomLip data/aligned --size 64
"""


def parse_args(argv=None):
    parser = flags.Parser(prog="align.py", description=__doc__, epilog=EXAMPLES)
    parser.add_argument("inputDir", type=settings.path,
                        help="folder of pictures, searched recursively")
    flags.add_settings(parser, Alignment, "dlibFacePredictor")
    modes = parser.add_subparsers(dest="mode", required=True, prog="align.py FOLDER")
    align = modes.add_parser("align", help="write every picture's largest face, aligned")
    used_most = align.add_argument_group("used most")
    used_most.add_argument("landmarks", choices=tuple(alignment.ALIGNMENTS),
                           help="the three landmarks to align by")
    used_most.add_argument("outputDir", type=settings.path,
                           help="folder of the aligned faces (PNG)")
    flags.add_settings(used_most, Alignment, "size", "margin", "flat")
    others = align.add_argument_group("other options")
    others.add_argument("--skipMulti", action="store_true", help="skip pictures with several faces")
    flags.add_settings(others, Alignment, "fallbackLfw")
    others.add_argument("--verbose", action="store_true", help="print the result for every picture")
    add_common(others)

    mean = modes.add_parser("computeMean",
                            help="the mean landmarks of the faces, min-max normalised: mean.csv, "
                                 "std.csv and mean.png")
    add_common(mean)
    mean.add_argument("--numImages", type=Number(int, low=0), default=0,
                      help="use only this many pictures, drawn at random; 0 for all")
    mean.add_argument("--outputDir", type=settings.path, default=".", help="folder of the files")
    return parser.parse_args(argv)


def add_common(parser):
    """Add the flags of both modes to a parser or a group."""
    # The published place is in front of the mode; SUPPRESS keeps this one from clearing that.
    parser.add_argument("--dlibFacePredictor", type=settings.path, metavar="FILE",
                        default=argparse.SUPPRESS,
                        help="dlib's 68-landmark predictor; may also be given before the mode")
    parser.add_argument("--jobs", type=Number(int, low=1), default=cpu.usable(), metavar="N",
                        help="number of processes")


def main(argv=None):
    config = parse_args(argv)
    if config.dlibFacePredictor is None:
        config.dlibFacePredictor = detection.face_predictor_path()
    detection.check_predictor(config.dlibFacePredictor)
    if config.mode == "computeMean":
        compute_mean(config.inputDir, config.outputDir, config.dlibFacePredictor, config.jobs,
                     config.numImages)
        return
    settings = part(config, Alignment)
    if not os.path.isdir(settings.fallbackLfw or "."):
        raise UserError(f"--fallbackLfw {settings.fallbackLfw}: no such folder")
    align_faces(settings, config.jobs, config.verbose)


if __name__ == "__main__":
    running.run(main, "align.py")
