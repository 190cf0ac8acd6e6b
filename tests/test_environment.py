"""What the scripts say where packages are missing."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, assert_one_line_error
from test_scripts import SCRIPTS, TRAINERS


@pytest.fixture
def bare(tmp_path):
    """A function that runs a script of a copy of the project without site-packages."""
    copy = tmp_path / "a project"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(
        ".*", "docs", "pretrained", "out", "tests", "data"))

    def run(script, *flags, cwd=copy):
        return subprocess.run([sys.executable, "-S", copy / script, *flags], cwd=cwd, text=True,
                              capture_output=True, timeout=60)

    run.copy = copy
    return run


@pytest.mark.parametrize("script", [*SCRIPTS, *TRAINERS])
def test_without_packages_a_line_says_what_to_do(bare, script):
    result = bare(script, "--help")
    name = script.rpartition("/")[2]
    assert_one_line_error(result, f"{name}: error: ", "has no package numpy: `make setup`, then "
                                                      "`source .venv/bin/activate`")


def test_an_environment_that_is_there_is_named(bare):
    (bare.copy / ".venv" / "bin").mkdir(parents=True)
    (bare.copy / ".venv" / "bin" / "activate").touch()
    assert_one_line_error(bare("complete.py", "a.jpg"), "complete.py: error: ",
                          "numpy: `source .venv/bin/activate`")


def test_from_elsewhere_the_whole_path_is_named(bare, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    assert_one_line_error(bare("complete.py", "a.jpg", cwd=tmp_path / "elsewhere"),
                          f"numpy: `make -C '{bare.copy}' setup`, then "
                          f"`source '{bare.copy}/.venv/bin/activate'`")


def test_in_the_environment_pip_is_named(monkeypatch, tmp_path):
    from dcgan.cli import environment

    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    monkeypatch.setattr(environment, "ROOT", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert environment.missing("dlib").endswith(
        f"has no package dlib: `pip install -r {tmp_path}/requirements.txt`")


def test_a_package_that_is_imported_later(tmp_path):
    """As TensorFlow and dlib are."""
    (tmp_path / "dlib.py").write_text("raise ModuleNotFoundError(name='dlib')")
    result = subprocess.run([sys.executable, ROOT / "align.py", "raw", "align", "outerEyesAndNose",
                             "out"], cwd=tmp_path, text=True, capture_output=True, timeout=60,
                            env={"PYTHONPATH": str(tmp_path)})
    assert_one_line_error(result, "align.py: error: ", "has no package dlib: ")
