"""Jobs in processes that fail."""

import os
import signal

import pytest

from faces.processes import run_jobs


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


def once(path):
    """Kills its process the first time."""
    if path.exists():
        return "done"
    path.touch()
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_succeeds_alone_is_not_lost(tmp_path):
    assert list(run_jobs(once, [tmp_path / "tried"], 2, failed=lambda job: "failed")) == ["done"]


def refuse(job):
    raise ValueError(job)


def test_other_errors_are_raised():
    with pytest.raises(ValueError, match="0"):
        list(run_jobs(refuse, [0, 1], 2, failed=str))
