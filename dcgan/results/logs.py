"""The log of each search, `logs/hats_NN.log`: its loss and its z, iteration by iteration."""

import numpy as np

from dcgan.files import record, writing


def start_logs(paths, z_dim):
    """Begin each search log anew with its header, as the original writes it."""
    for path in paths:
        with writing.whole(path, finished=False) as temporary, open(temporary, "w") as log:
            log.write("iter loss " + " ".join(f"z{i}" for i in range(z_dim)) + "\n")


def append_logs(paths, first, losses, zs):
    """Append iterations to each image's log: `iter loss z0 z1 ...`, a line each.

    Args:
        paths: B logs.
        first: the number of the first iteration.
        losses: `[n, B]`.
        zs: `[n, B, z_dim]`.
    """
    iterations = np.arange(first, first + len(losses))
    for b, path in enumerate(paths):
        rows = np.column_stack([iterations, losses[:, b], zs[:, b]])
        with writing.naming_failure(path), open(path, "a") as log:
            np.savetxt(log, rows, fmt=["%d", "%.6g"] + ["%.6f"] * zs.shape[2])


def end_logs(paths):
    """Record the search logs as they are now, so that one that is changed from now on stays."""
    for path in paths:
        with writing.naming_failure(path):
            record.add(path, path)
