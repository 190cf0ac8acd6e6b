"""What the scripts here import first: it puts the project on Python's path, with the folders of
modules that two of them use, and says so where packages are missing."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from dcgan.cli.environment import ROOT

sys.path += [os.path.join(ROOT, folder) for folder in ("demo", "tests")]
