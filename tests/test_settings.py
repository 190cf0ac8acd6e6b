"""Settings: their defaults, what they refuse, and the flags that are made of them."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
from conftest import load_script

from dcgan.cli.flags import Parser, add_settings
from dcgan.settings import Number, Odd, Settings, part, path, setting
from dcgan.training.recipe import Recipe
from dcgan.training.settings import Data, Sizes, TrainingSettings


@dataclass(frozen=True)
class Baking(Settings):
    oven: str = setting("gas", "what heats", choices=("gas", "wood"))
    minutes: int = setting(30, "how long", Number(int, low=1), aliases=("--min",))
    share: float = setting(0.5, "of the sugar", Number(float, above=0, high=1))
    layers: int = setting(3, "of the cake", Odd())
    eggs: int = setting(None, "how many", Number(int))
    fan: bool = setting(True, "move the air")
    steam: bool = setting(None, "let in steam")
    spices: tuple = setting((), "to put in", choices=("salt", "mace"), nargs="+", metavar="SPICE")
    tins: tuple = setting(None, "to fill", path, nargs="+")


def test_defaults():
    assert Baking().flags() == {
        "oven": "gas", "minutes": 30, "share": 0.5, "layers": 3, "eggs": None, "fan": True,
        "steam": None, "spices": (), "tins": None}


@pytest.mark.parametrize("wrong,words", [
    ({"oven": "sun"}, "oven must be one of gas, wood. Received: 'sun'"),
    ({"minutes": 0}, "minutes must be at least 1. Received: 0"),
    ({"minutes": 1.5}, "minutes must be a whole number. Received: 1.5"),
    ({"minutes": "9"}, "minutes must be a whole number. Received: '9'"),
    ({"share": 0}, "share must be over 0 and at most 1. Received: 0"),
    ({"share": float("nan")}, "share must be over 0 and at most 1. Received: nan"),
    ({"layers": 4}, "layers must be odd. Received: 4"),
    ({"layers": 1}, "layers must be at least 3. Received: 1"),
    ({"eggs": float("inf")}, "eggs must be a whole number. Received: inf"),
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


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Baking().minutes = 5


def baked(*words):
    parser = Parser(prog="bake.py")
    add_settings(parser, Baking)
    return part(parser.parse_args(words), Baking)


def test_flags_make_the_settings():
    assert baked() == Baking()
    assert baked("--oven", "wood", "--min", "5", "--no-fan", "--steam", "--layers", "7") == Baking(
        oven="wood", minutes=5, fan=False, steam=True, layers=7)
    # argparse has lists, settings tuples.
    several = baked("--spices", "mace", "salt", "--tins", "a", "b")
    assert several == Baking(spices=("mace", "salt"), tins=("a", "b"))


@pytest.mark.parametrize("words,error", [
    (["--minutes", "0"], "bake.py: error: --minutes/--min 0: must be at least 1\n"),
    (["--minutes", "soon"], "bake.py: error: --minutes/--min soon: must be a whole number\n"),
    (["--share", "2"], "bake.py: error: --share 2: must be over 0 and at most 1\n"),
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
