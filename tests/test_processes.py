"""Jobs in processes that fail."""

import multiprocessing
import os
import signal
import time

import pytest

from dcgan.faces.jobs import run_jobs
from dcgan.files import ownership


def double(job):
    """Twice the number; of 5, 11 and 12 the process is killed, and 7 has no memory."""
    if job in (5, 11, 12):
        os.kill(os.getpid(), signal.SIGKILL)
    if job == 7:
        raise MemoryError
    return 2 * job


@pytest.mark.parametrize("processes", [1, 3])
def test_a_killed_process_costs_its_own_job_alone(processes):
    results = list(run_jobs(double, list(range(20)), processes, failed=lambda job: f"not {job}"))
    assert results == [f"not {job}" if job in (5, 7, 11, 12) else 2 * job for job in range(20)]


def test_processes_that_begin_anew_do_so_too():
    """As on macOS, where they are no copies of this one."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    try:
        results = list(run_jobs(double, [4, 5, 6], 1, failed=lambda job: f"not {job}"))
    finally:
        multiprocessing.set_start_method(before, force=True)
    assert results == [8, "not 5", 12]


def once(path):
    """Kills its process the first time."""
    if path.exists():
        return "done"
    path.touch()
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_succeeds_alone_is_not_lost(tmp_path):
    assert list(run_jobs(once, [tmp_path / "tried"], 2, failed=lambda job: "failed")) == ["done"]


def write_or_die(path):
    """The first time, one process is killed while the other writes."""
    begun = path.parent / "begun"
    if path.name == "killed":
        if path.exists():
            return "done"
        path.touch()
        while not begun.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    if begun.exists():
        return "done"
    with ownership.beside(str(path)) as temporary:
        begun.write_text(temporary)
        time.sleep(60)


def test_a_killed_process_leaves_no_half_file_of_another(tmp_path):
    jobs = [tmp_path / "killed", tmp_path / "written"]
    assert list(run_jobs(write_or_die, jobs, 2, failed=lambda job: "failed")) == ["done", "done"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "killed"]


def refuse(job):
    raise ValueError(job)


def test_other_errors_are_raised():
    with pytest.raises(ValueError, match="0"):
        list(run_jobs(refuse, [0, 1], 2, failed=str))
