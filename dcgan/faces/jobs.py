"""One job for each picture, in processes of their own."""

import concurrent.futures
import os
import signal
from concurrent.futures.process import BrokenProcessPool

from tqdm import tqdm

from dcgan.files import ownership


def run_jobs(function, jobs, processes, failed):
    """Yield `function(job)` of every job, in order, with progress.

    Where memory is short, or a process is killed for that, what was at hand is tried again, each
    job alone, and one that fails then costs no other.

    Args:
        function: takes and returns what can be pickled.
        jobs: a list.
        processes: how many to use.
        failed: what to yield in the place of a job that fails alone too: a function of the job.
    """
    with tqdm(total=len(jobs), unit="picture", dynamic_ncols=True, delay=1) as progress:
        while jobs:
            done = 0
            for result in _until_failure(function, jobs, processes):
                yield result
                done += 1
                progress.update()
            # Any of the first that are left may have been at hand.
            suspects, jobs = jobs[done:][:processes], jobs[done + processes:]
            for job in suspects:
                results = [*_until_failure(function, [job], 1)]
                yield results[0] if results else failed(job)
                progress.update()


def _until_failure(function, jobs, processes):
    """Yield `function(job)` in order, up to the first that lacks memory or a killed process had."""
    with concurrent.futures.ProcessPoolExecutor(processes, initializer=_begin) as pool:
        try:
            yield from pool.map(function, jobs)
        except BaseException as error:
            pool.shutdown(cancel_futures=True)
            if not isinstance(error, (BrokenProcessPool, MemoryError)):
                raise


def _begin():
    """Let SIGTERM, by which a pool ends its processes once one was killed, leave no half a file."""
    signal.signal(signal.SIGTERM, _end)


def _end(signum, frame):
    ownership.remove_temporaries()
    os._exit(128 + signum)  # an exception would be taken for the job's
