#!/usr/bin/env python3
"""Put whole pictures side by side: with what is missing, completed, and as they were."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dcgan.cli.environment  # noqa: E402, F401  (first: it says so where packages are missing)

# isort: split
import numpy as np  # noqa: E402
from PIL import Image, ImageOps  # noqa: E402

import utils  # noqa: E402  (the project's root is on the path only now)
from dcgan import settings  # noqa: E402
from dcgan.cli import flags, running  # noqa: E402
from dcgan.files import naming  # noqa: E402
from dcgan.files.listing import list_images  # noqa: E402
from dcgan.inpainting.masks import read_mask  # noqa: E402
from dcgan.settings import Number  # noqa: E402


def parse_args(argv=None):
    parser = flags.Parser(prog="show_photos.py", description=__doc__)
    parser.add_argument("picture", type=settings.path, help="the PNG to write")
    parser.add_argument("photos", type=settings.path, help="folder of the whole pictures")
    parser.add_argument("masks", type=settings.path, help="folder of their masks")
    parser.add_argument("outDir", type=settings.path, help="folder that complete.py wrote")
    parser.add_argument("--size", type=Number(int, low=1), default=240, help="edge of each")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    masks, done = (naming.by_stem(list_images([folder]), "") for folder in (
        config.masks, os.path.join(config.outDir, "photos")))
    columns = []
    for path in list_images([config.photos]):
        name = naming.seen_stem(path)
        whole = utils.read_image(path)
        shown = np.where(read_mask(masks[name], whole.shape[:2])[..., np.newaxis], whole, 128)
        columns.append(np.vstack([
            ImageOps.pad(Image.fromarray(picture.astype(np.uint8)), (config.size, config.size),
                         color="white")
            for picture in (shown, utils.read_image(done[name]), whole)]))
    utils.save_image(config.picture, np.hstack(columns))
    print(f"{len(columns)} pictures in {config.picture}: masked, completed, as they were")


if __name__ == "__main__":
    running.run(main, "show_photos.py")
