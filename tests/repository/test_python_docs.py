"""What README, docs/python.md and the notebook show of Python, run as it stands."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from conftest import ROOT, load_script
from PIL import Image

import utils

pytestmark = pytest.mark.slow
NOTEBOOK = ROOT / "docs" / "completion.ipynb"


def blocks(name):
    return re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / name).read_text())


# Of README, in a process of its own.
CHECKS = """
    assert images.shape == (8, 64, 64, 3) and images.dtype == np.uint8
    assert completion.images.shape == images.shape and completion.images.dtype == np.uint8
    assert completion.z.shape == (8, 1, 100) and completion.losses.shape == (8, 1)
    known = mask == 1
    np.testing.assert_array_equal(completion.images[:, known], images[:, known])
    grey = np.abs(128 - images[:, ~known].astype(float)).mean()
    assert np.abs(completion.images[:, ~known] - images[:, ~known].astype(float)).mean() < grey / 4
    assert faces.shape == (16, 64, 64, 3) and faces.dtype == np.uint8
    probability = dcgan.discriminate(faces)
    assert probability.shape == (16,) and 0 < probability.min() < probability.max() < 1
"""


def test_readmes_example_runs_beside_a_utils_of_the_users(tmp_path):
    (block,) = blocks("README.md")
    (tmp_path / "utils.py").write_text("raise ImportError('a file of the user')")
    result = subprocess.run(
        [sys.executable, "-c", block + textwrap.dedent(CHECKS)], cwd=tmp_path, text=True,
        capture_output=True, timeout=240, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert result.returncode == 0, result.stderr
    assert result.stdout == "" and os.listdir(tmp_path) == ["utils.py"]


# In this process, where TensorFlow is imported already


@pytest.fixture
def photograph(tmp_path, monkeypatch):
    """photo.png and photo-mask.png: a photograph whose mouth is painted over; and what was there.
    """
    load_script("demo/paint_over.py").main([str(tmp_path / "drawn")])
    for kind, name in (("photos", "photo.png"), ("masks", "photo-mask.png")):
        os.rename(tmp_path / "drawn" / kind / "mouth.png", tmp_path / name)
    photo = utils.read_image(str(tmp_path / "drawn" / "whole" / "mouth.png"))
    shutil.rmtree(tmp_path / "drawn")
    return photo, utils.read_image(str(tmp_path / "photo-mask.png"), c_dim=1)[..., 0] > 127


def test_every_block_of_the_page_runs(photograph, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before, told, space = sorted(os.listdir(tmp_path)), [], {}
    for block in blocks("docs/python.md"):
        exec(compile(block, "docs/python.md", "exec"), space)
        told.append(capsys.readouterr().out)
        if "nCandidates=2" in block:
            assert space["completion"].z.shape == (4, 2, 100)
        if "Masking(fraction=0.8)" in block:
            assert len(np.unique(space["masks"], axis=0)) == 4
            assert 0.15 < space["masks"].mean() < 0.25
        if "progress=show" in block:
            assert [line.split()[0] for line in told[-1].splitlines()] == ["0", "2", "4", "6"]
        if "except ValueError" in block:
            assert "# " + told[-1] == block[block.rindex("# "):]
        if "dcgan.train" in block:
            assert told[-1].startswith("2 steps done: checkpoint tiny/checkpoint/DCGAN-2, ")
    assert len(told) == 12
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "tiny"])
    assert space["picture"].size == (256, 64)
    assert space["faces"].shape == (16, 64, 64, 3) and space["probability"].shape == (16,)
    photo, hole = photograph
    np.testing.assert_array_equal(space["hole"], hole)
    np.testing.assert_array_equal(space["photo"][~hole], photo[~hole])
    grown = utils.to_float(space["framer"].photo("photo.png").pixels)  # the hole's rim, continued
    truth, ours = utils.to_float(photo)[hole], utils.to_float(space["photo"])[hole]
    assert np.abs(ours - truth).mean() < np.abs(grown[hole] - truth).mean()


class Shown:
    """Plays a notebook's `display`, which shows pictures below the cell."""

    def __init__(self):
        self.pictures = []

    def __call__(self, picture, display_id=None):
        self.pictures.append(picture)
        return Handle(self, len(self.pictures) - 1) if display_id else None


class Handle:
    """Plays what `display` returns: it puts another picture into the place of the first."""

    def __init__(self, shown, place):
        self.shown, self.place = shown, place

    def update(self, picture):
        self.shown.pictures[self.place] = picture


def stored(cell):
    """What a cell of the notebook has below it: its pictures, and its text."""
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(
        "".join(output["data"]["image/jpeg"])))), float)
                for output in cell["outputs"] if output["output_type"] == "display_data"]
    return pictures, "".join(text for output in cell["outputs"] for text in output.get("text", []))


def test_the_notebook_shows_what_its_cells_make(monkeypatch, capsys):
    """Without a kernel, which the project does not need: the cells' code, with a `display` that
    keeps the pictures. The stored outputs are a kernel's, which stores each picture as PNG and as
    JPEG; to keep the file small, only the JPEG stays."""
    monkeypatch.chdir(NOTEBOOK.parent)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before, space = sorted(os.listdir()), {}
    assert NOTEBOOK.stat().st_size < 600_000
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"]
             if cell["cell_type"] == "code"]
    count = 0
    for cell in cells:
        space["display"] = shown = Shown()
        exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), space)
        pictures, text = stored(cell)
        assert len(shown.pictures) == len(pictures)
        assert len(re.findall(r"[\d.]+", capsys.readouterr().out)) == len(
            re.findall(r"[\d.]+", text))
        for ours, theirs in zip(shown.pictures, pictures):
            # JPEG loses something; on a CPU without bfloat16, other z are found.
            assert np.abs(np.asarray(ours, float) - theirs).mean() < (6 if count else 3)
            count += 1
    assert count == 6 and sorted(os.listdir()) == before
