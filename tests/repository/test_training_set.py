"""pretrained/training_set.py: which face of a photograph, and how many of a person."""

import importlib.util
import shutil

import numpy as np
import pytest
from conftest import ROOT, SHARED, assert_one_line_error, needs_shared, run_script
from PIL import Image

import utils

pytestmark = pytest.mark.slow
spec = importlib.util.spec_from_file_location(
    "training_set", ROOT / "pretrained" / "training_set.py")
training_set = importlib.util.module_from_spec(spec)
spec.loader.exec_module(training_set)


def face_at(x, y):
    return np.full((68, 2), [x, y], float)


@pytest.mark.parametrize("faces,index", [
    ([], None), ([face_at(125, 130)], 0), ([face_at(40, 40), face_at(120, 125)], 1),
    ([face_at(125, 188)], None), ([face_at(125, 187)], 0)])
def test_the_face_in_the_middle(faces, index):
    assert training_set.central_face(faces, (250, 250, 3)) == index


def test_persons():
    names = "lfw/Ann_B/Ann_B_0001.png", "Ann_B_10t.png", "Ann_B_7.png"
    assert {training_set.person_of(name) for name in names} == {"Ann_B"}


def test_spread():
    assert training_set.spread([1, 2, 3], 3) == [1, 2, 3]
    assert training_set.spread(list(range(100)), 4) == [0, 33, 66, 99]


def test_a_person_is_held_down_over_all_folders(tmp_path, capsys):
    for name in [f"lfw/Ann/Ann_000{i}" for i in range(4)] + ["faces/Ann_0000", "faces/Bob_1t"]:
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    training_set.gather([str(tmp_path / "faces"), f"{tmp_path}/lfw/"], str(tmp_path / "out"), 3)
    assert {str(path.relative_to(tmp_path / "out")): path.read_text()
            for path in (tmp_path / "out").rglob("*.png")} == {
        "faces/Ann_0000.png": "faces/Ann_0000", "faces/Bob_1t.png": "faces/Bob_1t",
        "lfw/Ann/Ann_0001.png": "lfw/Ann/Ann_0001", "lfw/Ann/Ann_0003.png": "lfw/Ann/Ann_0003"}
    assert "4 of 6 faces, of 2 people, 1 of whom had more than 3" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "lfw", "out"]


@needs_shared
def test_the_whole(tmp_path):
    """Four photographs and one without a face, as `align.py` does it; and started again."""
    person = "Abel_Pacheco"
    for part in training_set.PARTS:
        shutil.copytree(SHARED / "lfw" / "valid" / person, tmp_path / "lfw" / part / person)
    photograph = np.array(Image.open(next((tmp_path / "lfw" / "train" / person).iterdir())))
    utils.save_image(str(tmp_path / "lfw" / "train" / "None_0001.png"), 0 * photograph)
    flags = (tmp_path, "--lfw", tmp_path / "lfw", "--faces", tmp_path / "lfw-train", "--cap", 4)
    made = run_script("pretrained/training_set.py", *flags, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "5 photographs, 0 aligned before, 4 of the largest face, 1 without a face" in made.stdout
    assert "without a face: None_0001.png" in made.stdout
    assert "train: 4 of 8 faces, of 1 people, 1 of whom had more than 4" in made.stdout
    (name, *_) = sorted(path.name for path in (tmp_path / "lfw-train" / person).glob("*.png"))
    run_script("align.py", tmp_path / "lfw" / "train", "align", "innerEyesAndBottomLip", "plain",
               "--size", 64, cwd=tmp_path)
    assert ((tmp_path / "lfw-train" / person / name).read_bytes()
            == (tmp_path / "plain" / person / name).read_bytes())
    again = run_script("pretrained/training_set.py", *flags, cwd=tmp_path)
    assert_one_line_error(again, "train: is there already")
