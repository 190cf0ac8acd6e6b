#!/usr/bin/env python3
"""Compare z-searches on one batch: loss, and PSNR inside the hole, after so many iterations.

    .venv/bin/python benchmarks/search.py ../shared/faces/test --checkpointDir \\
        ../shared/reference-checkpoint --search momentum:0.01 momentum:0.0001 adam:0.01
"""

import argparse
import os
import sys
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from psnr import psnr  # noqa: E402

import utils  # noqa: E402  (the project's root is on the path only now)
from utils import UserError, number  # noqa: E402


def parse_args(argv=None):
    parser = utils.Parser(prog="search.py", description=__doc__.splitlines()[0])
    parser.add_argument("imgs", nargs="+", help="pictures, or folders of them")
    parser.add_argument("--checkpointDir", default="checkpoint", help="the checkpoint")
    parser.add_argument("--search", nargs="+", default=["momentum:0.0001", "adam:0.01"],
                        metavar="APPROACH:LR", help="what to compare; hmc:EPS for hmc")
    parser.add_argument("--iterations", nargs="+", type=number(int, low=1),
                        default=[50, 100, 200], help="when to measure")
    parser.add_argument("--count", type=number(int, low=1), default=64,
                        help="pictures, spread evenly over what there is")
    parser.add_argument("--hmcL", type=number(int, low=1), default=100, help="leapfrog steps")
    return parser.parse_args(argv)


def settings(search, hmcL):
    """The flags of complete.py that a word like adam:0.1 stands for."""
    approach, _, rate = search.partition(":")
    rate = float(rate)
    return argparse.Namespace(
        approach=approach, lr=rate, momentum=0.9, beta1=0.9, beta2=0.999, eps=1e-8, hmcBeta=0.2,
        hmcEps=rate, hmcL=hmcL, hmcAnneal=1.0)


def main(argv=None):
    config = parse_args(argv)
    files = utils.list_images(config.imgs)
    files = [files[i] for i in np.linspace(0, len(files) - 1, config.count).astype(int)]
    utils.import_tensorflow()
    import tensorflow as tf

    from model import DCGAN

    model = DCGAN.from_checkpoint(config.checkpointDir)
    images = np.stack([utils.read_image(f, model.image_size, model.c_dim) for f in files])
    y = utils.to_float(images)
    mask = utils.MASKS["center"](
        (model.image_size,) * 2, None, argparse.Namespace(centerScale=0.25))
    print(f"{'search':>16} {'iterations':>10} {'seconds':>8} {'loss':>8} {'PSNR':>6}")
    for search in config.search:
        options = settings(search, config.hmcL)
        if options.approach not in ("momentum", "adam", "hmc"):
            raise UserError(f"--search {search}: must begin with momentum, adam or hmc")
        init, run = model.make_search(options)
        z = model.initial_z(0, len(y))
        state, done, seconds = init(z, 0), 0, 0.0
        for until in sorted(config.iterations):
            start = time.perf_counter()
            z, state, *_ = run(z, state, tf.constant(y), mask[None, :, :, None], tf.constant(0.0),
                               tf.constant(done), tf.constant(until - done))
            z = tf.identity(z)
            seconds, done = seconds + time.perf_counter() - start, until
            loss = model.completion_losses(z, y, mask[None, :, :, None])[0]
            print(f"{search:>16} {done:>10} {seconds:>8.1f} {np.mean(loss):>8.0f} "
                  f"{psnr(utils.to_uint8(model.generator(z)), images, mask == 0).mean():>6.2f}",
                  flush=True)


if __name__ == "__main__":
    utils.run(main, "search.py")
