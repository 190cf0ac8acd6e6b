"""The log of each search, `logs/hats_NN.log`: loss and z of every iteration."""

import numpy as np

from dcgan.files import record, writing


def start_logs(paths, z_dim):
    """Create each search log, with the header of the original code."""
    for path in paths:
        with writing.whole(path, finished=False) as temporary, open(temporary, "w") as log:
            log.write("iter loss " + " ".join(f"z{i}" for i in range(z_dim)) + "\n")


def append_logs(paths, first, losses, zs):
    """Append a line `iter loss z0 z1 ...` per iteration to each image's log.

    Args:
        paths: B logs.
        first: number of the first iteration.
        losses: `[n, B]`.
        zs: `[n, B, z_dim]`.
    """
    iterations = np.arange(first, first + len(losses))
    for b, path in enumerate(paths):
        rows = np.column_stack([iterations, losses[:, b], zs[:, b]])
        with writing.naming_failure(path), open(path, "a") as log:
            np.savetxt(log, rows, fmt=["%d", "%.6g"] + ["%.6f"] * zs.shape[2])


def end_logs(paths):
    """Record the finished logs; a log that the user changes afterwards is not overwritten."""
    for path in paths:
        with writing.naming_failure(path):
            record.add(path, path)
