"""Whose a file is: the record, and that nothing of the user's is written over."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from dcgan.files import record, writing
from dcgan.messages import UserError
from dcgan.results import logs

pytestmark = pytest.mark.slow


def write(path, text="ours"):
    writing.write_text(str(path), text)
    return path


def test_what_we_wrote_may_be_replaced(tmp_path):
    path = write(tmp_path / "a.txt")
    assert record.is_ours(str(path))
    assert write(path, "again").read_text() == "again"
    assert record.is_ours(str(path))


@pytest.mark.parametrize("change", ["edited", "exchanged", "a link", "a folder", "never ours"])
def test_what_the_user_has_changed_stays(tmp_path, change):
    path, other = tmp_path / "a.txt", tmp_path / "other.txt"
    if change == "never ours":
        path.write_text("theirs")
    else:
        write(path)
        other.write_text("ours")
    if change == "edited":
        with open(path, "a") as file:
            file.write("!")
    elif change == "exchanged":
        os.replace(other, path)
        path.write_text("abcd")  # as long as ours
    elif change in ("a link", "a folder"):
        path.unlink()
        path.symlink_to(other) if change == "a link" else path.mkdir()
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UserError, match="a.txt: would be overwritten .*; choose another folder"):
        write(path, "new")
    assert before == (path.read_bytes() if path.is_file() else None)
    assert path.is_symlink() == (change == "a link")
    assert not [name for name in os.listdir(tmp_path)
                if name not in ("a.txt", "other.txt", record.NAME)]


def test_a_link_to_a_result_keeps_the_old_one(tmp_path):
    """Files are exchanged, not written into; so are logs when they begin."""
    path = write(tmp_path / "a.txt")
    os.link(path, tmp_path / "kept.txt")
    write(path, "again")
    assert (tmp_path / "kept.txt").read_text() == "ours"
    log = tmp_path / "b.log"
    logs.start_logs([str(log)], 2)
    logs.end_logs([str(log)])
    os.link(log, tmp_path / "kept.log")
    before = log.read_text()
    logs.start_logs([str(log)], 3)
    assert (tmp_path / "kept.log").read_text() == before != log.read_text()


def test_the_record_goes_with_its_folder(tmp_path):
    """Moved, or copied with new times."""
    (tmp_path / "a").mkdir()
    write(tmp_path / "a" / "b.txt")
    shutil.copytree(tmp_path / "a", tmp_path / "copy", copy_function=shutil.copyfile)
    os.rename(tmp_path / "a", tmp_path / "moved")
    for folder in ("moved", "copy"):
        assert record.is_ours(str(tmp_path / folder / "b.txt"))
    shutil.copyfile(tmp_path / "moved" / "b.txt", tmp_path / "moved" / "c.txt")
    assert not record.is_ours(str(tmp_path / "moved" / "c.txt"))  # a copy is the user's


def test_one_record_for_a_folder_and_those_in_it(tmp_path):
    record.claim(str(tmp_path), "complete.py")
    (tmp_path / "images").mkdir()
    path = write(tmp_path / "images" / "a.txt")
    assert os.listdir(tmp_path / "images") == ["a.txt"]
    assert [entry["by"] for entry in record.entries_of(str(path))] == ["complete.py"]
    record.claim(str(tmp_path / "images"), "align.py")
    assert record.is_ours(str(path))  # as the record above knows
    record.claim(str(tmp_path), "complete.py")
    lines = (tmp_path / record.NAME).read_text().split()
    assert sum('"by"' in line for line in lines) == 1


def test_another_process_adds_to_the_record(tmp_path):
    path = write(tmp_path / "a.txt")
    subprocess.run([sys.executable, "-c", "import sys; from dcgan.files import writing; "
                    "writing.write_text(sys.argv[1], 'b')", path], cwd=ROOT, check=True)
    assert path.read_text() == "b" and record.is_ours(str(path))


@pytest.mark.parametrize("tail", [b"\n{\"file\": \"a.t", b"\n\xff", b"\n{}\n[1]\nnull",
    b'\n{"file": ["a.txt"], "sha256": null}\n', b'\n{"file": "a.txt"}\n',
    b'\n{"file": "a.txt", "sha256": 1}\n', b'\n{"file": "a.txt", "sha256": null, "of": 3}\n',
    b'\n{"by": ["me"]}\n', b'\n{"by": "me", "process": 1}\n', b'\n{"remark": 1}\n'])
def test_a_torn_line_costs_that_line_alone(tmp_path, tail):
    path = write(tmp_path / "a.txt")
    with open(tmp_path / record.NAME, "ab") as file:
        file.write(tail)
    write(tmp_path / "b.txt")
    for name in ("a.txt", "b.txt"):
        assert record.is_ours(str(tmp_path / name))
        assert record.Record(str(tmp_path)).read()
        assert len(record.at(str(tmp_path)).entries[name]) == 1
    assert record.at(str(tmp_path)).signature is None and path.read_text() == "ours"


def test_a_kill_between_the_record_and_the_file(tmp_path, monkeypatch):
    path = write(tmp_path / "a.txt")

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        write(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "ours" and record.is_ours(str(path))
    write(path, "new")


def test_a_log_is_ours_while_it_grows_and_as_it_ended(tmp_path):
    import numpy as np

    path = str(tmp_path / "a.log")
    logs.start_logs([path], 2)
    logs.append_logs([path], 0, np.array([[1.5], [np.inf]]), np.zeros((2, 1, 2)))
    assert record.is_ours(path)  # though a kill had come now
    with open(path, "ab") as file:
        file.write(b"3 0.1")  # torn
    assert record.is_ours(path)
    with open(path, "a") as file:
        file.write("\nthe best one\n")
    assert not record.is_ours(path)
    with pytest.raises(UserError, match="a.log: would be overwritten"):
        logs.start_logs([path], 2)
    other = str(tmp_path / "b.log")
    logs.start_logs([other], 2)
    logs.end_logs([other])
    assert record.is_ours(other)
    with open(other, "a") as file:
        file.write("1 2 3 4\n")
    assert not record.is_ours(other)


@pytest.mark.parametrize("text", ["my notes\n", "my notes", "\nmy notes", "{}", "{}\n"])
def test_a_file_of_the_records_name_that_is_none(tmp_path, text):
    (tmp_path / record.NAME).write_text(text)
    with pytest.raises(UserError, match="this name is reserved for"):
        write(tmp_path / "a.txt")
    assert (tmp_path / record.NAME).read_text() == text
    assert not (tmp_path / "a.txt").exists()


def test_a_hidden_file_of_the_user_is_not_taken_for_a_temporary_one(tmp_path):
    hidden = tmp_path / f".{os.getpid()}.txt"
    hidden.write_text("theirs")
    write(tmp_path / "a.txt")
    assert hidden.read_text() == "theirs" and (tmp_path / "a.txt").read_text() == "ours"


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    assert write(tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_names_that_are_no_text(tmp_path):
    path = os.path.join(tmp_path, os.fsdecode(b"\xe9 \n.txt"))
    write(path)
    assert record.is_ours(path)
    assert json.loads((tmp_path / record.NAME).read_text())["file"] == os.path.basename(path)


def test_inputs_are_known_by_what_they_are_on_the_disk(tmp_path):
    path = str(write(tmp_path / "a.txt"))
    os.link(path, tmp_path / "hard.txt")
    os.symlink(path, tmp_path / "soft.txt")
    record.require_free([path])
    for name in ("a.txt", "hard.txt", "soft.txt", "../" + tmp_path.name + "/a.txt"):
        with pytest.raises(UserError, match=f"^--outDir o: .*: would overwrite .*{name}"):
            record.require_free([path], [str(tmp_path / name)], "--outDir o: ")
    record.require_free([str(tmp_path / "nowhere" / "a.txt")], [path, str(tmp_path / "gone")])
