"""benchmarks/unchanged.py: a recording is like itself, and whatever changes is named."""

import csv
import json
import shutil

import numpy as np
import pytest
from conftest import assert_one_line_error, draw_faces, needs_shared, run_here, train_here
from PIL import Image

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two of one case, in which a training of one step had two seeds."""
    root = tmp_path_factory.mktemp("recordings")
    faces = draw_faces(root / "faces", 16)
    for name in ("one", "two"):
        case = root / name / "recipe"
        case.mkdir(parents=True)
        (root / name / "inputs").mkdir()
        (root / name / "inputs" / "mask.csv").write_text("the same")
        train_here(case, faces, "--max_steps", 1, "--seed", int(name == "two"))
        np.savez(case / "latents.npz", z=np.zeros(3), settings=json.dumps({"seed": name}))
        with open(case / "results.csv", "w", newline="") as file:
            csv.writer(file).writerows([["name", "psnr"], ["a", name]])
        said = [{"command": "train-dcgan.py", "code": 0, "stdout": name, "stderr": ""}]
        (case / "output.json").write_text(json.dumps(said))
        record = {"folder": str(root / name), "repository": str(root), "cases": ["recipe"]}
        (root / name / "recording.json").write_text(json.dumps(record))
    return root


def compare(before, after):
    result = run_here("benchmarks/unchanged.py", "compare", before, after, cwd=before)
    return result.returncode, result.stdout


def test_a_recording_is_like_itself(recordings):
    code, said = compare(recordings / "one", recordings / "one")
    assert code == 0
    assert said.startswith("1 cases, ") and said.endswith(" files: none not the same\n")


@pytest.mark.parametrize("files,named", [
    (["checkpoint/DCGAN-1.index", "checkpoint/DCGAN-1.data-00000-of-00001"],
     "recipe/checkpoint/DCGAN-1.index: "),
    (["checkpoint/run.json"], "recipe/checkpoint/run.json: "),
    (["logs"], "recipe/logs/TensorBoard: d_loss of step 1: "),
    (["samples"], "recipe/samples/train_00_0000.png: pixels: "),
    (["latents.npz"], "recipe/latents.npz: settings: seed: 'one' -> 'two'"),
    (["results.csv"], "recipe/results.csv: 1: 1: 'one' -> 'two'"),
    (["output.json"], "recipe/output.json: 0: stdout: 'one' -> 'two'")])
def test_what_changes_is_named(recordings, tmp_path, files, named):
    shutil.copytree(recordings / "one", tmp_path / "after")
    for name in files:
        other, here = recordings / "two" / "recipe" / name, tmp_path / "after" / "recipe" / name
        if other.is_dir():
            shutil.rmtree(here)
            shutil.copytree(other, here)
        else:
            shutil.copyfile(other, here)
    code, said = compare(recordings / "one", tmp_path / "after")
    assert code == 1 and f"\n{named}" in f"\n{said}", said


def test_a_file_that_is_gone_or_new_is_named(recordings, tmp_path):
    shutil.copytree(recordings / "one", tmp_path / "after")
    table = tmp_path / "after" / "recipe" / "results.csv"
    table.rename(table.with_name("new.csv"))
    code, said = compare(recordings / "one", tmp_path / "after")
    assert code == 1
    assert said.startswith("recipe/new.csv: only after\nrecipe/results.csv: only before\n")
    assert_one_line_error(run_here("benchmarks/unchanged.py", "compare", "one", "nowhere",
                                   cwd=recordings), "nowhere/recording.json")


@needs_shared
def test_two_recordings_of_one_program(tmp_path):
    for name in ("before", "after"):
        result = run_here("benchmarks/unchanged.py", "record", name, "--only", "distributions",
                          cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    code, said = compare(tmp_path / "before", tmp_path / "after")
    assert code == 0, said
    path = tmp_path / "after" / "distributions" / "out" / "normal-pdf.png"
    pixels = np.array(Image.open(path))
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    code, said = compare(tmp_path / "before", tmp_path / "after")
    assert code == 1
    assert f"distributions/out/normal-pdf.png: pixels: 1 of {pixels.size} values differ" in said
