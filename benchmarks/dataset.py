#!/usr/bin/env python3
"""What a large dataset costs: start, memory, steady rate, and the epochs after the first.

Trains for some steps on each folder, and prints what train-dcgan.py took.
"""

from _path import ROOT

import glob
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from tables import head, row

from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files.listing import list_images
from dcgan.messages import UserError

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"


def seconds_of(command, cwd=None):
    """Time and peak memory (GiB) of a process."""
    start = time.time()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise UserError(f"{' '.join(command)}: failed")
    return start, time.time() - start, usage.ru_maxrss / 2**20


def rates(log_dir):
    """`(wall times, images per second)` of every step, from TensorBoard's files."""
    import tensorflow as tf

    times, values = [], []
    for path in sorted(glob.glob(os.path.join(log_dir, "*tfevents*"))):
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                if value.tag == "images_per_second":
                    times.append(event.wall_time)
                    values.append(float(tf.make_ndarray(value.tensor)))
    return np.array(times), np.array(values)


def measure(dataset, flags, imports):
    """Train on a folder and print a line of the table; returns the rates of every step."""
    with tempfile.TemporaryDirectory(prefix="dataset-") as folder:
        start, _, memory = seconds_of(
            [sys.executable, os.path.join(ROOT, "train-dcgan.py"), "--dataset", dataset, *flags,
             "--sample_interval", "1000000", "--save_interval", "1000000"], cwd=folder)
        times, values = rates(os.path.join(folder, "logs"))
    count = len(list_images([dataset]))
    half = len(values) // 2  # the first is warming up
    row(f"{count:,}", f"{times[0] - start - imports:.1f} s", f"{memory:.2f} GiB",
        f"{np.median(values[half:]):.1f}")
    return values


def parse_args(argv=None):
    parser = flags.Parser(prog="dataset.py", description=__doc__,
                          epilog="More flags are train-dcgan.py's.")
    parser.add_argument("dataset", type=settings.path, nargs="+", help="folders of pictures")
    options, options.flags = parser.parse_known_args(argv)
    options.dataset = [os.path.abspath(folder) for folder in options.dataset]
    return options


def main(argv=None):
    options = parse_args(argv)
    imports = min(seconds_of([sys.executable, "-c", "import tensorflow"])[1] for _ in range(2))
    print(f"flags: {' '.join(options.flags)}; TensorFlow's import, which is left out: "
          f"{imports:.1f} s")
    head("pictures", "first step after", "peak memory", "images per second")
    for dataset in options.dataset:
        values = measure(dataset, options.flags, imports)
        for part in np.array_split(values, 4):
            print(f"    {len(part)} steps: {np.median(part):.1f} images per second")


if __name__ == "__main__":
    running.run(main, "dataset.py")
