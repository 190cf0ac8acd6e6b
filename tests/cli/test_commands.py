"""The commands that `pip install -e .` makes, and what `--version` says."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv

import pytest
from conftest import ROOT, draw_faces, run_here, save_lively

import dcgan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The `bin` of an environment in which a copy of this clone is installed, and the copy."""
    folder = tmp_path_factory.mktemp("installed")
    clone = shutil.copytree(ROOT, folder / "clone", ignore=shutil.ignore_patterns(
        ".*", "docs", "demo", "tests", "pretrained", "benchmarks"))
    venv.create(folder / "env", with_pip=False)
    paths = sysconfig.get_paths(vars={"base": folder / "env", "platbase": folder / "env"})
    with open(os.path.join(paths["purelib"], "packages.pth"), "w") as file:
        file.write(sysconfig.get_paths()["purelib"] + "\n")  # those that are here
    subprocess.run([sys.executable, "-m", "pip", "--python", folder / "env" / "bin" / "python",
                    "install", "--quiet", "--no-deps", "--no-build-isolation", "-e", clone],
                   check=True)
    return folder / "env" / "bin", clone


@pytest.mark.parametrize("command,script", [
    ("dcgan-align", "align.py"), ("dcgan-train", "train-dcgan.py"),
    ("dcgan-complete", "complete.py")])
def test_a_command_is_its_script(installed, tmp_path, command, script):
    result = subprocess.run([installed[0] / command, "--help"], capture_output=True, text=True,
                            cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"usage: {script} ")


def test_a_command_completes(installed, tmp_path):
    draw_faces(tmp_path / "in", 1)
    save_lively(tmp_path)
    result = subprocess.run([installed[0] / "dcgan-complete", "in", "--nIter", "1"], cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "completions" / "report.html").exists()


def test_without_a_clone_it_says_what_is_missing(installed, tmp_path):
    clone = installed[1]
    (clone / "align.py").rename(tmp_path / "align.py")
    try:
        result = subprocess.run([installed[0] / "dcgan-align"], capture_output=True, text=True)
    finally:
        (tmp_path / "align.py").rename(clone / "align.py")
    assert result.returncode == 1 and "`pip install -e .`" in result.stderr


def test_what_a_report_names(tmp_path):
    result = run_here("complete.py", "--version", cwd=tmp_path)
    assert result.returncode == 0
    versions, machine = result.stdout.splitlines()
    assert versions.startswith(f"dcgan {dcgan.__version__}, python 3.") and "pillow" in versions
    assert f"{os.uname().sysname}-{os.uname().release}" in machine and " CPUs" in machine


def test_a_run_records_the_version(trained):
    record = json.loads((trained / "checkpoint" / "run.json").read_text())
    assert record["versions"]["dcgan"] == dcgan.__version__


def test_the_version_is_the_changelogs():
    assert f"## {dcgan.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"version: {dcgan.__version__}\n" in (ROOT / "CITATION.cff").read_text()
