"""Two processes into one folder."""

import contextlib
import os
import socket

import pytest
from completing import run
from conftest import faces_everywhere, load_script

from dcgan.faces import aligning
from dcgan.files import locking, writing
from dcgan.messages import UserError

pytestmark = pytest.mark.slow


def everything_below(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextlib.contextmanager
def another(folder, script):
    """Another process, the script, writes into a folder; whoever comes leaves all as it is."""
    writing.make_folder(str(folder), by=script)
    with locking.locked(str(folder), "", script):
        before = everything_below(folder)
        with pytest.raises(UserError) as error:
            yield
        assert everything_below(folder) == before
    holder = f"{script}, process {os.getpid()} on {socket.gethostname()} since 2"
    assert f"{folder}: {holder}" in str(error.value)
    assert str(error.value).endswith("is writing there; wait for it, or choose another folder")


def test_two_completions_into_one_folder(tmp_path, lively, three_faces):
    out = tmp_path / "out"
    with another(out, "complete.py"):
        run(lively, three_faces, "--outDir", out)
    run(lively, three_faces, "--outDir", out)
    assert (out / "report.html").exists()


def test_two_alignments_into_one_folder(tmp_path, three_faces, monkeypatch):
    monkeypatch.setattr(aligning, "run_jobs", faces_everywhere)
    align, out = load_script("align.py").main, tmp_path / "out"
    flags = [str(three_faces), "align", "outerEyesAndNose", str(out)]
    with another(out, "align.py"):
        align(flags)
    align(flags)
    assert (out / "face_0.png").exists()


def test_who_is_in_a_folder_of_an_earlier_version_is_not_known(tmp_path):
    (tmp_path / ".lock").touch()
    with locking.locked(str(tmp_path), "", "train-dcgan.py", ".lock"):
        (tmp_path / ".dcgan-files").unlink()
        with pytest.raises(UserError, match="another process is writing there"):
            with locking.locked(str(tmp_path), "", "train-dcgan.py", ".lock"):
                pass
