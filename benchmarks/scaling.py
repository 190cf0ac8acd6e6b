#!/usr/bin/env python3
"""What a training step exchanges between workers, and what follows for many of them.

Measured: the bytes that two processes of train-dcgan.py send each other over loopback, by the
system's own counter, and how long their steps take. Calculated: how the rate grows with the number
of GPUs, from a step's time on one and the links between them.
"""

from _path import ROOT

import json
import math
import os
import re
import socket
import subprocess
import sys
import tempfile

from tables import head, row

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files.listing import list_images
from dcgan.messages import UserError

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

COUNTER = "/sys/class/net/lo/statistics/tx_bytes"


def sent():
    with open(COUNTER) as file:
        return int(file.read())


def train(workers, steps, options, *words):
    """Train so many steps with so many processes; returns the bytes sent and the seconds a step
    took at the end."""
    ports = []
    for _ in range(workers):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    before = sent()
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        processes = [subprocess.Popen(
            [sys.executable, os.path.join(ROOT, "train-dcgan.py"), "--dataset", options.dataset,
             "--strategy", "multiworker", "--max_steps", str(steps), *options.flags, *words],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"TF_CONFIG": json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": index}})})
            for index in range(workers)]
        said = [process.communicate()[1] for process in processes]
    if any(process.returncode for process in processes):
        raise UserError(said[0].strip().splitlines()[-1])
    rates = re.findall(r"([\d.]+)(s/step|step/s)", said[0])
    value, unit = rates[-2]  # the last is the mean since the start
    return sent() - before, float(value) if unit == "s/step" else 1 / float(value)


def measure(options):
    """Print what two workers send each other, and the time of a step."""
    head("workers", "flags", "seconds per step", "bytes sent per step")
    for workers, words in ((1, []), (2, []), (2, ["--sync_batch_norm"])):
        start, _ = train(workers, 2, options, *words)
        whole, seconds = train(workers, options.steps, options, *words)
        per_step = (whole - start) / (options.steps - 2)
        row(workers, " ".join(words), f"{seconds:.2f}", f"{per_step / 1e6:.2f} million")


def calculate(options):
    """Print the rate of many GPUs: a ring sends 2 (N - 1) / N of the bytes through each link, and
    nothing else happens meanwhile."""
    from dcgan.networks.architecture import Architecture

    shapes = Architecture.make().shapes()
    count = {"generator": 0, "discriminator": 0, "moving": 0}
    for name, shape in shapes.items():
        count["moving" if "moving" in name else name.split("/")[0]] += math.prod(shape)
    # D is updated once, G twice; then the running statistics, and 7 numbers to look at.
    numbers = count["discriminator"] + 2 * count["generator"] + count["moving"] + 7
    print(f"\nG {count['generator']:,} and D {count['discriminator']:,} trainable numbers: "
          f"{4 * numbers:,} bytes per step")
    print()
    head("seconds per step on one", "GPUs", "exchange, ms", "images per second", "of perfect")
    for seconds in options.seconds:
        for gpus in (1, 8, 64):
            exchange = 2 * (gpus - 1) / gpus * 4 * numbers / (options.gigabits / 8 * 1e9)
            share = seconds / (seconds + exchange)
            row(seconds, gpus, f"{1000 * exchange:.1f}",
                f"{64 * gpus / (seconds + exchange):,.0f}", f"{share:.0%}")


def amplify(options):
    """Print how far apart two trainings of one process get whose pictures differ by 1e-7: what
    rounding alone does to fresh weights, and no two ways of adding up can be closer."""
    import numpy as np

    from dcgan.training.steps import make_train_step, z_of_step
    from model import DCGAN

    files = list_images([options.dataset])[:640]
    images = utils.to_float(np.stack([utils.read_image(path, 32) for path in files]))

    def weights(images, seed):
        model = DCGAN(image_size=32, gf_dim=4, df_dim=4, z_dim=20, seed=seed)
        model.make_optimizers()
        step = make_train_step(model)
        for k in range(10):
            batch = images[np.arange(64 * k, 64 * k + 64) % len(images)]
            step(batch.astype(np.float32), z_of_step(model, k), np.float32(0))
        return np.concatenate([v.numpy().ravel() for name, v in model.vars.items()
                               if name.endswith(("/w", "/Matrix", "gamma", "beta"))])

    apart = []
    for seed in range(5):
        one, other = weights(images, seed), weights(images * (1 + 1e-7), seed)
        apart.append(np.linalg.norm(one - other) / np.linalg.norm(one))
    print("\nOne process, fresh weights of five seeds, pictures changed by 1e-7: after 10 steps "
          f"weights differ by {', '.join(f'{each:.0e}' for each in apart)}")


def parse_args(argv=None):
    parser = flags.Parser(prog="scaling.py", description=__doc__,
                          epilog="More flags are train-dcgan.py's.")
    parser.add_argument("dataset", type=settings.path, help="folder of pictures")
    parser.add_argument("--steps", type=settings.Number(int, low=4), default=12,
                        help="to measure over")
    parser.add_argument("--seconds", type=settings.Number(float, above=0), nargs="+",
                        default=[1.64, 0.95, 0.1, 0.02],
                        help="a step's time on one device, 64 images, to calculate with")
    parser.add_argument("--gigabits", type=settings.Number(float, above=0), default=100.0,
                        help="per second, of the links")
    options, options.flags = parser.parse_known_args(argv)
    options.dataset = os.path.abspath(options.dataset)
    return options


def main(argv=None):
    options = parse_args(argv)
    measure(options)
    calculate(options)
    amplify(options)


if __name__ == "__main__":
    running.run(main, "scaling.py")
