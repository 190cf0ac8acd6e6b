"""What the scripts need before all else: three open streams, and packages."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, assert_one_line_error
from test_scripts import SCRIPTS, TRAINERS

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("script", [
    *(name for name in SCRIPTS if not name.startswith("pretrained/")), *TRAINERS])
def test_without_packages_a_line_says_what_to_do(bare, script):
    result = bare(script, "--help")
    name = script.rpartition("/")[2]
    assert_one_line_error(result, f"{name}: error: ", "has no package numpy; run "
                          "`make setup`, then `source .venv/bin/activate`")


def test_an_environment_that_is_there_is_named(bare):
    (bare.copy / ".venv" / "bin").mkdir(parents=True)
    (bare.copy / ".venv" / "bin" / "activate").touch()
    assert_one_line_error(bare("complete.py", "a.jpg"), "complete.py: error: ",
                          "numpy; run `source .venv/bin/activate`")


@pytest.mark.parametrize("line", ['VIRTUAL_ENV="{}/.venv"', "    export VIRTUAL_ENV='{}/.venv'"])
def test_one_of_a_clone_that_was_moved_is_made_anew(bare, line):
    """What `activate` adds to the path is not there any more."""
    (bare.copy / ".venv" / "bin").mkdir(parents=True)
    activate = bare.copy / ".venv" / "bin" / "activate"
    activate.write_text(f"#\n{line.format('/an old/place')}\n")
    assert_one_line_error(
        bare("complete.py", "a.jpg"), "numpy; this clone was moved, and .venv was made in /an old/"
        "place/.venv; run `make setup`, then `source .venv/bin/activate`")
    activate.write_text(f"{line.format(bare.copy)}\n")
    assert_one_line_error(bare("complete.py", "a.jpg"), "numpy; run `source .venv/bin/activate`")


def test_from_elsewhere_the_whole_path_is_named(bare, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    assert_one_line_error(bare("complete.py", "a.jpg", cwd=tmp_path / "elsewhere"),
                          f"numpy; run `make -C '{bare.copy}' setup`, then "
                          f"`source '{bare.copy}/.venv/bin/activate'`")


def test_in_the_environment_pip_is_named(monkeypatch, tmp_path):
    from dcgan.cli import environment

    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    monkeypatch.setattr(environment, "ROOT", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert environment.missing("dlib").endswith(
        f"has no package dlib; run `pip install -r {tmp_path}/requirements.txt`")


def test_a_package_that_is_imported_later(tmp_path):
    """As TensorFlow and dlib are."""
    (tmp_path / "dlib.py").write_text("raise ModuleNotFoundError(name='dlib')")
    result = subprocess.run([sys.executable, ROOT / "align.py", "raw", "align", "outerEyesAndNose",
                             "out"], cwd=tmp_path, text=True, capture_output=True, timeout=60,
                            env={"PYTHONPATH": str(tmp_path)})
    assert_one_line_error(result, "align.py: error: ", "has no package dlib; ")


def run_with_closed(closed, *command, cwd, **more):
    """Run a command in which some of the descriptors 0, 1 and 2 are closed."""
    redirections = " ".join(f"{descriptor}>&-" for descriptor in closed)
    return subprocess.run(["sh", "-c", f'exec "$@" {redirections}', "sh", *map(str, command)],
                          cwd=cwd, capture_output=True, text=True, timeout=120, **more)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_what_is_closed_is_opened_before_anything_else(closed, tmp_path):
    """Or the next file would have its number; subprocesses have it open too."""
    program = """if True:
        import os, subprocess, sys
        import dcgan.cli.environment
        seen = [int(os.path.exists(f"/proc/self/fd/{each}")) for each in range(3)]
        check = ["sh", "-c", "for each in 0 1 2; do test -e /proc/$$/fd/$each || exit; done; echo"]
        child = subprocess.Popen(check, stdout=open("child", "w"), stdin=None, stderr=None)
        child.wait()
        print("said", file=sys.stderr)
        print("said", sys.stdin.read())
        open("seen", "w").write(f"{seen} {os.open('seen', os.O_RDONLY) > 2}")
    """
    result = run_with_closed(closed, sys.executable, "-c", program, cwd=tmp_path,
                             stdin=subprocess.DEVNULL,
                             env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "seen").read_text() == "[1, 1, 1] True"
    assert (tmp_path / "child").read_text() == "\n"
    assert ("said" in result.stdout) == (1 not in closed)
    assert ("said" in result.stderr) == (2 not in closed)


@pytest.mark.parametrize("script", ["complete.py", "train-dcgan.py", "paint/serve.py"])
def test_with_closed_streams_an_error_is_not_taken_for_a_result(script, tmp_path):
    result = run_with_closed((0, 2), sys.executable, ROOT / script, "--mistyped", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", "")
