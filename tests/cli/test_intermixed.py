"""Flags in any place, and paths with ~."""

import argparse
import os

import pytest
from conftest import (
    assert_one_line_error,
    draw_faces,
    load_script,
    run_here,
    run_script,
    save_lively,
)

from dcgan import settings
from dcgan.cli import flags


def test_flags_may_stand_among_the_pictures(tmp_path):
    save_lively(tmp_path)
    draw_faces(tmp_path, 2)
    result = run_here("complete.py", "face_0.png", "--outDir", "o", "face_1.png", "--nIter", 1,
                      "--checkpointDir", "checkpoint", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert sorted(os.listdir(tmp_path / "o" / "images")) == ["face_0.png", "face_1.png"]


@pytest.mark.parametrize("line", ["a.jpg --outDir o b.jpg", "--seed 1 a.jpg b.jpg --outDir o",
                                  "--outDir o -- a.jpg b.jpg", "a.jpg b.jpg --outDir=o"])
def test_in_every_order(line):
    config = load_script("complete.py").parse_args(line.split())
    assert (config.imgs, config.outDir) == (("a.jpg", "b.jpg"), "o")


def test_a_preset_among_the_pictures_still_gives_way_to_flags():
    complete = load_script("complete.py")
    config = complete.parse_args("a.jpg --preset fast b.jpg --nIter 7 c.jpg".split())
    assert (config.imgs, config.nIter, config.nInit) == (("a.jpg", "b.jpg", "c.jpg"), 7, 512)


def test_a_name_that_begins_like_a_flag():
    config = load_script("complete.py").parse_args(["--outDir", "o", "--", "-a.jpg"])
    assert config.imgs == ("-a.jpg",)


def test_flags_may_stand_among_what_a_subcommand_takes():
    config = load_script("align.py").parse_args(
        "--dlibFacePredictor p raw align outerEyesAndNose --size 64 out --flat".split())
    assert (config.inputDir, config.outputDir, config.size, config.flat) == ("raw", "out", 64, True)


@pytest.mark.parametrize("script,flags,word", [
    ("complete.py", (), "PICTURE: missing"),
    ("complete.py", ("a.jpg", "--outDri", "o"), "--outDri: no such flag; did you mean --outDir?"),
    ("complete.py", ("a.jpg", "--nIter", "x", "b.jpg"), "--nIter x: must be a whole number"),
    ("simple-distributions.py", ("x",), "x: unexpected argument"),
    ("demo/show.py", ("out.png",), "outDirs")])
def test_what_is_wrong_is_still_one_line(script, flags, word, tmp_path):
    assert_one_line_error(run_script(script, *flags, cwd=tmp_path), word)


@pytest.mark.slow
def test_the_home_folder_is_meant_by_a_tilde(tmp_path):
    """Which shells leave in --flag=~/folder."""
    result = run_script("simple-distributions.py", "--outDir=~/pictures", cwd=tmp_path,
                        HOME=str(tmp_path / "home"))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "home" / "pictures" / "normal-pdf.png").exists()
    assert os.listdir(tmp_path) == ["home"]


@pytest.mark.parametrize("script", ["align.py", "complete.py", "train-dcgan.py",
                                    "simple-distributions.py", "demo/sample.py", "demo/show.py"])
def test_every_flag_of_a_path_expands_it(script, monkeypatch):
    """All flags without a type, or choices, are paths."""
    parsers = []

    class Recorded(flags.Parser):
        def __init__(self, **settings):
            super().__init__(**settings)
            parsers.append(self)

    monkeypatch.setattr(flags, "Parser", Recorded)
    with pytest.raises(SystemExit):
        load_script(script).parse_args(["--help"])
    free = [action.dest for parser in parsers for action in parser._actions
            if action.type is None and action.choices is None and action.nargs != 0
            and not isinstance(action, argparse.BooleanOptionalAction)]
    assert free == []
    assert any(action.type is settings.path for parser in parsers for action in parser._actions)


def test_defaults_are_no_paths_of_the_home_folder():
    assert [settings.path(text) for text in ("a~b", "./~", "")] == ["a~b", "./~", ""]
