"""docker/Dockerfile, as far as it can be tried without Docker."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import ROOT, draw_faces, run_script

pytestmark = pytest.mark.slow
LINES = (ROOT / "docker" / "Dockerfile").read_text().replace("\\\n", "").splitlines()


@pytest.fixture
def image(tmp_path):
    """The folder that the COPY lines make."""
    folder = tmp_path / "dcgan"
    folder.mkdir()
    for line in LINES:
        if words := re.fullmatch(r"COPY (\S+) (\S+)", line):
            for source in ROOT.glob(words[1]):
                if source.is_dir():
                    shutil.copytree(source, folder / words[2])
                else:
                    shutil.copy(source, folder)
    return folder


def test_what_it_copies_completes_a_picture(image, tmp_path):
    draw_faces(tmp_path / "in", 1, size=64)
    result = run_script(image / "complete.py", "in", "--nIter", 1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "completions" / "report.html").exists()
    for script in ("train-dcgan.py", "align.py", "simple-distributions.py"):
        assert run_script(image / script, "--help", cwd=tmp_path).returncode == 0
        assert os.access(image / script, os.X_OK)


@pytest.mark.parametrize("device,code,line", [
    ("cpu", 0, "tensorflow=="), ("cuda", 0, "tensorflow[and-cuda]=="), ("gpu", 1, "tensorflow==")])
def test_the_device_chooses_tensorflow(image, device, code, line):
    (command,) = [line.removeprefix("RUN ") for line in LINES if line.startswith("RUN ")]
    (image / "pip").write_text("#!/bin/sh\ncp requirements.txt installed\n")
    (image / "pip").chmod(0o755)
    result = subprocess.run(["sh", "-c", command], cwd=image, env={
        "DEVICE": device, "PATH": f"{image}:{os.environ['PATH']}"})
    assert result.returncode == code and (image / "installed").exists() == (code == 0)
    assert f"\n{line}" in (image / "requirements.txt").read_text()
