#!/usr/bin/env python3
"""Paint over the face of a photograph: a pen's line, the mouth, an eye.

The photograph is scikit-image's astronaut.png (NASA's portrait of Eileen Collins, in the public
domain). Below the folder, each as pen.png, mouth.png and eye.png: `photos/`, painted over;
`masks/`, what was painted over in white; and `whole/`, the photograph as it was.
"""

import _path

import os

import numpy as np
import skimage
from PIL import Image, ImageDraw

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.faces import detection
from dcgan.files import writing

ASTRONAUT = os.path.join(os.path.dirname(skimage.__file__), "data", "astronaut.png")
HEAD = 100, 0, 350, 250  # the part of it that is used: left, top, right, bottom
# Somebody's pen, in shares of the box of the landmarks.
PEN = [(0.05, 0.15), (0.35, 0.5), (0.5, 0.1), (0.6, 0.55), (0.95, 0.2), (0.75, 0.75), (0.3, 0.7)]


def draw(kind, mask, face):
    """Paint a hole onto a Pillow mask, over the face with these `[68, 2]` landmarks."""
    pen = ImageDraw.Draw(mask)
    if kind == "pen":
        low, high = face.min(axis=0), face.max(axis=0)
        pen.line([tuple(low + point * (high - low)) for point in np.array(PEN)], fill=255, width=6,
                 joint="curve")
        return
    points = face[48:68] if kind == "mouth" else face[42:48]
    middle = points.mean(axis=0)
    points = (points - middle) * (1.5 if kind == "mouth" else 1.9) + middle
    pen.ellipse((*points.min(axis=0), *points.max(axis=0)), fill=255)


COLOURS = {"pen": (20, 64, 216), "mouth": (255, 255, 255), "eye": (0, 0, 0)}


def main(argv=None):
    parser = flags.Parser(prog="paint_over.py", description=__doc__)
    parser.add_argument("outDir", type=settings.path, help="where they go")
    config = parser.parse_args(argv)
    whole = Image.fromarray(utils.read_image(ASTRONAUT)).crop(HEAD)
    face = detection.find_landmarks(np.asarray(whole), detection.face_predictor_path())[0]
    for kind, colour in COLOURS.items():
        mask = Image.new("L", whole.size)
        draw(kind, mask, face)
        painted = whole.copy()
        painted.paste(colour, mask=mask)
        for folder, image in (("photos", painted), ("masks", mask), ("whole", whole)):
            writing.make_folder(os.path.join(config.outDir, folder))
            utils.save_image(os.path.join(config.outDir, folder, f"{kind}.png"),
                             np.atleast_3d(np.asarray(image)))
    print(f"{', '.join(COLOURS)}: photographs with holes, masks and the whole in {config.outDir}")


if __name__ == "__main__":
    running.run(main, "paint_over.py")
