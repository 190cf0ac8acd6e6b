#!/usr/bin/env python3
"""Put photographs side by side: as complete.py was given them, completed, and as they were."""

import _path

import os

import numpy as np
from PIL import Image, ImageOps

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files import naming
from dcgan.files.listing import list_images
from dcgan.settings import Number


def parse_args(argv=None):
    parser = flags.Parser(prog="show_photos.py", description=__doc__)
    parser.add_argument("picture", type=settings.path, help="the PNG to write")
    parser.add_argument("photos", type=settings.path, help="folder of what complete.py was given")
    parser.add_argument("outDir", type=settings.path, help="folder that complete.py wrote")
    parser.add_argument("whole", type=settings.path, help="folder of the photographs as they were")
    parser.add_argument("--size", type=Number(int, low=1), default=250, help="edge of each")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    done, whole = (naming.by_stem(list_images([folder]), "") for folder in (
        os.path.join(config.outDir, "photos"), config.whole))
    columns = []
    for path in list_images([config.photos]):
        name = naming.seen_stem(path)
        columns.append(np.vstack([
            ImageOps.pad(Image.fromarray(utils.read_image(each)), (config.size, config.size),
                         color="white")
            for each in (path, done[name], whole[name])]))
    utils.save_image(config.picture, np.hstack(columns))
    print(f"{len(columns)} photographs in {config.picture}: as given, completed, as they were")


if __name__ == "__main__":
    running.run(main, "show_photos.py")
