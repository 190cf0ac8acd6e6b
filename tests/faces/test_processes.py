"""Jobs in processes that fail."""

import _multiprocessing
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from dcgan.faces.jobs import run_jobs
from dcgan.files import writing

pytestmark = pytest.mark.slow


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


def write_or_fail(path):
    """One process fails while the other writes."""
    begun = path.parent / "begun"
    if path.name == "failing":
        while not begun.exists():
            time.sleep(0.01)
        raise ValueError
    with writing.temporary_beside(str(path)) as temporary:
        begun.write_text(temporary)
        time.sleep(60)


def test_a_process_that_is_ended_leaves_no_half_file(tmp_path):
    jobs = [tmp_path / "failing", tmp_path / "written"]
    with pytest.raises(ValueError):
        list(run_jobs(write_or_fail, jobs, 2, failed=lambda job: "failed"))
    assert [path.name for path in tmp_path.iterdir()] == ["begun"]


def refuse(job):
    raise ValueError(job)


def test_other_errors_are_raised():
    with pytest.raises(ValueError, match="0"):
        list(run_jobs(refuse, [0, 1], 2, failed=str))


def pid(job):
    time.sleep(0.01)
    return os.getpid()


def test_no_more_processes_are_begun_than_there_are_jobs(monkeypatch):
    begun, start = [], multiprocessing.Process.start
    monkeypatch.setattr(multiprocessing.Process, "start",
                        lambda self: begun.append(self) or start(self))
    assert len({*run_jobs(pid, [1, 2], 8, failed=str)}) <= len(begun) <= 2
    assert os.getpid() not in run_jobs(pid, [1, 2], 1, failed=str)


@pytest.mark.parametrize("processes", [1, 3])
def test_a_container_without_semaphores_will_do(processes, monkeypatch):
    def lacking(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(_multiprocessing, "SemLock", lacking)
    assert list(run_jobs(double, [1, 2, 3], processes, failed=str)) == [2, 4, 6]


# Works at 200 jobs of 0.1 s for a minute or so; Ctrl-C may come at any time.
WORK = f"""if True:
    import sys, time
    sys.path.insert(0, {str(ROOT)!r})
    from dcgan.cli import running
    from dcgan.faces.jobs import run_jobs

    def work(job):
        time.sleep(0.1)

    def main():
        print("begun", flush=True)
        list(run_jobs(work, list(range(int(sys.argv[1]))), 8, failed=str))

    running.run(main, "work.py")
"""


def begin_work(jobs):
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(jobs)], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("jobs,signum,word", [
    (3, signal.SIGINT, "interrupted"), (2000, signal.SIGINT, "interrupted"),
    (2000, signal.SIGTERM, "terminated"), (2000, signal.SIGHUP, "terminated")])
def test_a_signal_to_all_ends_all(jobs, signum, word):
    """Whenever it comes: while processes begin, too. A terminal sends it to each of them."""
    told = []
    for wait in (0.01, 0.03, 0.1, 1)[:2 if jobs == 3 else 4]:
        process = begin_work(jobs)
        time.sleep(wait)
        os.killpg(process.pid, signum)
        errors = process.communicate(timeout=60)[1]  # all have closed it
        told.append(errors)
        if errors or signum == signal.SIGINT:  # others end it without a word before it listens
            # On a slow machine the progress bar has been shown by then, a line or two of it.
            assert errors.splitlines()[-1] == f"work.py: {word}" and "Traceback" not in errors
            assert process.returncode == 128 + signum
        else:
            assert process.returncode == -signum
    assert any(told)


def test_processes_end_when_the_one_that_began_them_is_killed():
    process = begin_work(2000)
    time.sleep(0.5)
    process.kill()
    process.communicate(timeout=60)  # until the last of them has closed it
