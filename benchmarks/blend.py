#!/usr/bin/env python3
"""Time complete.py on a photograph of 16 megapixels with a hole of 4, pasted and blended.

    .venv/bin/python benchmarks/blend.py

The photograph is drawn. Each run is a process of its own; of several, the fastest counts, because
what else the machine does only ever makes them slower.
"""

from _path import ROOT

import contextlib
import os
import tempfile

import cv2
import numpy as np
from bench import run_script
from tables import head, row

import utils
from dcgan.cli import flags, running
from dcgan.files import writing
from dcgan.inpainting.blending import BLENDS
from dcgan.settings import Number


def parse_args(argv=None):
    parser = flags.Parser(prog="blend.py", description=__doc__)
    parser.add_argument("--edge", type=Number(int, low=8), default=4000,
                        help="of the photograph, in pixels; its hole has half of it")
    parser.add_argument("--rounds", type=Number(int, low=1), default=3, help="runs of each blend")
    parser.add_argument("--outDir", help="where the photograph and the results stay, if anywhere")
    return parser.parse_args(argv)


def draw(folder, edge):
    """A photograph and its mask; their paths."""
    rng = np.random.default_rng(0)
    photo = sum(cv2.resize(rng.normal(128 / levels, 40 / levels, (2**levels, 2**levels, 3)),
                           (edge, edge), interpolation=cv2.INTER_CUBIC) for levels in (2, 4, 8))
    mask = np.zeros((edge, edge, 1), np.uint8)
    mask[edge // 4:edge - edge // 4, edge // 4:edge - edge // 4] = 255
    paths = [os.path.join(folder, name) for name in ("photo.png", "mask.png")]
    for path, picture in zip(paths, (photo, mask)):
        utils.save_image(path, np.uint8(np.clip(picture, 0, 255)))
    return paths


def measure(photo, mask, folder, method):
    """`(seconds, seconds of a core, peak bytes)` of complete.py."""
    before = os.times()
    seconds, peak = run_script(
        f"{ROOT}/complete.py", photo, "--mask", mask, "--blend", method, "--nIter", 20,
        "--approach", "adam", "--outDir", folder)
    after = os.times()
    cpu = sum(getattr(after, name) - getattr(before, name)
              for name in ("children_user", "children_system"))
    return seconds, cpu, peak


def main(argv=None):
    config = parse_args(argv)
    with (contextlib.nullcontext(config.outDir) if config.outDir
          else tempfile.TemporaryDirectory()) as folder:
        writing.make_folder(folder, "--outDir ")
        photo, mask = draw(folder, config.edge)
        head("blend", "seconds", "of a core", "peak memory")
        for method in BLENDS:
            seconds, cpu, peak = min(
                measure(photo, mask, os.path.join(folder, method), method)
                for _ in range(config.rounds))
            row(method, f"{seconds:.1f}", f"{cpu:.1f}", f"{peak / 1e9:.2f} GB")


if __name__ == "__main__":
    running.run(main, "blend.py")
