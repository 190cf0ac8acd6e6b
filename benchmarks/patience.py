#!/usr/bin/env python3
"""What --tol and --patience would have made of a search that ran to its end.

    ./complete.py FACES --checkpointDir pretrained --tol 0 --outDir whole
    .venv/bin/python benchmarks/patience.py whole --checkpointDir pretrained --tol 0 0.01

Reads the logs of each iteration's loss and z, ends each picture's search where the two would have,
and prints for each pair the iterations and the quality in the hole of the z of lowest loss until
there.
"""

import _path

import csv
import os

import bench
import numpy as np
import quality
from tables import head, row

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.machine import importing
from dcgan.metrics import psnr, ssim
from dcgan.settings import Number


def parse_args(argv=None):
    parser = flags.Parser(prog="patience.py", description=__doc__)
    parser.add_argument("run", type=settings.path,
                        help="the --outDir of a run with one candidate and the center mask")
    parser.add_argument("--checkpointDir", type=settings.path, default="pretrained",
                        help="the network of that run")
    parser.add_argument("--tol", type=Number(float, low=0), nargs="+", default=[0, 0.001, 0.01],
                        help="shares to try")
    parser.add_argument("--patience", type=Number(int, low=1), nargs="+", default=[20, 50, 100],
                        help="iterations to try")
    return parser.parse_args(argv)


def iterations(losses, tol, patience):
    """How many of the losses `[n]` a search takes that ends by both."""
    mark, waited = np.inf, 0
    for i, loss in enumerate(losses):
        progress = loss < (1 - tol) * mark
        mark, waited = (loss, 0) if progress else (mark, waited + 1)
        if tol > 0 and waited >= patience:
            return i + 1
    return len(losses)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    from model import DCGAN

    model = DCGAN.from_checkpoint(config.checkpointDir)
    with open(os.path.join(config.run, "results.csv"), encoding="utf-8") as file:
        truth = np.stack([utils.read_image(row["file"], model.image_size)
                          for row in csv.DictReader(file)])
    logs = [np.loadtxt(os.path.join(config.run, "logs", f"hats_{i:02d}.log"), skiprows=1)
            for i in range(len(truth))]
    mask = bench.center_mask(model.image_size)
    described = quality.embeddings(truth)
    head("tol", "patience", "iterations", "at most", "PSNR", "SSIM", "face distance")
    for tol, patience in [(t, p) for t in config.tol for p in config.patience if t or p == min(
            config.patience)]:
        taken = [iterations(log[:, 1], tol, patience) for log in logs]
        z = np.float32([log[log[:n, 1].argmin(), 2:] for log, n in zip(logs, taken)])
        made = np.where(mask[..., np.newaxis] == 1, truth, utils.to_uint8(model.generator(z)))
        E = np.linalg.norm(quality.embeddings(made) - described, axis=1).mean()
        row(f"{tol:g}", patience if tol else "", f"{np.mean(taken):.0f}", max(taken),
            f"{psnr(made, truth, mask == 0).mean():.2f}",
            f"{ssim(made, truth, mask == 0).mean():.4f}", f"{E:.4f}")


if __name__ == "__main__":
    running.run(main, "patience.py")
