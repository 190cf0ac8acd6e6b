"""Settings: their defaults, what they refuse, and the flags that are made of them."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import assert_one_line_error, load_script, run_script

from dcgan.cli.flags import Parser, add_groups, add_settings, given_flags
from dcgan.settings import (
    Number,
    Odd,
    Settings,
    color,
    part,
    path,
    region,
    setting,
    video_name,
)
from dcgan.training.recipe import Recipe
from dcgan.training.settings import Data, Sizes, TrainingSettings


@dataclass(frozen=True)
class Baking(Settings):
    """How a cake is baked."""

    oven: str = setting("gas", "what heats", choices=("gas", "wood"))
    minutes: int = setting(30, "how long", Number(int, low=1), aliases=("--min",))
    share: float = setting(0.5, "of the sugar", Number(float, above=0, high=1))
    layers: int = setting(3, "of the cake", Odd())
    eggs: int = setting(None, "how many", Number(int))
    fan: bool = setting(True, "move the air")
    steam: bool = setting(None, "let in steam")
    spices: tuple = setting((), "to put in", choices=("salt", "mace"), nargs="+", metavar="SPICE")
    tins: tuple = setting(None, "to fill", path, nargs="+")
    weight: float = setting(1.0, "of the cake", Number(float, low=0))
    floor: int = setting(1, "of the oven", int, choices=(1, 2))
    tray: tuple = setting(None, "place of the cake", region)
    icing: tuple = setting(None, "its colour", color)
    film: str = setting(None, "of the baking", video_name)
    book: str = setting(None, "of recipes", path)


def test_defaults():
    assert Baking().flags() == {
        "oven": "gas", "minutes": 30, "share": 0.5, "layers": 3, "eggs": None, "fan": True,
        "steam": None, "spices": (), "tins": None, "weight": 1.0, "floor": 1, "tray": None,
        "icing": None, "film": None, "book": None}


@pytest.mark.parametrize("wrong,words", [
    ({"oven": "sun"}, "oven must be one of gas, wood. Received: 'sun'"),
    ({"minutes": 0}, "minutes must be at least 1. Received: 0"),
    ({"minutes": 1.5}, "minutes must be a whole number. Received: 1.5"),
    ({"minutes": "9"}, "minutes must be a whole number. Received: '9'"),
    ({"share": 0}, "share must be greater than 0 and at most 1. Received: 0"),
    ({"share": float("nan")}, "share must be a finite number. Received: nan"),
    ({"weight": float("inf")}, "weight must be a finite number. Received: inf"),
    ({"layers": 4}, "layers must be odd. Received: 4"),
    ({"layers": 1}, "layers must be at least 3. Received: 1"),
    ({"eggs": float("inf")}, "eggs must be a whole number. Received: inf"),
    ({"minutes": np.array([5, 6])}, "minutes must be a whole number. Received: [5, 6]"),
    ({"oven": np.array(["gas"])}, "oven must be one of gas, wood. Received: ['gas']"),
    ({"floor": True}, "floor must be one of 1, 2. Received: True"),
    ({"floor": 2.0}, "floor must be one of 1, 2. Received: 2.0"),
    ({"tray": "1,2,3,4"}, "tray must be x, y, w and h in pixels, w and h at least 1. "
                          "Received: '1,2,3,4'"),
    ({"tray": (1, 2, 0, 4)}, "tray must be x, y, w and h in pixels, w and h at least 1. "
                             "Received: (1, 2, 0, 4)"),
    ({"tray": [1, 2, 3]}, "tray must be x, y, w and h in pixels, w and h at least 1. "
                          "Received: [1, 2, 3]"),
    ({"tray": (-1, 2, 3, 4)}, "tray must be x, y, w and h in pixels, w and h at least 1. "
                              "Received: (-1, 2, 3, 4)"),
    ({"icing": "#ffffff"}, "icing must be red, green and blue, each 0 to 255. "
                           "Received: '#ffffff'"),
    ({"icing": (0, 0, 256)}, "icing must be red, green and blue, each 0 to 255. "
                             "Received: (0, 0, 256)"),
    ({"film": "a.gif"}, "film must be a name that ends in .mp4, without a folder. "
                        "Received: 'a.gif'"),
    ({"film": 3}, "film must be a file or folder of this machine (mount a bucket first, with "
                  "rclone mount for example). Received: 3"),
    ({"fan": "no"}, "fan must be True or False. Received: 'no'"),
    ({"spices": ("salt", "tar")}, "spices must be one of salt, mace. Received: 'tar'"),
    ({"spices": "salt"}, "spices must be a tuple. Received: 'salt'")])
def test_a_wrong_value_is_refused(wrong, words):
    with pytest.raises(ValueError) as error:
        Baking(**wrong)
    assert str(error.value) == words


def test_numbers_of_numpy_are_numbers():
    settings = Baking(minutes=np.int64(5), share=np.float32(0.25), layers=np.int32(7))
    assert (settings.minutes, settings.share, settings.layers) == (5, 0.25, 7)


def test_arrays_and_lists_become_tuples():
    settings = Baking(minutes=np.array(5), tray=np.array([1, 2, 3, 4]), icing=[0, 0, 9],
                      spices=np.array(["salt", "mace"]))
    assert settings == Baking(minutes=5, tray=(1, 2, 3, 4), icing=(0, 0, 9),
                              spices=("salt", "mace"))
    assert type(settings.tray[0]) is int and hash(settings)


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Baking().minutes = 5


def baked(*words):
    parser = Parser(prog="bake.py")
    add_settings(parser, Baking)
    return Baking(**given_flags(parser, words))


def test_flags_make_the_settings():
    assert baked() == Baking()
    assert baked("--oven", "wood", "--min", "5", "--no-fan", "--steam", "--layers", "7") == Baking(
        oven="wood", minutes=5, fan=False, steam=True, layers=7)
    # argparse has lists, settings tuples.
    several = baked("--spices", "mace", "salt", "--tins", "a", "b")
    assert several == Baking(spices=("mace", "salt"), tins=("a", "b"))


@pytest.mark.parametrize("words,error", [
    (["--minutes", "0"], "bake.py: error: --minutes 0: must be at least 1\n"),
    (["--minutes", "soon"], "bake.py: error: --minutes soon: must be a whole number\n"),
    (["--share", "2"], "bake.py: error: --share 2: must be greater than 0 and at most 1\n"),
    (["--weight", "inf"], "bake.py: error: --weight inf: must be a finite number\n"),
    (["--layers", "4"], "bake.py: error: --layers 4: must be odd\n")])
def test_a_wrong_flag_is_one_line(words, error, capsys):
    with pytest.raises(SystemExit) as exit:
        baked(*words)
    assert exit.value.code == 2 and capsys.readouterr().err == error


def test_help_has_each_sentence_and_default(capsys):
    with pytest.raises(SystemExit):
        baked("--help")
    said = " ".join(capsys.readouterr().out.split())
    for words in ("what heats (default: gas)", "how long (default: 30)", "--fan, --no-fan",
                  "--spices SPICE", "how many --fan"):
        assert words in said


def test_some_of_the_fields():
    parser = Parser(prog="bake.py")
    add_settings(parser, Baking, "minutes", "fan")
    assert vars(parser.parse_args([])) == {"minutes": 30, "fan": True}


def test_what_is_not_given_is_not_there():
    """Which is how a preset's value is told from a given one that is the default."""
    parser = Parser(prog="bake.py")
    add_settings(parser, Baking)
    assert given_flags(parser, []) == {}
    assert given_flags(parser, ["--minutes", "30", "--no-fan", "--spices", "salt"]) == {
        "minutes": 30, "fan": False, "spices": ("salt",)}


def test_a_group_of_help_is_a_dataclass(capsys):
    parser = Parser(prog="bake.py")
    add_groups(parser, Baking, Recipe)
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    said = capsys.readouterr().out.partition("options:")[2]
    assert "\nhow a cake is baked:\n  --oven" in said
    assert said.index("--book") < said.index("additions to the article's") < said.index("--r1")


def test_a_part():
    settings = TrainingSettings(r1=2.0, flip=True, z_dim=7)
    assert part(settings, Recipe) == Recipe(r1=2.0)
    assert part(settings, Data) == Data(flip=True)
    assert part(settings, Sizes).flags() == {
        "image_size": None, "z_dim": 7, "gf_dim": None, "df_dim": None, "c_dim": None}


def test_no_flags_are_the_defaults():
    """But for the cache, whose place depends on that of the checkpoints."""
    flags = load_script("train-dcgan.py").parse_args([]).flags()
    assert flags | TrainingSettings().flags() == flags | {"cache": None}
    assert flags["cache"] == "checkpoint/pictures.cache" and flags["diffaug"] == ()


# Paths


@pytest.mark.parametrize("given", [Path("a") / "b.png", b"a/b.png", "a/b.png"])
def test_a_path_becomes_text_whatever_it_is(given):
    from dcgan.inpainting.presets import CompletionSettings

    settings = Baking(tins=(given, "c"), book=given)
    assert settings.tins == ("a/b.png", "c") and settings.book == "a/b.png"
    for kind in (TrainingSettings, CompletionSettings):
        fields = {field.name: field for field in dataclasses.fields(kind)
                  if field.metadata["kind"] is path}
        assert fields
        settings = kind(**{name: (given,) if "nargs" in field.metadata else given
                           for name, field in fields.items()})
        assert {name: getattr(settings, name) for name in fields} == {
            name: ("a/b.png",) if "nargs" in field.metadata else "a/b.png"
            for name, field in fields.items()}


def test_a_file_name_may_be_a_path():
    from dcgan.inpainting.presets import CompletionSettings

    assert CompletionSettings(video=Path("a.mp4")).video == "a.mp4"


@pytest.mark.parametrize("wrong", [
    3, None, ["a"], "gs://bucket/faces", "s3://bucket", Path("gs://bucket/faces"), b"hdfs://a/b"])
def test_what_is_no_path_of_this_machine_is_refused(wrong):
    with pytest.raises(ValueError, match="tins must be a file or folder of this machine .*: "):
        Baking(tins=("a", wrong))


def test_paths_are_taken_among_a_scripts_words():
    assert baked(Path("--book"), Path("a/b.png")).book == "a/b.png"


def test_a_bucket_is_refused_before_anything_is_done(tmp_path):
    for script, *words in (
            ("train-dcgan.py", "--checkpoint_dir", "gs://bucket/run"),
            ("train-dcgan.py", "--dataset", "s3://bucket/faces"),
            ("complete.py", "a.png", "--outDir", "S3://bucket/out"),
            ("complete.py", "https://example.org/a.png"),
            ("align.py", "raw", "align", "outerEyesAndNose", "gs://bucket/aligned")):
        result = run_script(script, *words, cwd=tmp_path)
        assert_one_line_error(result, f"{words[-1]}: must be a file or folder of this machine",
                              *filter(lambda word: word.startswith("--"), words))
    assert not os.listdir(tmp_path)


def test_names_with_a_colon_are_names():
    assert baked("--book", "a:/b", "--tins", "12:30.png", "/gs://a").tins == ("12:30.png", "/gs://a")
