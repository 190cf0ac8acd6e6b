#!/usr/bin/env python3
"""PSNR inside the hole of what complete.py made: the mean over images.

    .venv/bin/python benchmarks/psnr.py ../shared/faces/test completions
"""

import argparse
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import utils  # noqa: E402  (the project's root is on the path only now)
from utils import UserError  # noqa: E402


def psnr(images, truth, hole):
    """PSNR of the pixels in the hole, of each image.

    Args:
        images, truth: `[B, H, W, C]` uint8.
        hole: `[H, W]` bool.

    Returns:
        `[B]` float64, in dB.
    """
    error = (images.astype(float) - truth)[:, hole] ** 2
    return 10 * np.log10(255**2 / error.mean(axis=(1, 2)))


def parse_args(argv=None):
    parser = utils.Parser(prog="psnr.py", description=__doc__.splitlines()[0])
    parser.add_argument("truth", help="folder of the whole pictures, no two of one name")
    parser.add_argument("outDirs", nargs="+", help="folders that complete.py wrote")
    parser.add_argument("--maskType", choices=("center", "left"), default="center",
                        help="the mask that was used")
    parser.add_argument("--centerScale", type=float, default=0.25, help="as it was used")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    truth = {os.path.splitext(os.path.basename(path))[0]: path
             for path in utils.list_images([config.truth])}
    for folder in config.outDirs:
        results = utils.list_images([os.path.join(folder, "images")])
        images = np.stack([utils.read_image(path) for path in results])
        names = [os.path.splitext(os.path.basename(path))[0] for path in results]
        if not set(names) <= truth.keys():
            raise UserError(f"{folder}: has pictures that are not in {config.truth}")
        whole = np.stack([utils.read_image(truth[name], images.shape[1]) for name in names])
        shape = images.shape[1:3]
        hole = utils.MASKS[config.maskType](shape, None, argparse.Namespace(
            centerScale=config.centerScale)) == 0
        print(f"{folder}: {len(images)} images, PSNR in the hole "
              f"{psnr(images, whole, hole).mean():.2f} dB")


if __name__ == "__main__":
    utils.run(main, "psnr.py")
