"""No script changes a file of the user's: each is run on a folder of files of every sort, with its
outputs pointed at every folder among them in turn."""

import contextlib
import os
import re
import shutil

import numpy as np
import pytest
from conftest import faces_everywhere, load_script, run_script, save_lively, train_here
from PIL import Image

from dcgan.faces import aligning
from dcgan.files.record import NAME
from dcgan.messages import UserError

pytestmark = pytest.mark.slow
NAMES = ("a", "b", "c")
# Where results of the program go, below whatever folder is named.
REFUSED = re.compile("would be overwritten|must be a folder")
FOLDERS = ("", "images", "photos", "logs", "completed", "hats_imgs", "candidates", "batch_01",
           "masks", "samples", "ck", "plain", ".hidden", "link", "deep/er")
RESULTS = ("results.csv", "latents.npz", "report.html", "before.png", "masked.png", "lowres.png",
           "completion.gif", "search.mp4", "hats_00.log", "hats_01_1.log", "0000.png", "0001.png",
           "train_00_0000.png", "interpolate.png", "interpolate.gif", "mean.csv", "mean.png",
           "std.csv", "normal-pdf.png", "normal-2d-max.png", "pictures.cache", "run.json", ".lock",
           "checkpoint", "DCGAN-1.data-00000-of-00001", "notes.txt", ".hidden.png",
           ".saving-money")


def everything(folder):
    """`{path: what is there}` of all files and links below a folder, without records."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in [*names, *(name for name in folders
                               if os.path.islink(os.path.join(place, name)))]:
            path = os.path.join(place, name)
            if name != NAME:
                found[os.path.relpath(path, folder)] = (
                    os.readlink(path) if os.path.islink(path) else open(path, "rb").read())
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The user's: pictures of all formats, masks, texts, a checkpoint, hidden files, links; many
    under the names that results have."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)

    def draw(path, size=(16, 16)):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        with contextlib.suppress(KeyError, OSError):
            Image.fromarray(pixels).save(path)

    for folder in FOLDERS:
        if folder == "link":
            os.symlink("plain", home / "link")
            continue
        (home / folder).mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            for suffix in (".png", ".jpg", ".webp", ".bmp", ".tif", ".ppm", ".gif"):
                draw(home / folder / f"{name}{suffix}", (20, 24) if suffix == ".tif" else (16, 16))
        for name in RESULTS:
            path = home / folder / name
            # In there, a training may begin, beside what is the user's.
            if not path.exists() and (folder, name) not in (
                    ("plain", "run.json"), ("plain", "pictures.cache")):
                path.write_text(f"the user's {folder}/{name}\n")
        os.link(home / folder / "a.png", home / folder / "hard.png")
        os.symlink("a.png", home / folder / "soft.png")
    (home / "ck" / "w.index").write_text("the user's\n")
    white = np.zeros((16, 16), np.uint8)
    white[4:9, 4:9] = 255
    for name in NAMES:
        Image.fromarray(white).save(home / "masks" / f"{name}.png")
    save_lively(home / "own")
    return home


@pytest.fixture
def user(home, tmp_path, monkeypatch):
    """The present folder, with the user's files; at the end, they have to be as they were."""
    shutil.copytree(home, tmp_path / "user", symlinks=True)
    monkeypatch.chdir(tmp_path / "user")
    before = everything(".")
    yield tmp_path / "user"
    after = everything(".")
    changed = [path for path in before if after.get(path) != before[path]]
    assert not changed, f"changed or gone: {changed}"


def attempts(script, *flags):
    """Run a script, or its module, in this process: its error, or None."""
    script = load_script(script) if isinstance(script, str) else script
    try:
        script.main(list(map(str, flags)))
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("folder", FOLDERS)
def test_complete(user, folder, capfd):
    flags = ("--outDir", folder, "--checkpointDir", "own/checkpoint", "--nIter", 1,
             "--outInterval", 1, "--batchSize", 2)
    assert REFUSED.search(attempts("complete.py", "plain", *flags))
    masks = ("--mask", "masks", "--log_dir", folder or ".", "--nCandidates", 2)
    assert attempts("complete.py", "images/a.jpg", "photos/b.tif", *masks, *flags)
    assert not [path for path in everything(".") if "tfevents" in path]  # before anything is done


@pytest.mark.parametrize("folder", FOLDERS)
def test_align(user, folder, monkeypatch):
    script = load_script("align.py")
    monkeypatch.setattr(aligning, "run_jobs", faces_everywhere)
    for out in (folder or ".", os.path.join(folder, "new")):
        for raw, flags in (("plain", ()), (folder or ".", ("--flat",))):
            attempts(script, raw, "align", "innerEyesAndBottomLip", out, "--size", 8, *flags)
    assert REFUSED.search(
        attempts(script, "plain", "computeMean", "--outputDir", folder or "."))


@pytest.mark.parametrize("folder", FOLDERS)
def test_simple_distributions(user, folder):
    assert REFUSED.search(attempts("simple-distributions.py", "--outDir", folder))


def training(**flags):
    """Two steps, with all outputs in a new folder but those that are named."""
    folders = {"checkpoint_dir": "new", "sample_dir": "new", "log_dir": "new"} | flags
    try:
        train_here(".", "plain", "--max_steps", 2, "--save_interval", 1, "--max_to_keep", 1,
                   *(word for flag, value in folders.items() for word in (f"--{flag}", value)))
    except UserError as error:
        return str(error)
    finally:
        shutil.rmtree("new", ignore_errors=True)
    return None


@pytest.mark.parametrize("flag", ["checkpoint_dir", "sample_dir", "log_dir"])
def test_training(user, flag):
    if flag == "log_dir":  # its files have names that no others have
        assert [training(log_dir=folder) for folder in (".", "plain", "link")] == [None] * 3
        return
    for folder in FOLDERS:
        error = training(**{flag: folder or "."})
        if flag == "sample_dir":
            assert "train_00_0000.png: would be overwritten" in error or (
                folder in ("plain", "link") and "would overwrite plain/train_00" in error)
        elif folder in ("plain", "link"):
            assert error is None and os.path.exists(f"{folder}/DCGAN-2.index")
        else:
            assert ("is damaged" if folder == "ck" else "run.json already exists") in error


def test_a_cache_of_the_users(user):
    for name in ("plain/a.png", "notes.txt", "link/b.jpg", "pictures.cache", "soft.png"):
        assert f"--cache {name}: already exists" in training(cache=name)


def test_visualize_and_export(user):
    flags = ("--checkpoint_dir", "own/checkpoint")
    for folder in FOLDERS:
        assert REFUSED.search(attempts(
            "train-dcgan.py", *flags, "--visualize", "interpolate", "--sample_dir",
            folder or "."))
        error = attempts("train-dcgan.py", *flags, "--export", os.path.join(folder, "w"))
        assert (error is None) == (folder not in ("ck", "link"))


@pytest.mark.parametrize("command", [
    ("complete.py", "--preset", "best", "--nIter", 2, "--checkpointDir"),
    ("complete.py", "--approach", "hmc", "--hmcL", 2, "--nIter", 2, "--checkpointDir"),
    ("train-dcgan.py", "--max_steps", 2, "--image_size", 16, "--gf_dim", 4, "--batch_size", 8,
     "--diffaug", "color", "--r1", 1, "--init")], ids=["best", "hmc", "training"])
def test_nothing_stays_in_the_temporary_folder(lively, faces, tmp_path, command):
    """Such as the code that AutoGraph writes and Python keeps compiled."""
    script, *flags = command
    pictures = ["--dataset", faces] if script == "train-dcgan.py" else [faces]
    (tmp_path / "tmp").mkdir()
    result = run_script(script, *pictures, *flags, lively, cwd=tmp_path,
                        TMPDIR=str(tmp_path / "tmp"), PYTHONDONTWRITEBYTECODE="")
    assert result.returncode == 0, result.stderr
    assert os.listdir(tmp_path / "tmp") == []
