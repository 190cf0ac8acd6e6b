"""The commands that `pip install -e .` installs for the scripts."""

from dcgan.cli.environment import ROOT

import functools
import os
import runpy
import sys


def _run(script):
    path = os.path.join(ROOT, script)
    if not os.path.exists(path):
        sys.exit(f"{script}: not found in {ROOT}; install the package from a clone, with "
                 "`pip install -e .`")
    runpy.run_path(path, run_name="__main__")


align = functools.partial(_run, "align.py")
train = functools.partial(_run, "train-dcgan.py")
complete = functools.partial(_run, "complete.py")
