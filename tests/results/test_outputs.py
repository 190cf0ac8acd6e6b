"""What complete.py and train-dcgan.py take for pictures, and where they refuse to write."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, draw_faces, load_script, save_lively, train_here
from PIL import Image

from dcgan.files import record
from dcgan.messages import UserError
from dcgan.results import outputs

pytestmark = pytest.mark.slow
complete = load_script("complete.py").main


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    return str(save_lively(tmp_path_factory.mktemp("lively")) / "checkpoint")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(checkpoint, *arguments):
    complete([*map(str, arguments), "--checkpointDir", checkpoint, "--nIter", "1",
              "--outInterval", "1"])


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != record.NAME}


def names_in(path):
    """Of the results in a `results.csv`."""
    return [line.split(",")[0] for line in path.read_text().splitlines()[1:]]


def photograph(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


# complete.py


@pytest.mark.parametrize("name, flags", [
    ("candidates", ["--nCandidates", 2]), ("photos", []), ("hats_imgs", []), ("images", [])])
def test_a_file_where_a_folder_belongs_is_found_before_the_search(here, lively, name, flags):
    draw_faces(here / "faces", 2)
    (here / "out").mkdir()
    (here / "out" / name).write_text("the user's\n")
    with pytest.raises(UserError, match=f"out/{name}: must be a folder, but is a file"):
        run(lively, "faces", "--outDir", "out", *flags)
    assert os.listdir(here / "out") == [name]


def test_names_of_255_bytes_are_completed_and_so_are_the_others(here, lively):
    draw_faces(here / "faces", 3)
    os.rename(here / "faces" / "face_1.png", here / "faces" / ("a" * 251 + ".png"))
    os.rename(here / "faces" / "face_2.png", here / "faces" / ("a" * 251 + ".jpg"))
    run(lively, "faces", "--outDir", "out", "--region", "2,2,8,8")
    assert len(os.listdir(here / "out" / "images")) == 3 == len(os.listdir(here / "out" / "photos"))
    run(lively, "faces", "--outDir", "out", "--region", "2,2,8,8", "--init", "out/latents.npz")


@pytest.mark.parametrize("out", [".", "", "../{here}", "link"])
def test_pictures_in_a_folder_named_images_stay(here, lively, out):
    draw_faces(here / "images", 3)
    os.symlink(here, here / "link")
    before = contents(here)
    with pytest.raises(UserError, match=r"images/face_0.png: would overwrite images/face_0"):
        run(lively, "images", "--outDir", out.format(here=here.name))
    assert contents(here) == before


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.bmp"])
def test_pictures_in_a_folder_named_photos_stay(here, lively, name):
    photograph(here / "photos" / name)
    mask = np.zeros((24, 32), np.uint8)
    mask[8:12, 8:12] = 255
    Image.fromarray(mask).save(here / "mask.png")
    before = contents(here)
    with pytest.raises(UserError, match=f"photos/{name}: would overwrite photos/{name}"):
        run(lively, "photos", "--mask", "mask.png", "--outDir", ".")
    assert contents(here) == before
    run(lively, "photos", "--mask", "mask.png")
    assert before.items() <= contents(here).items()


@pytest.mark.parametrize("place", [
    "results.csv", "report.html", "latents.npz", "before.png", "completion.gif", "search.mp4",
    "images/face_1.png", "candidates/face_0.png", "photos/face_2.png", "logs/hats_02.log",
    "logs/hats_00_1.log", "hats_imgs/0001.png", "completed/0000.png", "batch_01/masked.png"])
def test_a_file_in_the_way_is_named_before_the_search(here, lively, place, monkeypatch):
    draw_faces(here / "pics", 3)
    path = here / "out" / place
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    before = contents(here)
    face = re.search(r"face_\d\.png", place)
    whose = f" of pics/{face[0]}" if face else ""
    with pytest.raises(UserError, match=f"^--outDir out: out/{place}: would be overwritten by the "
                                        f"result{whose}, but was not written by this program"):
        run(lively, "pics", "--outDir", "out", "--nCandidates", 2, "--batchSize", 2, "--video",
            "search.mp4")
    assert contents(here) == before


def test_a_file_in_the_way_of_any_face_is_named_before_they_are_found(here):
    settings = load_script("complete.py").parse_args(
        ["pics", "--align", "--faces", "all", "--outDir", "out"])
    (here / "out" / "images").mkdir(parents=True)
    (here / "out" / "images" / f"-face{'9' * 246}.png").touch()  # which is no name of a result
    for place in ("images/a-face12.png", "logs/hats_30.log"):
        (here / "out" / place).parent.mkdir(exist_ok=True)
        (here / "out" / place).write_text("mine")
        with pytest.raises(UserError, match=f"out/{place}: would be overwritten"):
            outputs.require_free(settings, ["pics/a.png"], ["a"], [])
        (here / "out" / place).unlink()
    outputs.require_free(settings, ["pics/a.png"], ["a"], [])


def test_masks_truths_and_landmarks_are_inputs(here, lively):
    """Even where this program wrote them."""
    draw_faces(here / "pics", 1)
    run(lively, "pics", "--outDir", "out")
    (here / "masks").mkdir()
    Image.fromarray(np.uint8(255 * np.eye(16))).save(here / "masks" / "face_0.png")
    before = contents(here)
    with pytest.raises(UserError, match="--truth out/images: .*: 1 made by this program"):
        run(lively, "pics", "--outDir", "out", "--mask", "masks", "--truth", "out/images")
    with pytest.raises(UserError, match="would overwrite out/images/face_0.png"):
        run(lively, "out/images/face_0.png", "--outDir", "out")
    with pytest.raises(UserError, match="would overwrite out/before.png"):
        run(lively, "pics", "--outDir", "out", "--mask", "out/before.png")
    assert contents(here) == before


def test_results_of_an_earlier_run_are_replaced_unless_changed(here, lively):
    draw_faces(here / "pics", 2)
    run(lively, "pics", "--outDir", "out")
    first = (here / "out" / "results.csv").read_text()
    run(lively, "pics", "--outDir", "out", "--seed", 1)
    assert (here / "out" / "results.csv").read_text() != first
    for name in ("out/images/face_1.png", "out/results.csv", "out/logs/hats_00.log"):
        kept = (here / name).read_bytes()
        (here / name).write_bytes(kept + b"#")
        with pytest.raises(UserError, match=f"{name}: would be .* but was changed since"):
            run(lively, "pics", "--outDir", "out")
        (here / name).write_bytes(kept)
    run(lively, "pics", "--outDir", "out")


def test_a_killed_search_is_begun_anew(here, lively):
    draw_faces(here / "pics", 2)
    command = [sys.executable, ROOT / "complete.py", "pics", "--checkpointDir", lively, "--outDir",
               "out", "--nIter", "1000000", "--outInterval", "5"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        log = here / "out" / "logs" / "hats_00.log"
        while process.poll() is None and not (log.exists() and log.stat().st_size > 2000):
            time.sleep(0.1)
        process.kill()
    assert log.stat().st_size > 2000 and not (here / "out" / "results.csv").exists()
    run(lively, "pics", "--outDir", "out")
    assert names_in(here / "out" / "results.csv") == ["face_0", "face_1"]


def test_a_folder_of_an_earlier_version_is_named(here, lively):
    draw_faces(here / "pics", 1)
    run(lively, "pics", "--outDir", "out")
    (here / "out" / record.NAME).unlink()
    with pytest.raises(UserError, match=r"not written by this program; choose another folder"):
        run(lively, "pics", "--outDir", "out")


def test_masks_below_the_pictures_are_no_pictures(here, lively, capfd):
    draw_faces(here / "pics", 2)
    mask = np.zeros((16, 16), np.uint8)
    mask[4:8, 4:8] = 255
    for place in ("pics/masks/face_0.png", "pics/masks/face_1.png", "pics/truth/face_0.png"):
        (here / place).parent.mkdir(exist_ok=True)
        Image.fromarray(mask).save(here / place)
    run(lively, "pics", "--mask", "pics/masks", "--truth", "pics/truth")
    assert names_in(here / "completions" / "results.csv") == ["face_0", "face_1"]
    assert "pics: left out: 3 read as masks, undamaged pictures" in capfd.readouterr().err
    run(lively, *sorted(map(str, (here / "pics").iterdir())), "--mask", "pics/masks", "--truth",
        "pics/truth")
    assert names_in(here / "completions" / "results.csv") == ["face_0", "face_1"]


@pytest.mark.parametrize("outs", [("completions", "completions"), (".", "."), ("one", "two")])
def test_its_own_results_are_no_pictures(here, lively, outs):
    draw_faces(here, 2)
    for out in outs:
        run(lively, ".", "--outDir", out)
        assert names_in(here / out / "results.csv") == ["face_0", "face_1"]


def test_aligned_and_drawn_faces_may_have_their_results_beside_them(here, lively):
    for by in (None, "align.py"):
        folder = draw_faces(here / str(by), 1)
        if by:
            record.claim(str(folder), by)
            draw_faces(folder, 1, seed=1)
        run(lively, folder, "--outDir", folder)
        assert names_in(folder / "results.csv") == ["face_0"]


def test_names_are_matched_as_people_see_them(here, lively, capfd):
    """Of the two forms that Unicode has of `é`, Macs take the longer."""
    short, long = "Jos\u00e9", "Jose\u0301"
    draw_faces(here / "pics", 1)
    os.rename(here / "pics" / "face_0.png", here / "pics" / f"{short}.png")
    mask = np.zeros((16, 16), np.uint8)
    mask[4:8, 4:8] = 255
    for folder in ("masks", "truth"):
        (here / folder).mkdir()
        Image.fromarray(mask).save(here / folder / f"{long}.png")
    (here / "points.csv").write_text(f"{long}.jpg,4,5,11,5,8,12\n")
    run(lively, "pics", "--mask", "masks", "--truth", "truth", "--align", "--landmarks",
        "points.csv")
    row = (here / "completions" / "results.csv").read_text().splitlines()[1].split(",")
    assert row[0] == short and float(row[-2]) > 0 and row[-1] == "landmarks"
    os.rename(here / "pics" / f"{short}.png", here / "pics" / f"{long}.png")
    run(lively, "pics", "--init", "completions/latents.npz", "--outDir", "again")
    assert "has no z of that name" not in capfd.readouterr().err


# train-dcgan.py


def test_the_order_is_the_same_at_each_start(here, faces):
    """Though samples, results and hidden files lie beside the pictures."""
    shutil.copytree(faces, here, dirs_exist_ok=True)
    draw_faces(here / ".ipynb_checkpoints", 2)
    names = set()
    for step in (1, 2, 3):
        train_here(here, ".", "--max_steps", step, "--sample_interval", 1)
        record = json.loads((here / "checkpoint" / "run.json").read_text())
        names.add(record["names"])
        assert record["pictures"] == 24
    assert len(names) == 1 and len(list((here / "samples").glob("*.png"))) == 3
    train_here(here, ".", "--max_steps", 4, "--sample_dir", ".")
    train_here(here, ".", "--max_steps", 5, "--sample_dir", ".")
    assert json.loads((here / "checkpoint" / "run.json").read_text())["names"] in names


def test_held_out_pictures_below_the_others_are_not_learned_from(here):
    draw_faces(here / "faces", 8)
    draw_faces(here / "faces" / "heldout", 3, seed=1)
    flags = ("--validation", "faces/heldout", "--validation_interval", 1)
    train_here(here, "faces", "--max_steps", 1, *flags)
    assert json.loads((here / "checkpoint" / "run.json").read_text())["pictures"] == 8
    (here / "mine" / "best").mkdir(parents=True)
    (here / "mine" / "best" / "validation.json").write_text("mine")
    with pytest.raises(UserError, match="--checkpoint_dir mine: .*validation.json: would be"):
        train_here(here, "faces", "--max_steps", 1, *flags, "--checkpoint_dir", "mine")


@pytest.mark.parametrize("spelling", ["samples", "./samples/"])
def test_a_run_of_an_earlier_version_goes_on(trained, faces, here, spelling):
    shutil.copytree(trained, here, dirs_exist_ok=True)
    for folder in ("checkpoint", "samples"):
        (here / folder / record.NAME).unlink()
    (here / "checkpoint" / "pictures.cache").write_bytes(bytes(32) + b"of another layout")
    (here / "samples" / "train_00_0000.png").write_bytes(b"an older grid")
    (here / "samples" / "interpolate.png").write_bytes(b"the user's")
    train_here(here, faces, "--max_steps", 7, "--max_to_keep", 1, "--sample_dir", spelling)
    assert sorted(path.name for path in (here / "checkpoint").glob("*.index")) == ["DCGAN-7.index"]
    assert (here / "checkpoint" / "pictures.cache").stat().st_size > 24 * 16 * 16 * 3
    assert record.is_ours(str(here / "samples" / "train_00_0000.png"))
    assert not record.is_ours(str(here / "samples" / "interpolate.png"))


def test_samples_of_an_earlier_version_stay_in_another_run(faces, here):
    (here / "samples").mkdir()
    (here / "samples" / "train_00_0000.png").write_bytes(b"an older grid")
    with pytest.raises(UserError, match="^--sample_dir samples: .*_0000.png: would be overwritten"):
        train_here(here, faces, "--max_steps", 1)
    assert os.listdir(here) == ["samples"]


def test_a_checkpoint_that_was_copied_here_is_not_deleted(trained, faces, here):
    shutil.copytree(trained, here, dirs_exist_ok=True)
    for part in ("index", "data-00000-of-00001"):
        shutil.copyfile(trained / "checkpoint" / f"DCGAN-6.{part}",
                        here / "checkpoint" / f"DCGAN-3.{part}")
    train_here(here, faces, "--max_steps", 7, "--max_to_keep", 1)
    assert sorted(path.name for path in (here / "checkpoint").glob("*.index")) == [
        "DCGAN-3.index", "DCGAN-7.index"]


def test_the_list_of_another_programs_checkpoints_stays(faces, here):
    from tf1_checkpoints import published_variables, save_tf1
    save_tf1(here / "checkpoint", published_variables())
    before = (here / "checkpoint" / "checkpoint").read_bytes()
    train_here(here, faces, "--max_steps", 2, "--save_interval", 1, sizes=("--batch_size", 8))
    assert (here / "checkpoint" / "checkpoint").read_bytes() == before


def test_a_lock_file_of_the_users(faces, here):
    (here / "checkpoint").mkdir()
    (here / "checkpoint" / ".lock").write_text("mine")
    train_here(here, faces, "--max_steps", 1)
    assert (here / "checkpoint" / ".lock").read_text() == "mine"


def test_a_cache_that_is_none(faces, here):
    (here / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="^--cache notes.txt: already exists and is not a cache"):
        train_here(here, faces, "--max_steps", 1, "--cache", "notes.txt")
    assert (here / "notes.txt").read_text() == "mine"
    train_here(here, faces, "--max_steps", 1, "--cache", "my.cache")
    draw_faces(here / "more", 8, seed=1)
    train_here(here, "more", "--max_steps", 2, "--cache", "my.cache")  # made anew


def test_visualize_writes_over_nothing(lively, here):
    (here / "samples").mkdir()
    (here / "samples" / "samples.png").write_text("mine")
    flags = ("--checkpoint_dir", lively, "--visualize")
    with pytest.raises(UserError, match="^--sample_dir samples: .*samples.png: would be"):
        train_here(here, "unused", *flags, "samples", sizes=())
    assert (here / "samples" / "samples.png").read_text() == "mine"
    for _ in range(2):
        train_here(here, "unused", *flags, "interpolate", sizes=())
