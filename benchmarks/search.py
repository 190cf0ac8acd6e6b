#!/usr/bin/env python3
"""Compare searches on the same pictures: seconds, loss, and quality in the hole.

    .venv/bin/python benchmarks/search.py ../shared/faces/test --checkpointDir \\
        ../shared/reference-checkpoint --search "--preset fast" "--approach adam --nIter 200"
"""

import os
import shlex
import sys
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from quality import psnr, ssim  # noqa: E402

import complete  # noqa: E402
import utils  # noqa: E402  (the project's root is on the path only now)
from utils import number  # noqa: E402


def parse_args(argv=None):
    parser = utils.Parser(prog="search.py", description=__doc__.splitlines()[0])
    parser.add_argument("imgs", nargs="+", help="pictures, or folders of them")
    parser.add_argument("--checkpointDir", default="checkpoint", help="the checkpoint")
    parser.add_argument("--search", nargs="+", default=["--preset fast"], metavar="FLAGS",
                        help="what to compare, each the flags of complete.py in one word")
    parser.add_argument("--iterations", nargs="+", type=number(int, low=0), default=[],
                        help="measure then too; at the end in any case")
    parser.add_argument("--count", type=number(int, low=1), default=64,
                        help="pictures, spread evenly over what there is, searched in one batch")
    return parser.parse_args(argv)


def search(model, options, images, until):
    """One search from its start, as complete.py does it: bank, start, iterations, best iterate.

    All images stay to the end, so that --tol does not show in the seconds.

    Args:
        model: a DCGAN.
        options: what complete.py's `parse_args` returns.
        images: `[B, H, W, C]` uint8.
        until: numbers of iterations, ascending.

    Yields:
        `(iterations, seconds, losses [B], completed images [B, H, W, C] uint8)` at each of `until`.
    """
    import tensorflow as tf

    y = tf.constant(utils.to_float(images))
    mask, lowres_mask = (tf.constant(m) for m in model.masks(options))
    first = time.perf_counter()
    z = model.initial_z(0, len(y))
    if options.nInit > 1:
        z = model.start_z(model.make_bank(options.nInit), options.initBy, y, mask, lowres_mask)
    start, run = model.make_search(options)
    state, done, seconds = start(z, 0), 0, time.perf_counter() - first
    for iterations in until:
        first = time.perf_counter()
        state, *_ = run(state, y, mask, lowres_mask, tf.constant(done),
                        tf.constant(iterations - done))
        loss = model.completion_losses(state.z, y, mask, lowres_mask)[0]
        z = state.result(loss, options.keepBest)
        G = model.generator(z)
        seconds, done = seconds + time.perf_counter() - first, iterations
        yield (done, seconds, model.completion_losses(z, y, mask, lowres_mask)[0].numpy(),
               np.where(mask == 1, images, utils.to_uint8(G)))


def spread(paths, count):
    """So many of the files there are, evenly spread."""
    files = utils.list_images(paths)
    return [files[i] for i in np.linspace(0, len(files) - 1, count).astype(int)]


def load_images(paths, count, model):
    """`[count, H, W, C]` uint8 of files spread evenly over what there is."""
    return np.stack([utils.read_image(file, model.image_size, model.c_dim)
                     for file in spread(paths, count)])


def main(argv=None):
    config = parse_args(argv)
    utils.import_tensorflow()
    from model import DCGAN

    print(f"{'search':<60} {'iterations':>10} {'seconds':>8} {'loss':>6} {'PSNR':>6} {'SSIM':>6}")
    for flags in config.search:
        options = complete.parse_args([*config.imgs, *shlex.split(flags)])
        model = DCGAN.from_checkpoint(
            config.checkpointDir, lam=options.lam, precision=options.precision, jit=options.jit)
        images = load_images(config.imgs, config.count, model)
        hole = model.masks(options)[0][0, :, :, 0] == 0
        until = sorted({i for i in config.iterations if i < options.nIter} | {options.nIter})
        for done, seconds, losses, completed in search(model, options, images, until):
            print(f"{flags:<60} {done:>10} {seconds:>8.1f} {losses.mean():>6.0f} "
                  f"{psnr(completed, images, hole).mean():>6.2f} "
                  f"{ssim(completed, images, hole).mean():>6.3f}", flush=True)


if __name__ == "__main__":
    utils.run(main, "search.py")
