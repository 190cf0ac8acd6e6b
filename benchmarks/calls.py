#!/usr/bin/env python3
"""What a process pays for each call of `DCGAN.complete`, and each validation, in the long run.

    .venv/bin/python benchmarks/calls.py docs/samples

The calls take other masks, numbers of images and settings by turns. What a network keeps is there
after the first turns of all; milliseconds and MiB are those of the calls behind. "CPU" is the
time of all threads, MiB the growth of the most memory that the process ever had. The last row is
what a call takes beside its iterations: two images and another mask each time, 1 and 21 iterations
alternately; the quickest of each.
"""

import _path

import resource
import sys
import time

import numpy as np

from dcgan.cli import flags, running
from dcgan.files.listing import list_images
from dcgan.machine import importing
from dcgan.settings import Number, path

TURNS = ({}, {"lam": 0.3, "lr": 0.002, "tol": 0.1, "patience": 2}, {"approach": "adam"},
         {"preset": "fast", "gaussian": 0.0, "nInit": 64},
         {"preset": "fast", "gaussian": 0.0, "nInit": 64, "nCandidates": 2, "schedule": "constant"})


def parse_args(argv=None):
    parser = flags.Parser(prog="calls.py", description=__doc__.splitlines()[0])
    parser.add_argument("imgs", type=path, nargs="+", help="pictures, or folders of them")
    parser.add_argument("--checkpointDir", type=path, default="pretrained", help="the network")
    parser.add_argument("--calls", type=Number(int, low=30), default=100, help="of complete")
    parser.add_argument("--validations", type=Number(int, low=6), default=50,
                        help="as a training does them, with other weights each time")
    return parser.parse_args(argv)


def peak():
    """The most memory that the process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 1024)


def measure(what, count, first, act):
    """Print a row of `act(0)`, `act(1)`, ..., of which the first do not count."""
    for i in range(count):
        if i == first:
            before = time.perf_counter(), time.process_time(), peak()
        act(i)
    now = time.perf_counter(), time.process_time(), peak()
    wall, cpu, memory = ((a - b) / (count - first) for a, b in zip(now, before))
    print(f"{count:>4} {what:<12} {1000 * wall:8.0f} ms each ({1000 * cpu:.0f} ms of CPU) "
          f"{memory:8.2f} MiB each", flush=True)


def cost_beside_iterations(act, turns=12):
    """Print the seconds of `act(n)`, a call with n iterations, less those of the n iterations."""
    seconds = {1: [], 21: []}
    for _ in range(turns):
        for n, times in seconds.items():
            before = time.perf_counter()
            act(n)
            times.append(time.perf_counter() - before)
    short, long = (min(times[1:]) for times in seconds.values())
    iteration = (long - short) / 20
    print(f"a call takes {1000 * (short - iteration):.0f} ms, and {1000 * iteration:.0f} ms more "
          "for each iteration")


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    from dcgan.training.settings import TrainingSettings
    from dcgan.training.validation import HeldOut
    from model import DCGAN

    files = list_images(config.imgs)
    network = DCGAN.from_checkpoint(config.checkpointDir)
    heldout = HeldOut(TrainingSettings(validation=config.imgs[0]), network, files)
    images, rng = heldout.images, np.random.default_rng(0)

    def complete(count, **settings):
        masks = np.ones((count, network.image_size, network.image_size))
        top = rng.integers(0, network.image_size // 2)
        masks[:, top:top + network.image_size // 2, 1:-1] = 0
        network.complete(images[:count], masks, **settings)

    def call(i):
        complete(1 + i % min(len(files), 4, len(images)),
                 **{"nIter": 1 + i % 2, "seed": i} | TURNS[i % 5])

    def validate(i):
        for variable in network.g_vars.values():
            variable.assign(variable * 0.999)
        heldout.measure()

    measure("calls", config.calls, max(20, config.calls // 3), call)
    measure("validations", config.validations, max(4, config.validations // 5), validate)
    cost_beside_iterations(lambda n: complete(min(2, len(images)), nIter=n))


if __name__ == "__main__":
    running.run(main, "calls.py")
