"""What the scripts here import first: it puts the project on Python's path, and says so where
packages are missing."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from dcgan.cli.environment import ROOT
