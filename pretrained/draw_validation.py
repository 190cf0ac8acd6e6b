#!/usr/bin/env python3
"""Draw validation.csv, what --validation said of each training that was tried: validation.png."""

import csv
import itertools
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = os.path.dirname(os.path.abspath(__file__))


def draw(rows):
    """The figure of what is in the table."""
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    for run, points in itertools.groupby(rows, lambda row: row["run"]):
        steps, psnr = zip(*((int(row["step"]), float(row["psnr"])) for row in points))
        axes.plot(steps, psnr, marker="o", markersize=4, label=run,
                  linewidth=2.5 if run == "this network" else 1.2)
    axes.set_xlabel("steps on the 13,734 faces")
    axes.set_ylabel("PSNR in the hole of 64 held-out faces, dB")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


if __name__ == "__main__":
    with open(os.path.join(HERE, "validation.csv"), newline="") as file:
        draw(csv.DictReader(file)).savefig(os.path.join(HERE, "validation.png"), dpi=100)
