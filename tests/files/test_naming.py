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
    faces = [naming.Names(names).untaken(names[0], f"-face{k}") for k in (2, 3, 12)]
    assert len({*names, *faces}) == 6
    for name in [names[0], names[2], *faces]:
        (tmp_path / f"{name}.webp").touch()


def test_many_names_are_told_apart_at_once(monkeypatch):
    """8,000 pictures of one name took minutes, and each further face of a picture looked at all."""
    looked, folded = [], naming._folded
    monkeypatch.setattr(naming, "_folded", lambda name: looked.append(name) or folded(name))
    names = naming.unique_names(["a"] * 1000)
    assert names[-1] == "a-1000" and len(looked) < 10000
    looked.clear()
    taken = naming.Names(names)
    for name in names:
        assert taken.untaken(name, "-face2") == f"{name}-face2"
    assert len(looked) < 10000


def test_untaken_names():
    assert naming.Names(["b"]).untaken("a") == "a"
    names = naming.Names(["A", "a-2"])
    assert names.untaken("a") == names.untaken("a") == "a-3"


def test_two_files_of_one_stem():
    assert naming.by_stem(["a/x.png", "b/y.jpg"], "--mask") == {"x": "a/x.png", "y": "b/y.jpg"}
    with pytest.raises(UserError, match="--mask b/x.jpg: .* a/x.png"):
        naming.by_stem(["a/x.png", "b/x.jpg"], "--mask")
    assert naming.by_stem(["a/Jose\u0301.png"], "--mask") == {"Jos\u00e9": "a/Jose\u0301.png"}
