#!/usr/bin/env python3
"""Draw synthetic faces, already aligned: a data set that is free to use and made in seconds.

Each face is a function of its seed and number: head turn and tilt, proportions, skin, hair, brows,
eyes, glasses, nose, mouth, beard, clothes, light and background all vary.
"""

import _path

import os

import numpy as np
from calm_faces import draw_calm_face
from drawing import CANVAS, draw_face
from tqdm import tqdm

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files import writing
from dcgan.settings import Number


def parse_args(argv=None):
    parser = flags.Parser(prog="draw_faces.py", description="Draw synthetic, aligned faces.")
    parser.add_argument("outDir", type=settings.path, help="where the faces go")
    parser.add_argument("--count", type=Number(int, low=1), default=3000, help="how many")
    parser.add_argument("--size", type=Number(int, low=8, high=CANVAS), default=64, help="edge")
    parser.add_argument("--seed", type=Number(int, low=0), default=0,
                        help="another seed draws other faces")
    parser.add_argument("--calm", action="store_true",
                        help="faces that vary less, which a small network learns in two minutes")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    draw = draw_calm_face if config.calm else draw_face
    writing.make_folder(config.outDir)
    for i in tqdm(range(config.count), unit="face", dynamic_ncols=True):
        face = draw(np.random.default_rng([config.seed, i]), config.size)
        utils.save_image(os.path.join(config.outDir, f"face_{i:06d}.png"), face)
    print(f"{config.count} faces in {config.outDir}")


if __name__ == "__main__":
    running.run(main, "draw_faces.py")
