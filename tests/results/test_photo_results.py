"""Whole photographs and masks of one's own: what is written, measured and refused."""

import csv
import os

import numpy as np
import pytest
from completing import draw, read, run
from conftest import SHARED, needs_shared, run_here
from PIL import Image

import utils
from dcgan import metrics
from dcgan.messages import UserError

pytestmark = pytest.mark.slow


def test_a_hundred_pictures_with_masks_of_their_own(lively, tmp_path):
    """Of mixed sizes and modes, three of them bad and one without a mask: the rest is not lost."""
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    (tmp_path / "masks").mkdir()
    modes = ("RGB", "L", "RGBA", "P", "LA", "CMYK")
    originals, holes = {}, {}
    for i in range(100):
        width, height = rng.integers(10, 50, 2)
        if i % 10 == 0:
            width = height = 16
        mode = modes[i % 6]
        draw(tmp_path / "x.png", (width, height))
        name = f"p{i:03d}"
        image = Image.open(tmp_path / "x.png").convert("RGB" if mode == "LA" else mode)
        if mode == "LA":
            image = image.convert("L")
            image.putalpha(200)
        path = tmp_path / "in" / f"{name}{'.jpg' if mode == 'CMYK' else '.png'}"
        image.save(path)
        hole = np.zeros((height, width), np.uint8)
        top, left = rng.integers(0, (height - 5, width - 5))
        hole[top:top + 5, left:left + 5] = 255
        Image.fromarray(hole).save(tmp_path / "masks" / f"{name}.png")
        originals[name], holes[name] = utils.read_image(str(path)), hole > 0
    (tmp_path / "in" / "p003.png").write_bytes(b"text")
    (tmp_path / "masks" / "p004.png").write_bytes(b"")
    Image.new("L", originals["p005"].shape[1::-1]).save(tmp_path / "masks" / "p005.png")
    os.remove(tmp_path / "masks" / "p006.png")
    result = run_here("complete.py", "in", "--mask", "masks", "--checkpointDir", lively,
                      "--nIter", 2, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "96 completed: " in result.stdout
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    for warning, words in zip(warnings, (
            "in/p003.png: not an image; skipped",
            "in/p004.png: its mask masks/p004.png: not an image; skipped",
            "in/p005.jpg: its mask hides nothing; skipped",
            "in/p006.png: no mask of the same name in --mask masks; skipped"), strict=True):
        assert words in warning
    good = sorted(originals.keys() - {"p003", "p004", "p005", "p006"})
    out = tmp_path / "completions"
    assert sorted(os.listdir(out / "images")) == [f"{name}.png" for name in good]
    for name in good:
        original, hole = originals[name], holes[name]
        folder = "images" if original.shape == (16, 16, 3) else "photos"
        written = utils.read_image(str(out / folder / f"{name}.png"))
        np.testing.assert_array_equal(written[~hole], original[~hole])
    with open(out / "results.csv") as file:
        assert [row["name"] for row in csv.DictReader(file)] == good


def test_truth_is_measured_where_it_is_given(lively, tmp_path):
    for folder in ("in", "truth"):
        (tmp_path / folder).mkdir()
    for name in "ab":
        draw(tmp_path / "in" / f"{name}.png", (16, 16), 1, np.s_[3:8, 4:9])
    draw(tmp_path / "truth" / "a.png", (16, 16))
    mask = np.zeros((16, 16), np.uint8)
    mask[3:8, 4:9] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    run(lively, tmp_path / "in", "--mask", tmp_path / "mask.png", "--truth", tmp_path / "truth",
        "--outDir", tmp_path / "out")
    with open(tmp_path / "out" / "results.csv") as file:
        a, b = csv.DictReader(file)
    images = [read(path)[np.newaxis] for path in (
        tmp_path / "out" / "images" / "a.png", tmp_path / "truth" / "a.png")]
    assert float(a["psnr"]) == pytest.approx(metrics.psnr(*images, mask > 0)[0], rel=1e-4)
    assert not b["psnr"]


def test_truth_that_does_not_fit(lively, tmp_path, capfd):
    """Costs the measures, not the picture."""
    draw(tmp_path / "a.png", (16, 16))
    mask = np.zeros((16, 16), np.uint8)
    mask[3:8, 4:9] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    (tmp_path / "truth").mkdir()
    draw(tmp_path / "truth" / "a.png", (18, 16))
    arguments = (tmp_path / "a.png", "--mask", tmp_path / "mask.png", "--outDir", tmp_path / "out")
    run(lively, *arguments, "--truth", tmp_path / "truth")
    assert "a.png: is not measured, because " in capfd.readouterr().err
    (tmp_path / "truth" / "a.png").write_text("text")
    run(lively, *arguments, "--truth", tmp_path / "truth")
    assert "truth/a.png: not an image" in capfd.readouterr().err
    with open(tmp_path / "out" / "results.csv") as file:
        assert [row["psnr"] for row in csv.DictReader(file)] == [""]
    with pytest.raises(UserError, match="--truth .*: no file matches a picture by name"):
        run(lively, *arguments, "--truth", tmp_path / "mask.png")


def test_a_photograph_of_odd_exif_data_keeps_its_results(lively, tmp_path):
    """Make as a number, Software as a fraction: the example of the complaint, as a user runs it."""
    from exif_blocks import PIXELS, odd_block

    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=odd_block("<"))
    draw(tmp_path / "b.png", (40, 24))
    result = run_here("complete.py", "a.jpg", "b.png", "--checkpointDir", lively, "--nIter", 1,
                      cwd=tmp_path)
    assert result.returncode == 0 and "2 completed" in result.stdout, result.stderr
    assert "warning" not in result.stderr
    out = tmp_path / "completions"
    assert sorted(os.listdir(out / "photos")) == ["a.jpg", "a.png", "b.png"]
    with Image.open(out / "photos" / "a.jpg") as image:
        assert image.info["exif"] == odd_block("<")


def test_a_mask_that_is_of_no_use(lively, tmp_path, capfd):
    draw(tmp_path / "a.png", (40, 24))
    mask = np.zeros((24, 40), np.uint8)
    for value, flags, words in (
            (0, (), "its mask hides nothing"), (255, (), "its mask hides everything"),
            ("left", ("--crop",), "its mask hides nothing of the centre square"),
            ("left", ("--region", "20,0,10,10"), "its mask hides nothing of --region"),
            ("square", ("--region", "4,4,10,10"), "its mask hides everything of --region")):
        if value == "left":
            mask[:] = 0
            mask[:, :6] = 255
        elif value == "square":
            mask[2:16, 2:16] = 255
        else:
            mask[:] = value
        Image.fromarray(mask).save(tmp_path / "mask.png")
        with pytest.raises(UserError, match="no picture could be completed"):
            run(lively, tmp_path / "a.png", "--mask", tmp_path / "mask.png", *flags,
                "--outDir", tmp_path / "out")
        words += " (white pixels of a mask file are missing; is it inverted?)" * (
            "everything" in words)
        assert f"a.png: {words}; skipped" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def photograph(name):
    """A real photograph, and a mask of its mouth, `[H, W]` bool."""
    (path,) = (SHARED / "faces" / "raw" / name).iterdir()
    with open(SHARED / "faces" / "raw" / "landmarks.csv") as file:
        (row,) = (r for r in csv.DictReader(file) if os.path.basename(r["file"]) == path.name)
    left, right, top, bottom = (int(float(row[k])) for k in ("x48", "x54", "y51", "y57"))
    image = read(path)
    hole = np.zeros(image.shape[:2], bool)
    hole[top:bottom + 1, left:right + 1] = True
    return image, hole


@needs_shared
def test_faces_are_found_in_photographs_and_put_back(tmp_path):
    """With their mouths hidden, by the reference checkpoint."""
    (tmp_path / "in").mkdir()
    (tmp_path / "masks").mkdir()
    photographs = {name: photograph(name) for name in ("Aishwarya_Rai", "Christopher_Walken")}
    for name, (image, hole) in photographs.items():
        Image.fromarray(image).save(tmp_path / "in" / f"{name}.png")
        Image.fromarray(hole).save(tmp_path / "masks" / f"{name}.png")
    result = run_here("complete.py", "in", "--align", "--mask", "masks", "--preset", "fast",
                      "--checkpointDir", SHARED / "reference-checkpoint", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for name, (image, hole) in photographs.items():
        check_photo(tmp_path / "completions" / "photos" / f"{name}.png", image, hole)


def check_photo(path, image, hole):
    """Its pixels are the photograph's outside of the hole, and plausible inside."""
    written = read(path)
    np.testing.assert_array_equal(written[~hole], image[~hole])
    change = np.abs(written[hole].astype(int) - image[hole])[:, :3].mean()
    assert 0 < change < 60


@needs_shared
def test_every_face_of_a_photograph(tmp_path):
    parts = [photograph(name) for name in ("Aishwarya_Rai", "Ali_Abbas")]
    height = max(len(hole) for _, hole in parts)

    def side_by_side(arrays):
        return np.hstack([np.pad(a, ((0, height - len(a)),) + ((0, 0),) * (a.ndim - 1))
                          for a in arrays])

    image, hole = (side_by_side(arrays) for arrays in zip(*parts))
    Image.fromarray(image).save(tmp_path / "two.png")
    Image.fromarray(hole).save(tmp_path / "mask.png")
    run(SHARED / "reference-checkpoint", tmp_path / "two.png", "--align", "--faces", "all",
        "--mask", tmp_path / "mask.png", "--preset", "fast", "--outDir", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out" / "images")) == ["two-face2.png", "two.png"]
    check_photo(tmp_path / "out" / "photos" / "two.png", image, hole)
    written = read(tmp_path / "out" / "photos" / "two.png")
    width = parts[0][1].shape[1]
    for part in (np.s_[:, :width], np.s_[:, width:]):  # both holes are filled
        assert (written[part][hole[part]] != image[part][hole[part]]).any()
