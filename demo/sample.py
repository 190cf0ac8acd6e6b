#!/usr/bin/env python3
"""Write generated faces, each as a picture."""

import _path

import os

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files import writing
from dcgan.machine import importing
from dcgan.settings import Number


def parse_args(argv=None):
    parser = flags.Parser(prog="sample.py", description=__doc__)
    parser.add_argument("outDir", type=settings.path, help="where they go")
    parser.add_argument("--checkpointDir", type=settings.path, default="checkpoint",
                        help="the network")
    parser.add_argument("--count", type=Number(int, low=1), default=6, help="how many")
    parser.add_argument("--seed", type=Number(int, low=0), default=0, help="of z")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    from model import DCGAN

    model = DCGAN.from_checkpoint(config.checkpointDir)
    writing.make_folder(config.outDir)
    for i, G in enumerate(model.sample(config.count, config.seed)):
        utils.save_image(os.path.join(config.outDir, f"sample_{i:03d}.png"), G)
    print(f"{config.count} faces in {config.outDir}")


if __name__ == "__main__":
    running.run(main, "sample.py")
