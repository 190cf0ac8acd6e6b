"""Names of files: short enough, each once, and as people see them."""

import os

import pytest

from dcgan.files import naming
from dcgan.messages import UserError


def test_unique_names():
    assert naming.unique_names(["a", "b", "a", "A", "a-2"]) == ["a", "b", "a-3", "A-4", "a-2"]
    assert naming.unique_names(["a", "b"], taken=["A", "c"]) == ["a-2", "b"]
    # Of the two forms that Unicode has of this letter, a Mac makes one.
    assert naming.unique_names(["\u00e9", "e\u0301"]) == ["\u00e9", "e\u0301-2"]


@pytest.mark.parametrize("letter", ["a", "\u00e9", "\udcff"])
def test_long_names_stay_names_when_something_is_put_behind_them(tmp_path, letter):
    long = letter * (255 // len(os.fsencode(letter)))
    names = naming.unique_names([long, f"folder/{long}", long])
    assert len(set(names)) == 3 and names[1].startswith("folder/")
    faces = [naming.untaken(names[0], names, f"-face{k}") for k in (2, 3, 12)]
    assert len({*names, *faces}) == 6
    for name in [names[0], names[2], *faces]:
        (tmp_path / f"{name}.webp").touch()


def test_untaken_names():
    assert naming.untaken("a", ["b"]) == "a"
    assert naming.untaken("a", ["A", "a-2"]) == "a-3"


def test_two_files_of_one_stem():
    assert naming.by_stem(["a/x.png", "b/y.jpg"], "--mask") == {"x": "a/x.png", "y": "b/y.jpg"}
    with pytest.raises(UserError, match="--mask b/x.jpg: .* a/x.png"):
        naming.by_stem(["a/x.png", "b/x.jpg"], "--mask")
    assert naming.by_stem(["a/Jose\u0301.png"], "--mask") == {"Jos\u00e9": "a/Jose\u0301.png"}
