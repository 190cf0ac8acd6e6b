#!/usr/bin/env python3
"""Draw the article's pictures of normal distributions in one and two dimensions, and of completion
in two dimensions: the most likely y for a known x."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # `python -P` leaves it out
import dcgan.cli.environment  # first: it names missing packages

import numpy as np

from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files import record, writing
from dcgan.settings import Number

NAMES = ("normal-pdf.png", "normal-samples.png", "normal-2d.png", "normal-2d-max.png")
MEAN = np.array([0.0, 0.0])
COVARIANCE = np.array([[1.0, 0.8], [0.8, 1.5]])
KNOWN_X = 1.0


def parse_args(argv=None):
    parser = flags.Parser(prog="simple-distributions.py", description=__doc__)
    parser.add_argument("--outDir", type=settings.path, default=".", metavar="PATH",
                        help="folder of the pictures")
    parser.add_argument("--seed", type=Number(int, low=0), default=0, metavar="N",
                        help="seed of the samples")
    return parser.parse_args(argv)


def most_likely_y(x, mean=MEAN, covariance=COVARIANCE):
    """The y that maximises the normal density p(x, y): the conditional mean.

    Args:
        x: the known first coordinate.
        mean: `[2]`.
        covariance: `[2, 2]`.
    """
    return mean[1] + covariance[1, 0] / covariance[0, 0] * (x - mean[0])


def save(figure, folder, name):
    with writing.whole(os.path.join(folder, name)) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def draw_pdf(folder):
    """The density of the standard normal."""
    from scipy import stats

    figure, axes = new_figure()
    x = np.linspace(-3, 3, 200)
    axes.plot(x, stats.norm.pdf(x))
    axes.set(xlabel="x", ylabel="p(x)", ylim=(0, None))
    save(figure, folder, "normal-pdf.png")


def draw_samples(folder, rng):
    """Samples of the standard normal on the x axis, with its density."""
    from scipy import stats

    figure, axes = new_figure()
    x = np.linspace(-3, 3, 200)
    samples = rng.normal(size=30)
    axes.plot(x, stats.norm.pdf(x))
    axes.plot(samples, np.zeros_like(samples), "o", alpha=0.5, clip_on=False)
    axes.set(xlabel="x", ylabel="p(x)", xlim=(-3, 3), ylim=(0, None))
    save(figure, folder, "normal-samples.png")


def draw_contours(axes):
    """Contours of the two-dimensional normal density."""
    from scipy import stats

    x, y = np.meshgrid(np.linspace(-3.5, 3.5, 200), np.linspace(-3.5, 3.5, 200))
    axes.contourf(x, y, stats.multivariate_normal(MEAN, COVARIANCE).pdf(np.dstack([x, y])),
                  cmap="Blues", levels=12)
    axes.set(xlabel="x", ylabel="y", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")


def draw_2d(folder, rng):
    """A two-dimensional normal: its density and samples."""
    figure, axes = new_figure()
    draw_contours(axes)
    axes.plot(*rng.multivariate_normal(MEAN, COVARIANCE, 100).T, "o", color="black",
              markersize=3, alpha=0.6)
    save(figure, folder, "normal-2d.png")


def draw_completion(folder):
    """Completion in two dimensions: x is known, and the most likely y completes it."""
    figure, axes = new_figure()
    draw_contours(axes)
    y = most_likely_y(KNOWN_X)
    axes.axvline(KNOWN_X, color="black", linestyle="--", label=f"known: x = {KNOWN_X:g}")
    axes.plot(KNOWN_X, y, "o", color="red", label=f"most likely: y = {y:.2g}")
    axes.legend(loc="lower right")
    save(figure, folder, "normal-2d-max.png")


def new_figure():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    return figure, figure.subplots()


def main(argv=None):
    config = parse_args(argv)
    record.require_free([os.path.join(config.outDir, name) for name in NAMES],
                           flag=f"--outDir {config.outDir}: ")
    writing.make_folder(config.outDir, by="simple-distributions.py")
    rng = np.random.default_rng(config.seed)
    draw_pdf(config.outDir)
    draw_samples(config.outDir, rng)
    draw_2d(config.outDir, rng)
    draw_completion(config.outDir)
    print(f"{', '.join(NAMES[:-1])} and {NAMES[-1]} in {config.outDir}")


if __name__ == "__main__":
    running.run(main, "simple-distributions.py")
