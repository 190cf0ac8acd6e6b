#!/usr/bin/env python3
"""Put results of complete.py side by side: what was hidden, what was shown, what was completed."""

import _path

import os

import numpy as np

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.settings import Number


def parse_args(argv=None):
    parser = flags.Parser(prog="show.py", description=__doc__)
    parser.add_argument("picture", type=settings.path, help="the PNG to write")
    parser.add_argument("outDirs", type=settings.path, nargs="+",
                        help="folders that complete.py wrote")
    parser.add_argument("--count", type=Number(int, low=1, high=8), default=8, help="faces a row")
    parser.add_argument("--scale", type=Number(int, low=1), default=2, help="enlargement")
    return parser.parse_args(argv)


def rows(folder, count):
    """The first faces of before.png, masked.png or lowres.png, and the last of completed/."""
    # The newest, because a longer search of before may have left later ones.
    last = max(os.scandir(os.path.join(folder, "completed")), key=lambda f: f.stat().st_mtime_ns)
    shown = os.path.join(folder, "lowres.png")
    if not os.path.exists(shown):
        shown = os.path.join(folder, "masked.png")
    for path in (os.path.join(folder, "before.png"), shown, last.path):
        grid = utils.read_image(path)
        edge = grid.shape[1] // 8  # complete.py's grids are eight wide where they have eight
        yield grid[:edge, :count * edge]


def main(argv=None):
    config = parse_args(argv)
    # The hidden faces are the same in every folder: one row of them is enough.
    strips = [strip for i, folder in enumerate(config.outDirs)
              for j, strip in enumerate(rows(folder, config.count)) if i == 0 or j > 0]
    picture = np.vstack(strips).repeat(config.scale, axis=0).repeat(config.scale, axis=1)
    utils.save_image(config.picture, picture)
    print(f"{len(strips)} rows in {config.picture}: hidden, then shown and completed of "
          f"{', '.join(config.outDirs)}")


if __name__ == "__main__":
    running.run(main, "show.py")
