"""Pixels under a mask of one's own are unknown: whatever they are, the results are the same."""

import os
import zlib

import numpy as np
import pytest
from completing import draw, read, run
from conftest import load_script
from PIL import Image

from dcgan.files import record
from dcgan.inpainting.masks import MASKS

pytestmark = pytest.mark.slow
HOLE = np.zeros((24, 40), bool)
HOLE[6:14, 16:28] = HOLE[20:, :9] = True


def with_mask_file(folder, seed):
    draw(folder / "a.png", (40, 24), seed, HOLE)
    Image.fromarray(np.uint8(255 * HOLE)).save(folder / "mask.png")
    return "--mask", "mask.png"


def with_mask_folder(folder, seed):
    draw(folder / "a.png", (40, 24), seed, HOLE)
    (folder / "masks").mkdir()
    Image.fromarray(np.uint8(255 * HOLE)).save(folder / "masks" / "a.bmp")
    return "--mask", "masks"


def with_alpha(folder, seed):
    draw(folder / "a.png", (40, 24), seed, HOLE)
    image = Image.open(folder / "a.png").convert("RGB")
    image.putalpha(Image.fromarray(np.uint8(np.where(HOLE, 10 * seed, 255))))
    image.save(folder / "a.png")
    return ("--maskFromAlpha",)


def with_color(folder, seed):
    """Within the tolerance, hidden pixels may differ too."""
    draw(folder / "a.png", (40, 24))
    picture = read(folder / "a.png").copy()
    picture[HOLE] = (250, 3, 250 + seed)
    Image.fromarray(picture).save(folder / "a.png")
    return "--maskColor", "#ff00ff"


def with_network_sized(folder, seed):
    draw(folder / "a.png", (16, 16), seed, np.s_[4:9, 5:14])
    mask = np.zeros((16, 16), np.uint8)
    mask[4:9, 5:14] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    return "--mask", "mask.png"


def with_mask_type(name):
    """Not of one's own, so that what is hidden is shown and measured, but no more than that."""
    def make(folder, seed):
        mask = MASKS[name]((16, 16), np.random.default_rng([0, zlib.crc32(b"a"), 0, 1]),
                           load_script("complete.py").parse_args(["x"]))
        draw(folder / "a.png", (16, 16), seed, mask == 0)
        return "--maskType", name

    return make


LANDMARKS = "12 6 28 7 20 18"
FLAGS = {
    "paste": ("--blend", "paste"),
    "poisson": ("--blend", "poisson", "--contextual", "weighted"),
    "candidates": ("--contextual", "mixed", "--nCandidates", 2, "--nInit", 8, "--prior",
                   "saturating"),
    "article": ("--preset", "article"),
    "fast": ("--preset", "fast"),
    "best": ("--preset", "best"),
    "stretched": ("--no-crop",),
    "region": ("--region", "9,1,26,20"),
    "face": ("--align", "--landmarks", "points.txt"),
}
SOURCES = {"file": with_mask_file, "folder": with_mask_folder, "alpha": with_alpha,
           "color": with_color, "network's size": with_network_sized}
SOURCES |= {name: with_mask_type(name) for name in MASKS if name not in ("full", "lowres")}


def cases():
    """Every mask of one's own with all flags; each type of mask with two of them, by turns."""
    framed = "stretched", "region", "face"  # want pictures larger than the network's
    whole = [flags for flags in FLAGS if flags not in framed]
    for i, source in enumerate(SOURCES):
        if source in MASKS:
            chosen = [whole[(i + k) % len(whole)] for k in (0, 3)]
        else:
            chosen = whole if source == "network's size" else FLAGS
        yield from ((source, flags) for flags in chosen)


@pytest.mark.parametrize("source,flags", cases())
def test_hidden_pixels_change_nothing(lively, tmp_path, monkeypatch, capfd, source, flags):
    own = source not in MASKS
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.chdir(folder)
        mask = SOURCES[source](folder, seed)
        (folder / "points.txt").write_text(LANDMARKS)
        run(lively, "a.png", *mask, *FLAGS[flags], "--log_dir", "tensorboard")
    written = {}
    for seed in "12":
        written[seed] = {
            os.path.relpath(path, tmp_path / seed): path.read_bytes()
            for path in sorted((tmp_path / seed / "completions").rglob("*")) if path.is_file()}
    assert (tmp_path / "1" / "a.png").read_bytes() != (tmp_path / "2" / "a.png").read_bytes()
    assert written["1"].keys() == written["2"].keys()
    assert any("images" in name for name in written["1"])
    shows_truth = ("before.png", "results.csv", "report.html", record.NAME)
    for name, content in written["1"].items():
        if name.endswith(record.NAME):  # who had the folder since when is not the same
            content, written["2"][name] = (
                [line for line in each.splitlines() if b'"process"' not in line]
                for each in (content, written["2"][name]))
        if own or os.path.basename(name) not in shows_truth:
            assert content == written["2"][name], f"{name} depends on hidden pixels"
        elif name.endswith("before.png"):
            assert content != written["2"][name]
    if own and source != "network's size":
        shown = read(tmp_path / "1" / "completions" / "photos" / "a.png")[..., :3]
        original = read(tmp_path / "1" / "a.png")[..., :3]
        np.testing.assert_array_equal(shown[~HOLE], original[~HOLE])
        assert (shown[HOLE] != original[HOLE]).any()
