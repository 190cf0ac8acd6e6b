#!/usr/bin/env python3
"""Make the start of a network for images twice as wide, from a trained one.

    .venv/bin/python pretrained/wider.py pretrained --export wider/DCGAN.model-0
    ./train-dcgan.py --init wider --dataset ...

The generator gets a layer more before the image, the discriminator one after it, with half of the
widths next to them. The variables that fit keep their values, which are all but those of G's last
two layers and D's first two.
"""

import _path

import re

from dcgan.checkpoints import tracking
from dcgan.cli import flags, running
from dcgan.machine import importing
from dcgan.settings import path


def widened(model):
    """A DCGAN whose images are twice as wide as a model's, with its weights where they fit."""
    old = model.architecture
    new = type(model)(architecture=old._replace(
        image_size=2 * old.image_size, g_widths=(*old.g_widths, old.g_widths[-1] // 2),
        d_widths=(old.d_widths[0] // 2, *old.d_widths)))
    for name, value in model.vars.items():
        if name.startswith("discriminator"):  # whose layers are counted from the image
            name = re.sub(r"((?<=/d_h)|(?<=/d_bn))\d", lambda digit: str(int(digit[0]) + 1), name)
        if name in new.vars and new.vars[name].shape == value.shape:
            new.vars[name].assign(value)
    return new


def parse_args(argv=None):
    parser = flags.Parser(prog="wider.py", description=__doc__)
    parser.add_argument("checkpointDir", type=path, help="the trained network")
    parser.add_argument("--export", type=path, required=True, metavar="FILE",
                        help="the new one; FILE has no suffix")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    from model import DCGAN

    tracking.export(widened(DCGAN.from_checkpoint(config.checkpointDir)), config.export)


if __name__ == "__main__":
    running.run(main, "wider.py")
