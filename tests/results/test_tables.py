"""`results.csv` and `latents.npz`: what stands in them, and searches that go on from them."""

import csv

import numpy as np
import pytest
from completing import draw, read, run
from conftest import load_script
from PIL import Image

from dcgan import metrics
from dcgan.messages import UserError
from dcgan.results.tables import read_latents

pytestmark = pytest.mark.slow


def test_the_table(done, three_faces):
    with open(done / "results.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["face_0", "face_1", "face_2"]
    hole = np.zeros((16, 16), bool)
    hole[4:12, 4:12] = True
    for row in rows:
        images = [read(folder / f"{row['name']}.png")[np.newaxis]
                  for folder in (done / "images", three_faces)]
        for name in ("psnr", "ssim", "l1"):
            assert float(row[name]) == pytest.approx(
                getattr(metrics, name)(*images, hole)[0], rel=1e-4)
        assert float(row["loss"]) == pytest.approx(
            float(row["contextual"]) + 0.1 * float(row["perceptual"]), rel=1e-4)
        assert row["iterations"] == "6"


def test_candidates_are_ranked_by_loss(done):
    zs, settings = read_latents(str(done / "latents.npz"))
    assert settings["nCandidates"] == 2
    with np.load(done / "latents.npz") as file:
        losses = file["loss"]
    with open(done / "results.csv") as file:
        for row, loss in zip(csv.DictReader(file), losses, strict=True):
            assert float(row["loss"]) == pytest.approx(loss.min(), rel=1e-4)
    for i, name in enumerate(zs):
        assert zs[name].shape == (2, 10) and np.abs(zs[name][0] - zs[name][1]).max() > 0.01
        both = read(done / "candidates" / f"{name}.png")
        best = losses[i].argmin()
        np.testing.assert_array_equal(both[:, 16 * best:16 * (best + 1)],
                                      read(done / "images" / f"{name}.png"))
        logs = [np.loadtxt(done / "logs" / f"hats_{i:02d}{suffix}.log", skiprows=1)
                for suffix in ("", "_1")]
        np.testing.assert_allclose([log[:, 1].min() for log in logs], losses[i], rtol=1e-4)


def test_latents_make_the_same_pictures_again_and_go_on(done, lively, three_faces, tmp_path):
    """With no flag but --init: mask, blend and the rest are in the file."""
    run(lively, three_faces, "--outDir", tmp_path / "same", "--init", done / "latents.npz",
        "--nIter", 0)
    run(lively, three_faces, "--outDir", tmp_path / "further", "--init", done / "latents.npz",
        "--nIter", 30)
    before, same, further = (
        [float(row["loss"]) for row in csv.DictReader(open(folder / "results.csv"))]
        for folder in (done, tmp_path / "same", tmp_path / "further"))
    np.testing.assert_allclose(same, before, rtol=1e-6)
    assert (np.array(further) < np.array(before) - 0.1).all()
    for i in range(3):
        name = f"images/face_{i}.png"
        assert (tmp_path / "same" / name).read_bytes() == (done / name).read_bytes()


def draw_mask(path):
    """White where a picture of 40x24 pixels has its middle."""
    white = np.zeros((24, 40), np.uint8)
    white[8:16, 16:24] = 255
    Image.fromarray(white).save(path)


def test_given_flags_take_the_place_of_those_in_latents(lively, tmp_path):
    """Of masks and frames, one rules out the others; what blend suits them is decided anew."""
    parse = load_script("complete.py").parse_args
    draw(tmp_path / "a.png", (40, 24))
    (tmp_path / "whole").mkdir()
    draw(tmp_path / "whole" / "a.png", (40, 24))
    draw_mask(tmp_path / "mask.png")
    (tmp_path / "points.txt").write_text("12 8 28 8 20 18")
    whole, mask, points = (str(tmp_path / name) for name in ("whole", "mask.png", "points.txt"))
    of_three = ("--landmarks", points)
    for first, then, expected in (
            (("--letterbox",), ("--crop",), {"frame": "crop", "blend": "paste"}),
            (("--region", "1,1,20,20"), ("--letterbox",), {"frame": "letterbox", "region": None}),
            (("--region", "1,1,20,20"), (), {"frame": "region", "blend": "poisson"}),
            (("--maskType", "left"), ("--maskFromAlpha",),
             {"own_mask": True, "blend": "poisson", "frame": "letterbox"}),
            (("--maskType", "left", "--lam", 3), ("--nIter", 7),
             {"maskType": "left", "lam": 3.0, "nIter": 7}),
            # What is of a flag goes with it, and stays where that is said again.
            (("--align", *of_three), ("--crop",), {"frame": "crop", "landmarks": None}),
            (("--align", *of_three), ("--align",), {"frame": "face", "landmarks": points}),
            (("--mask", mask, "--truth", whole), ("--maskType", "left"), {"truth": None}),
            (("--mask", mask, "--truth", whole), ("--mask", mask), {"truth": whole})):
        run(lively, tmp_path / "a.png", *first, "--outDir", tmp_path / "out", "--nIter", 1)
        settings = parse(["a.png", "--init", str(tmp_path / "out" / "latents.npz"),
                          *map(str, then)])
        assert {key: getattr(settings, key) for key in expected} == expected


def test_latents_of_other_pictures(done, lively, tmp_path, capfd):
    draw(tmp_path / "new.png", (16, 16))
    run(lively, tmp_path / "new.png", "--init", done / "latents.npz", "--outDir", tmp_path / "out")
    assert "warning: new: not in --init" in capfd.readouterr().err
    assert (tmp_path / "out" / "images" / "new.png").exists()


def test_latents_of_another_kind(done, lively, three_faces, tmp_path):
    (tmp_path / "text.npz").write_text("text")
    for flags, words in ((("--init", done / "latents.npz", "--nCandidates", 3), "--nCandidates 2"),
                         (("--init", tmp_path / "text.npz"), "not a latents.npz written"),
                         (("--init", tmp_path / "none.npz"), "no such file")):
        with pytest.raises(UserError, match=f"--init .*{words}"):
            run(lively, three_faces, *flags)
