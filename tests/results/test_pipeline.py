"""From the pictures' files to the results' files."""

import csv

import pytest
from completing import run

from dcgan.inpainting.search import Searcher
from dcgan.machine import memory
from dcgan.messages import UserError
from dcgan.results import pipeline

pytestmark = pytest.mark.slow


def test_batched():
    assert list(pipeline.batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(pipeline.batched([], 2)) == []


@pytest.mark.parametrize("flag,value", [("--nInit", 3000000), ("--nCandidates", 20000)])
def test_what_memory_cannot_hold_is_refused(
        flag, value, lively, three_faces, tmp_path, monkeypatch):
    """Before TensorFlow or the system end the process for it."""
    monkeypatch.setattr(memory, "available", lambda: 2**30)
    with pytest.raises(UserError, match=f"^{flag} {value}: must be lower.* and 1.0 GiB"):
        run(lively, three_faces, "--outDir", tmp_path / "out", flag, value)
    assert not (tmp_path / "out").exists()


def test_where_memory_is_short_the_batches_before_are_kept(
        lively, three_faces, tmp_path, monkeypatch):
    search = Searcher.run

    def lacking(self, batch, observer):
        if batch.names == ["face_2"]:
            raise MemoryError
        return search(self, batch, observer)

    monkeypatch.setattr(Searcher, "run", lacking)
    with pytest.raises(UserError, match="^--nCandidates 2: not enough memory; choose a"):
        run(lively, three_faces, "--outDir", tmp_path, "--batchSize", 2, "--nCandidates", 2)
    with open(tmp_path / "results.csv") as file:
        assert len(list(csv.DictReader(file))) == 2
    assert (tmp_path / "report.html").exists()
