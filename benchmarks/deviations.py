#!/usr/bin/env python3
"""What our deviations from the article's search change, each measured beside the article's way.

    .venv/bin/python benchmarks/deviations.py ../shared/faces/test \\
        --checkpointDir ../shared/reference-checkpoint
"""

import _path

import shlex

import numpy as np
import search
from tables import head, row

import utils
from dcgan.cli import flags, running
from dcgan.machine import importing
from dcgan.metrics import psnr


def variants():
    """`{label: class}`: DCGANs that search as the article does in one respect."""
    import tensorflow as tf

    from model import DCGAN

    class BatchMean(DCGAN):
        """The perceptual loss is the batch's mean, added to each image's contextual loss."""

        def completion_losses(self, *arguments, **more):
            _, contextual, perceptual = super().completion_losses(*arguments, **more)
            mean = tf.reduce_mean(perceptual)
            return contextual + self.lam * mean, contextual, perceptual

    class BatchStatistics(DCGAN):
        """Batch norm by the batch's own statistics in the search, too."""

        def generator(self, z, training=False, momentum=1.0, weights=None):
            return super().generator(z, training=True, momentum=1.0)  # leaves the running ones

        def discriminator(self, images, training=False, weights=None):
            return super().discriminator(images, training=True)

    return {"ours": DCGAN, "the batch's mean of the perceptual loss": BatchMean,
            "batch norm by the batch's statistics": BatchStatistics}


def run(settings, model, batch):
    """Seconds of a search, and the PSNR of each image's G(z) in the hole."""
    seconds, found = search.search(settings, model, batch)
    return seconds, psnr(utils.to_uint8(found.G[:, 0]), batch.images, batch.mask[..., 0] == 0)


def parse_args(argv=None):
    parser = flags.Parser(prog="deviations.py", description=__doc__)
    search.add_flags(parser, count=32)
    parser.add_argument("--search", default="--approach adam --lr 0.1 --nIter 150", metavar="FLAGS",
                        help="flags of complete.py, in one word")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    files = search.spread(config.imgs, config.count)
    settings, _, batch = search.load(shlex.split(config.search), files, config.checkpointDir)
    few, _, small = search.load(shlex.split(config.search), files[:8], config.checkpointDir)
    head("search", "seconds", f"PSNR of {len(files)}", "PSNR of the first 8 of them, alone",
         "the largest change of one picture's")
    for label, kind in variants().items():
        model = kind.from_checkpoint(settings.checkpointDir, jit=settings.jit).configured(settings)
        seconds, together = run(settings, model, batch)
        _, alone = run(few, model, small)
        row(label, *(f"{value:.2f}" for value in (
            seconds, together.mean(), alone.mean(), np.abs(alone - together[:8]).max())))


if __name__ == "__main__":
    running.run(main, "deviations.py")
