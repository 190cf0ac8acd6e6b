#!/usr/bin/env python3
"""Print how good complete.py's results are, beside what OpenCV puts into the same holes."""

import _path

import csv
import os

import numpy as np

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.metrics import psnr, ssim


def parse_args(argv=None):
    parser = flags.Parser(prog="measure.py", description=__doc__)
    parser.add_argument("outDir", type=settings.path,
                        help="a folder that complete.py wrote, with one mask for all pictures")
    return parser.parse_args(argv)


def read(folder):
    """What was hidden, what complete.py made of it, and where: two `[B, H, W, 3]` uint8 and a hole
    `[H, W]` bool."""
    with open(os.path.join(folder, "results.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    completed = np.stack([utils.read_image(os.path.join(folder, "images", f"{row['name']}.png"))
                          for row in rows])
    hidden = np.stack([utils.read_image(row["file"], completed.shape[1]) for row in rows])
    # The known pixels are the input's, bit for bit, and no other pixel is so in every picture.
    return hidden, completed, (completed != hidden).any(axis=(0, 3))


def inpaint(images, holes, method):
    """OpenCV's inpainting, `cv2.INPAINT_TELEA` or `cv2.INPAINT_NS`, of `[B, H, W, 3]` uint8 with
    holes `[B, H, W]` bool, or one `[H, W]` for all."""
    import cv2

    holes = np.broadcast_to(holes, images.shape[:3])
    known = np.where(holes[..., np.newaxis], 0, images).astype(np.uint8)
    return np.stack([cv2.inpaint(image, hole.astype(np.uint8), 3, method)
                     for image, hole in zip(known, holes)])


def main(argv=None):
    import cv2

    hidden, completed, hole = read(parse_args(argv).outDir)
    print(f"{'':22}   PSNR   SSIM  in the holes of {len(hidden)} faces; higher is better")
    for label, images in (("DCGAN", completed),
                          ("OpenCV, Telea", inpaint(hidden, hole, cv2.INPAINT_TELEA)),
                          ("OpenCV, Navier-Stokes", inpaint(hidden, hole, cv2.INPAINT_NS))):
        print(f"{label:22} {psnr(images, hidden, hole).mean():6.2f} "
              f"{ssim(images, hidden, hole).mean():6.3f}")


if __name__ == "__main__":
    running.run(main, "measure.py")
