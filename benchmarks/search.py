#!/usr/bin/env python3
"""Compare searches on the same pictures: seconds, loss, and quality in the hole.

    .venv/bin/python benchmarks/search.py ../shared/faces/test --checkpointDir \\
        ../shared/reference-checkpoint --search "--preset fast" "--approach adam --nIter 200"
"""

import _path

import dataclasses
import shlex
import time

import complete
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files import listing
from dcgan.inpainting.blending import blend_into_holes, fill_from_candidates
from dcgan.inpainting.photos import Framer
from dcgan.machine import importing
from dcgan.metrics import psnr, ssim
from dcgan.settings import Number


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
    model = DCGAN.from_checkpoint(settings.checkpointDir, jit=settings.jit).configured(settings)
    settings = for_network(settings, model)
    frames = list(Framer(settings, files, model.image_size, model.c_dim, settings.seed,
                         margin=model.margin).frames())
    return settings, model, batch_of(model, frames, settings)


def search(settings, model, batch, iterations=None):
    """One search from its start, as complete.py does it: bank, start, iterations, best iterate.

    Args:
        settings, model, batch: what `load` returned.
        iterations: end after so many of them.

    Returns:
        `(seconds, Found)`.
    """
    from dcgan.inpainting.search import Observer, Searcher

    iterations = settings.iterations if iterations is None else iterations

    class Until(Observer):
        done = 0

        def advance(self, n, loss):
            self.done += n

        def stops(self):
            return self.done >= iterations

    before = time.perf_counter()
    settings = dataclasses.replace(settings, outInterval=max(1, iterations))
    found = Searcher(model, settings, len(batch.y)).run(batch, Until())
    return time.perf_counter() - before, found


def spread(paths, count):
    """So many of the files there are, evenly spread."""
    return listing.evenly_spaced(listing.list_images(paths), count)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    print(f"{'search':<60} {'iterations':>10} {'seconds':>8} {'loss':>6} {'PSNR':>6} {'SSIM':>6}")
    files = spread(config.imgs, config.count)
    for words in config.search:
        settings, model, batch = load(shlex.split(words), files, config.checkpointDir)
        hole = batch.mask[..., 0] == 0
        every = settings.iterations
        until = sorted({i for i in config.iterations if i < every} | {every})
        for iterations in until:
            seconds, found = search(settings, model, batch, iterations)
            fill = fill_from_candidates(batch, found.complete, found.G, settings)
            images = blend_into_holes(batch, fill, settings.blend)
            print(f"{words:<60} {iterations:>10} {seconds:>8.1f} "
                  f"{found.complete.min(axis=1).mean():>6.0f} "
                  f"{psnr(images, batch.images, hole).mean():>6.2f} "
                  f"{ssim(images, batch.images, hole).mean():>6.3f}", flush=True)


if __name__ == "__main__":
    running.run(main, "search.py")
