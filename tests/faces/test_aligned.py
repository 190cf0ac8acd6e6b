"""Where aligned faces go, and which are there: known by picture, size and landmarks."""

import os

import numpy as np
import pytest
from conftest import faces_everywhere, load_script
from PIL import Image

import utils
from dcgan.faces import aligning, detection
from dcgan.messages import UserError
from dcgan.pictures import drawing, reading


def draw(path, shade):
    """A picture of one shade, by which its face is known."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 40), (shade,) * 3).save(path)
    return path


@pytest.fixture
def align(tmp_path, monkeypatch):
    """align.py in the present folder, where every picture is a face; returns the faces' shades."""
    script = load_script("align.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aligning, "run_jobs", faces_everywhere)

    def align(*flags, raw="raw", out="aligned", landmarks="innerEyesAndBottomLip"):
        script.main([raw, "align", landmarks, out, "--size", "8", *map(str, flags)])
        return {os.path.relpath(os.path.join(folder, name), out):
                int(utils.read_image(os.path.join(folder, name))[0, 0, 0])
                for folder, _, names in os.walk(out) for name in names if name.endswith(".png")}

    return align


def test_a_face_is_there_only_as_it_was_asked_for(align, tmp_path, capsys):
    draw(tmp_path / "raw" / "x.png", 10)
    assert align() == {"x.png": 10}
    assert "1 aligned" in capsys.readouterr().out
    for flags, landmarks, words in (
            ((), "innerEyesAndBottomLip", "1 already there"),
            (("--size", 16), "innerEyesAndBottomLip", "1 aligned"),
            ((), "innerEyesAndBottomLip", "1 aligned"), ((), "outerEyesAndNose", "1 aligned"),
            ((), "outerEyesAndNose", "1 already there")):
        assert align(*flags, landmarks=landmarks) == {"x.png": 10}
        assert words in capsys.readouterr().out
    draw(tmp_path / "raw" / "x.png", 20)  # another picture in its place
    os.utime(tmp_path / "raw" / "x.png", ns=(0, 0))
    assert align(landmarks="outerEyesAndNose") == {"x.png": 20}


@pytest.mark.parametrize("flags", [(), ("--flat",)])
def test_a_picture_keeps_its_face_when_others_come(align, tmp_path, flags):
    """`x.jpeg` comes before `x.jpg`, and a folder's name before a flat name that two have."""
    draw(tmp_path / "raw" / "x.jpg", 10)
    assert align(*flags) == {"x.png": 10}
    draw(tmp_path / "raw" / "x.jpeg", 200)
    first = align(*flags)
    assert first == {"x.png": 10, "x-2.png": 200}
    assert align(*flags) == first
    draw(tmp_path / "raw" / "a" / "x.jpg", 100)
    faces = align(*flags)
    assert first.items() <= faces.items() and sorted(faces.values()) == [10, 100, 200]
    assert align(*flags) == faces


def test_links_have_faces_of_their_own(align, tmp_path):
    draw(tmp_path / "raw" / "x.png", 10)
    os.symlink("x.png", tmp_path / "raw" / "y.png")
    for _ in range(2):
        assert align() == {"x.png": 10, "y.png": 10}


def test_two_folders_into_one(align, tmp_path):
    """Faces of the first stay, even where its pictures are gone."""
    draw(tmp_path / "raw" / "x.png", 10)
    draw(tmp_path / "more" / "x.png", 200)
    align()
    faces = {"x.png": 10, "x-2.png": 200}
    assert align(raw="more") == faces
    os.rename(tmp_path / "raw", tmp_path / "renamed")
    assert align(raw="renamed") == faces
    (tmp_path / "renamed" / "x.png").unlink()
    draw(tmp_path / "third" / "x.png", 100)
    assert align(raw="third") == faces | {"x-3.png": 100}


def test_its_own_faces_are_not_aligned_again(align, tmp_path, capfd):
    draw(tmp_path / "raw" / "x.png", 10)
    for _ in range(3):
        assert align(out="raw/aligned") == {"x.png": 10}
    assert "left out: 1 in folders that this command writes to" in capfd.readouterr().err
    for _ in range(3):  # nor those of another call
        assert align(out="elsewhere") == {"x.png": 10}
    draw(tmp_path / "flat" / "y.jpg", 10)
    for _ in range(3):
        align(raw="flat", out="flat")
    assert sorted(os.listdir(tmp_path / "flat"))[1:] == ["y.jpg", "y.png"]


def test_a_face_that_the_user_has_changed_stays(align, tmp_path):
    draw(tmp_path / "raw" / "x.png", 10)
    align()
    draw(tmp_path / "aligned" / "x.png", 77)
    assert align() == {"x.png": 77}
    with pytest.raises(UserError, match="x.png: would be .* by the result of raw/x.png, but was"):
        align("--size", 16)
    assert align("--flat") == {"x.png": 77}


def test_faces_without_a_record_stay(align, tmp_path):
    """Of earlier versions, or the user's."""
    draw(tmp_path / "raw" / "x.png", 10)
    draw(tmp_path / "aligned" / "x.png", 77)
    with pytest.raises(UserError, match="^outputDir aligned: aligned/x.png: would be overwritten"):
        align()
    assert utils.read_image("aligned/x.png")[0, 0, 0] == 77


def test_a_face_that_cannot_be_written_costs_no_other(tmp_path, monkeypatch):
    """Of a file that came in the way since the start, say."""
    script = load_script("align.py")
    config = script.parse_args([str(tmp_path), "align", "innerEyesAndBottomLip", str(tmp_path)])

    def refuse(path, *_, **__):
        raise UserError(f"{path}: is in the way")

    monkeypatch.setattr(drawing, "save_image", refuse)
    monkeypatch.setattr(detection, "find_landmarks", lambda *_, **__: [np.float32(
        [[i % 8, i % 5] for i in range(68)])])
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    assert aligning.align_file((str(tmp_path / "a.png"), "face.png"), config) == (
        str(tmp_path / "a.png"), "could not be written (face.png: is in the way)")


# Pictures without a face


@pytest.fixture
def looking(tmp_path, monkeypatch):
    """align.py in the present folder; of shade 50 a picture has no face, of 60 two. The fixture is
    a function that aligns, and returns which pictures were searched."""
    script, searched = load_script("align.py"), []
    monkeypatch.chdir(tmp_path)

    def find(image, *_, **__):
        shade = int(image[0, 0, 0])
        searched.append(shade)
        face = np.float32([[i % 8, i % 5] for i in range(68)])
        return [face] * {50: 0, 60: 2}.get(shade, 1)

    def here(function, jobs, processes, **_):
        return map(function, jobs)

    monkeypatch.setattr(detection, "find_landmarks", find)
    monkeypatch.setattr(aligning, "run_jobs", here)

    def align(*flags, raw="raw"):
        searched.clear()
        script.main([raw, "align", "innerEyesAndBottomLip", "aligned", "--size", "8", *flags])
        return sorted(searched)

    return align


def test_the_first_ten_without_a_face_are_named(looking, tmp_path, capsys):
    for i in range(12):
        draw(tmp_path / "raw" / f"{i:02d}.png", 50)
    draw(tmp_path / "raw" / "x.png", 10)
    for _ in range(2):
        looking()
        said = capsys.readouterr()
        assert said.err.splitlines() == [
            *(f"warning: raw/{i:02d}.png: no face" for i in range(10)),
            "warning: raw: 2 more pictures without a face to align; --verbose names all"]
        assert "12 without a face" in said.out
    looking("--verbose")
    assert capsys.readouterr().err.count(": no face") == 12


def test_they_are_not_searched_again(looking, tmp_path):
    draw(tmp_path / "raw" / "x.png", 10)
    draw(tmp_path / "raw" / "lawn.png", 50)
    draw(tmp_path / "raw" / "pair.png", 60)
    assert looking("--skipMulti") == [10, 50, 60]
    assert looking("--skipMulti") == []
    os.rename(tmp_path / "raw", tmp_path / "moved")
    assert looking("--skipMulti", raw="moved") == []
    assert looking(raw="moved") == [60], "two faces are enough now"
    draw(tmp_path / "moved" / "lawn.png", 20)  # another picture in its place
    os.utime(tmp_path / "moved" / "lawn.png", ns=(0, 0))
    assert looking(raw="moved") == [20]
    draw(tmp_path / "moved" / "sky.png", 50)
    assert looking(raw="moved") == [50]


def test_they_are_searched_again_where_a_face_may_be_had(looking, tmp_path, monkeypatch):
    draw(tmp_path / "raw" / "x.png", 10)
    draw(tmp_path / "raw" / "lawn.png", 50)
    looking()
    (tmp_path / "lfw").mkdir()
    assert looking("--fallbackLfw", "lfw") == [50]
    assert looking("--fallbackLfw", "lfw") == [] == looking()
    monkeypatch.setattr(reading, "RULES", reading.RULES + 1)  # it is read in another way
    assert looking() == [50]
