"""pretrained/validation.csv, what HISTORY.md says of it, and pretrained/draw_validation.py."""

import csv

import numpy as np
import pytest
from conftest import ROOT, load_script
from PIL import Image

FOLDER = ROOT / "pretrained"


@pytest.fixture(scope="module")
def rows():
    with open(FOLDER / "validation.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_the_network_in_there_is_the_best_of_all(rows):
    best = max(rows, key=lambda row: float(row["psnr"]))
    assert (best["run"], best["step"]) == ("this network", "4500")
    assert f"**{best['psnr']}**" in (FOLDER / "HISTORY.md").read_text()


def test_every_training_is_drawn(rows, tmp_path):
    figure = load_script("pretrained/draw_validation.py").draw(rows)
    figure.savefig(tmp_path / "drawn.png", dpi=100)
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == list(dict.fromkeys(row["run"] for row in rows))
    assert sum(len(line.get_xdata()) for line in lines) == len(rows)
    drawn, shown = (np.asarray(Image.open(path), dtype=int)
                    for path in (tmp_path / "drawn.png", FOLDER / "validation.png"))
    np.testing.assert_allclose(drawn, shown, atol=2)
