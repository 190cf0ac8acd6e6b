"""Which Python `make setup` takes."""

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
