"""The library beside a user's own files, with the clone in PYTHONPATH."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow
PROGRAM = """
import files
import settings
import training
import utils

import numpy as np
from model import DCGAN

assert {each.MINE for each in (files, settings, training, utils)} == {"mine"}
model = DCGAN(image_size=16, batch_size=2, z_dim=5, gf_dim=2, df_dim=2)
mask = np.ones((16, 16), np.float32)
mask[4:12, 4:12] = 0
completion = model.complete(model.sample(2), mask, preset="best", nIter=1, nInit=2)
print("completed", *completion.images.shape)
"""


def test_a_programs_own_files_may_have_any_names(tmp_path):
    for name in ("utils.py", "settings.py", "training.py", "files/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('MINE = "mine"\n')
    (tmp_path / "program.py").write_text(PROGRAM)
    result = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, text=True,
                            capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert result.returncode == 0, result.stderr
    assert result.stdout == "completed 2 16 16 3\n"
