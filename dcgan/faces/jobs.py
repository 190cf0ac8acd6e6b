"""One job for each picture, in processes of their own."""

import collections
import contextlib
import multiprocessing
import os
import signal
from multiprocessing import connection

from tqdm import tqdm

from dcgan.files import writing
from dcgan.machine import signals

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_jobs(function, jobs, processes, failed):
    """Yield `function(job)` of every job, in order, with progress.

    Where memory is short, or a process is killed for that, its job is tried again when no other is
    at work, and one that fails then costs no other.

    Args:
        function: takes and returns what can be pickled.
        jobs: a list.
        processes: how many to use, at most.
        failed: what to yield in the place of a job that fails alone too: a function of the job.

    Raises:
        Stopped: a signal asked to; what was at hand is left undone.
    """
    results, left, lost, tried = {}, collections.deque(range(len(jobs))), collections.deque(), set()
    with (tqdm(total=len(jobs), unit="picture", dynamic_ncols=True, delay=1) as progress,
          signals.deferred_stop() as stop, _Workers(function) as workers):
        for number in range(len(jobs)):
            while number not in results:
                waiting, most = (lost, 1) if lost else (left, processes)
                while waiting and len(workers.busy) < most:
                    each = waiting.popleft()
                    workers.begin(each, jobs[each])
                for each, outcome in workers.outcomes():
                    if isinstance(outcome, Exception):
                        raise outcome
                    if outcome or each in tried:
                        results[each] = outcome[0] if outcome else failed(jobs[each])
                        progress.update()
                    else:
                        tried.add(each)
                        lost.append(each)
                stop.raise_if_set()
            yield results.pop(number)


class _Workers:
    """Processes that work at jobs; each is begun when there is one for it.

    (concurrent.futures wants semaphores, which some containers lack, and ends all of its processes
    when one is killed.)
    """

    def __init__(self, function):
        self.function = function
        self.idle, self.busy = [], {}  # (connection, process); connection: (process, job's number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        processes = [each for _, each in self.idle] + [each for each, _ in self.busy.values()]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()

    def begin(self, number, job):
        """Let a process work at a job."""
        ours, process = self.idle.pop() if self.idle else self._start()
        with contextlib.suppress(ConnectionError):  # it was killed, as `outcomes` will see
            ours.send(job)
        self.busy[ours] = process, number

    def _start(self):
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(
            target=_work, args=(self.function, theirs, ours), daemon=True)
        # Until the process has handlers of its own, it would take a Ctrl-C for this one's.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        return ours, process

    def outcomes(self):
        """Yield the number of each job that has ended since the last time, and its result as a
        tuple of one, the exception that it raised, or None: it lacked memory, or was killed."""
        for ours in connection.wait(list(self.busy), timeout=0.1):
            process, number = self.busy.pop(ours)
            try:
                outcome = ours.recv()
            except (EOFError, ConnectionError):
                outcome = None
                process.join()
            else:
                self.idle.append((ours, process))
            yield number, outcome


def _work(function, theirs, ours):
    """Work at one job after another, until the process that sends them ends this one, or is gone.

    Ctrl-C and the end of a terminal reach all processes; what becomes of them, that one decides.
    """
    ours.close()  # or its end would not be seen here
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            job = theirs.recv()
            try:
                outcome = (function(job),)
            except MemoryError:
                outcome = None
            except Exception as error:
                outcome = error
            theirs.send(outcome)


def _end(signum, frame):
    """Leave no half a file."""
    writing.remove_temporaries()
    os._exit(128 + signum)  # an exception would be taken for the job's
