"""Which Python `make setup` takes, and when it makes the environment anew."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.fixture
def choose(tmp_path):
    """A function that runs .ci/python.sh where only the named commands are there.

    Each is a script; True stands for one that hands over to this Python.
    """
    def run(commands, *named, pyenv="nowhere"):
        for name, text in commands.items():
            command = tmp_path / name
            command.parent.mkdir(parents=True, exist_ok=True)
            command.write_text(
                "#!/bin/sh\n" + (f'exec {sys.executable} "$@"' if text is True else text))
            command.chmod(0o755)
        return subprocess.run([shutil.which("sh"), ROOT / ".ci" / "python.sh", *named], text=True,
                              capture_output=True,
                              env={"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path / pyenv)})

    return run


def test_the_one_that_the_figures_are_of_comes_first(choose):
    result = choose({"python3.13": True, "python3.11": True, "python3": True})
    assert (result.stdout, result.stderr, result.returncode) == ("python3.11\n", "", 0)


def test_one_that_does_not_start_is_passed_over(choose):
    """As pyenv's stand-ins for what is not chosen."""
    assert choose({"python3.11": "exit 127", "python3": True}).stdout == "python3\n"


def test_pyenv_is_searched(choose, tmp_path):
    name = "versions/3.12.1/bin/python"
    result = choose({f"pyenv/{name}": True}, pyenv="pyenv")
    assert result.stdout == f"{tmp_path}/pyenv/{name}\n"


def test_none_will_do(choose):
    result = choose({"python3": 'case "$2" in *platform*) echo 3.9.2;; *) exit 1;; esac'})
    assert (result.returncode, result.stdout) == (2, "")
    assert "needs Python 3.11, 3.12 or 3.13 (python3 is 3.9.2)" in result.stderr
    assert "make setup PYTHON=/path/to/python3.12" in result.stderr
    assert "(python3.9 is not there)" in choose({}, "python3.9").stderr


def test_one_without_venv(choose):
    """As Debian's, where python3-venv is not installed."""
    result = choose({"python3.12": 'case "$2" in *venv*) exit 1;; esac'})
    assert result.returncode == 2 and "python3.12 cannot make environments" in result.stderr


def test_the_named_one_is_taken(choose):
    assert choose({"python3.11": True, "mine": True}, "mine").stdout == "mine\n"


def test_make_stops_where_none_will_do(tmp_path):
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "python.sh", tmp_path / ".ci")
    result = subprocess.run(["make", "setup", "PYTHON=python2.7"], cwd=tmp_path, text=True,
                            capture_output=True, env=os.environ)
    assert result.returncode == 2 and "(python2.7 is not there)" in result.stderr
    assert not (tmp_path / ".venv").exists()


# Makes environments whose Python only notes what it is called for.
FAKE = """#!/bin/sh
if [ "$1" = -c ]; then exit; fi
if [ "$2" = venv ]; then
    echo "$@" >> made
    mkdir -p .venv/bin
    echo "VIRTUAL_ENV=\\"$PWD/.venv\\"" > .venv/bin/activate
    cp "$0" .venv/bin/python
fi
if [ "$2" = pip ]; then echo "$@" >> installed; fi
"""


@pytest.fixture
def clone(tmp_path):
    """A folder in which `make setup` has been called, with `make(*arguments)`."""
    folder = tmp_path / "a clone"
    for name in ("Makefile", "requirements.txt", ".ci/python.sh", "paint/requirements.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (tmp_path / "python").write_text(FAKE)
    (tmp_path / "python").chmod(0o755)
    make(folder, "setup")
    return folder


def make(folder, *arguments):
    result = subprocess.run(["make", f"PYTHON={folder.parent / 'python'}", *arguments], cwd=folder,
                            text=True, capture_output=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def calls(folder, what):
    return (folder / what).read_text().splitlines()


def test_an_environment_that_is_in_its_place_stays(clone):
    make(clone, "setup")
    assert calls(clone, "made") == ["-m venv .venv"] and len(calls(clone, "installed")) == 1


def test_in_a_clone_that_was_moved_it_is_made_anew(clone):
    moved = clone.rename(clone.parent / "moved")
    assert "made in another place" in make(moved, "paint")
    assert calls(moved, "made") == ["-m venv .venv", "-m venv --clear .venv"]
    assert [line.rpartition(" ")[2] for line in calls(moved, "installed")] == [
        "requirements.txt", "requirements.txt", "paint/requirements.txt"]
    assert "another place" not in make(moved, "paint")
    assert len(calls(moved, "made")) == 2


def test_one_whose_python_is_gone_is_made_anew(clone):
    (clone / ".venv" / "bin" / "python").unlink()
    assert "its Python is gone" in make(clone, "setup")
    assert calls(clone, "made")[-1] == "-m venv --clear .venv"


def test_a_link_to_another_environment_is_left_alone(clone):
    (clone / ".venv").rename(clone.parent / "shared")
    (clone / ".venv").symlink_to(clone.parent / "shared")
    make(clone, "setup")
    assert len(calls(clone, "made")) == 1
