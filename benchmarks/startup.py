#!/usr/bin/env python3
"""How long complete.py takes to start, with TensorFlow's import of Keras and without it.

    .venv/bin/python benchmarks/startup.py docs/samples

Alternating, each command in a process of its own: `--help`, a search of one iteration, and
`--preset fast`.
"""

import _path

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from dcgan.cli import flags, running
from dcgan.settings import Number, path

COMMANDS = {"--help": ["--help"], "--nIter 1": ["--nIter", "1"],
            "--preset fast": ["--preset", "fast"]}
# What the scripts set is `1` (dcgan/machine/importing.py); where it is set already, they leave it.
KERAS = {"without Keras": {}, "with Keras": {"TF_USE_LEGACY_KERAS": "0"}}


def parse_args(argv=None):
    parser = flags.Parser(prog="startup.py", description=__doc__.splitlines()[0])
    parser.add_argument("imgs", type=path, nargs="+", help="pictures, or folders of them")
    parser.add_argument("--checkpointDir", type=path, default="pretrained", help="the network")
    parser.add_argument("--turns", type=Number(int, low=1), default=5, help="of all commands")
    return parser.parse_args(argv)


def timed(command, environment):
    """`(seconds, CPU seconds)` of a command."""
    def cpu():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = time.perf_counter(), cpu()
    subprocess.run(command, env=os.environ | environment, check=True, capture_output=True)
    return time.perf_counter() - before[0], cpu() - before[1]


def main(argv=None):
    config = parse_args(argv)
    found = {}
    with tempfile.TemporaryDirectory() as out:
        for _ in range(config.turns):
            for name, command in COMMANDS.items():
                for keras, environment in KERAS.items():
                    found.setdefault((name, keras), []).append(timed(
                        [sys.executable, os.path.join(_path.ROOT, "complete.py"), *config.imgs,
                         "--checkpointDir", config.checkpointDir, "--outDir", out, *command],
                        environment))
    for (name, keras), times in found.items():
        seconds, cpu = map(statistics.median, zip(*times))
        print(f"{name:<15} {keras:<14} {seconds:6.2f} s, {cpu:6.2f} s of CPU")


if __name__ == "__main__":
    running.run(main, "startup.py")
