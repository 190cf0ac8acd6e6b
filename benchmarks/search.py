#!/usr/bin/env python3
"""Compare searches on the same pictures: seconds, loss, and quality in the hole.

    .venv/bin/python benchmarks/search.py ../shared/faces/test --checkpointDir \\
        ../shared/reference-checkpoint --search "--preset fast" "--approach adam --nIter 200"
"""

import os
import shlex
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dcgan.cli.environment  # noqa: E402, F401  (first: it says so where packages are missing)

# isort: split

import complete  # noqa: E402  (the project's root is on the path only now)
from dcgan import settings  # noqa: E402
from dcgan.cli import flags, running  # noqa: E402
from dcgan.files import listing  # noqa: E402
from dcgan.inpainting.blending import completed_images, fill_of  # noqa: E402
from dcgan.inpainting.photos import Framer  # noqa: E402
from dcgan.machine import importing  # noqa: E402
from dcgan.metrics import psnr, ssim  # noqa: E402
from dcgan.settings import Number  # noqa: E402


def add_flags(parser, count):
    """What every comparison of searches is told: the pictures, how many of them, the checkpoint."""
    parser.add_argument("imgs", type=settings.path, nargs="+",
                        help="whole pictures, or folders of them")
    parser.add_argument("--checkpointDir", type=settings.path, default="checkpoint",
                        help="the checkpoint")
    parser.add_argument("--count", type=Number(int, low=1), default=count,
                        help="pictures, spread evenly over what there is")


def parse_args(argv=None):
    parser = flags.Parser(prog="search.py", description=__doc__)
    add_flags(parser, count=64)
    parser.add_argument("--search", nargs="+", default=["--preset fast"], metavar="FLAGS",
                        help="what to compare, each the flags of complete.py in one word")
    parser.add_argument("--iterations", nargs="+", type=Number(int, low=0), default=[],
                        help="measure then too; at the end in any case")
    return parser.parse_args(argv)


def load(flags, files, checkpoint):
    """What complete.py makes of flags.

    Args:
        flags: the flags of complete.py, a list.
        files: the pictures.
        checkpoint: as --checkpointDir.

    Returns:
        `(settings, model, batch)`: the `CompletionSettings`, a DCGAN that is set as they say, and a
        `CompletionBatch` of all pictures.
    """
    from dcgan.inpainting.presets import for_network
    from dcgan.results.pipeline import batch_of
    from model import DCGAN

    settings = complete.parse_args([*files, *flags, "--checkpointDir", checkpoint])
    model = complete.load_model(settings, DCGAN)
    settings = for_network(settings, model)
    frames = list(Framer(settings, files, model.image_size, model.c_dim, settings.seed).frames())
    return settings, model, batch_of(model, frames, settings)


def search(settings, model, batch, until):
    """One search from its start, as complete.py does it: bank, start, iterations, best iterate.

    All images stay to the end, so that --tol does not show in the seconds.

    Args:
        settings, model, batch: what `load` returned.
        until: numbers of iterations, ascending.

    Yields:
        `(iterations, seconds, losses [B, K], G(z) [B, K, S, S, C])` at each of `until`.
    """
    import tensorflow as tf

    from dcgan.inpainting.search import make_search
    from dcgan.inpainting.starts import Starts

    first = time.perf_counter()
    state = Starts(model, settings).of(batch, 0)
    y, weights = (tf.repeat(t, settings.nCandidates, axis=0) for t in (batch.y, batch.weights))
    start, run = make_search(model, settings)
    state, done, seconds = start(state, 0), 0, time.perf_counter() - first
    for iterations in until:
        first = time.perf_counter()
        state, *_ = run(state, y, weights, batch.lowres_mask, tf.constant(done),
                        tf.constant(iterations - done))
        loss = model.completion_losses(state.z, y, weights, batch.lowres_mask)[0]
        z = state.result(loss, settings.keepBest)
        G = model.generator(z).numpy()
        seconds, done = seconds + time.perf_counter() - first, iterations
        losses = model.completion_losses(z, y, weights, batch.lowres_mask)[0].numpy()
        shape = len(batch.y), settings.nCandidates
        yield done, seconds, losses.reshape(shape), G.reshape(*shape, *batch.y.shape[1:])


def spread(paths, count):
    """So many of the files there are, evenly spread."""
    return listing.spread(listing.list_images(paths), count)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    print(f"{'search':<60} {'iterations':>10} {'seconds':>8} {'loss':>6} {'PSNR':>6} {'SSIM':>6}")
    files = spread(config.imgs, config.count)
    for words in config.search:
        settings, model, batch = load(shlex.split(words), files, config.checkpointDir)
        hole = batch.mask[..., 0] == 0
        until = sorted({i for i in config.iterations if i < settings.nIter} | {settings.nIter})
        for done, seconds, losses, G in search(settings, model, batch, until):
            images = completed_images(
                batch, fill_of(batch, losses, G, settings), settings.blend)
            print(f"{words:<60} {done:>10} {seconds:>8.1f} {losses.min(axis=1).mean():>6.0f} "
                  f"{psnr(images, batch.images, hole).mean():>6.2f} "
                  f"{ssim(images, batch.images, hole).mean():>6.3f}", flush=True)


if __name__ == "__main__":
    running.run(main, "search.py")
