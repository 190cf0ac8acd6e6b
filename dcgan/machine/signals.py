"""Handles Ctrl-C, SIGTERM and SIGHUP between two steps."""

import contextlib
import os
import signal
import threading


class Stopped(Exception):
    """A signal asked to stop, and everything is saved; `args[0]` is the signal's number."""


class StopRequest:
    """Yielded by `deferred_stop`: the number of the signal that asked to stop, or 0."""

    signum = 0

    def is_set(self):
        return self.signum != 0

    def raise_if_set(self):
        """Raise `Stopped` if a signal has arrived."""
        if self.signum:
            raise Stopped(self.signum)


def that_stop():
    """The signals that ask to stop; SIGHUP (a terminal has closed) only without `nohup`."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) + (signal.SIGHUP,) * (not ignored)


@contextlib.contextmanager
def deferred_stop():
    """Yield a `StopRequest`, which the first Ctrl-C, SIGTERM or SIGHUP sets. A second Ctrl-C or
    SIGTERM ends the process immediately.

    An exception could arrive between an update and its count, or in a TensorFlow destructor, where
    Python ignores it. Python runs signal handlers only between its own instructions, which may be a
    minute apart while TensorFlow computes; therefore another thread waits for the signals.
    """
    request, signals = StopRequest(), that_stop()
    if threading.current_thread() is not threading.main_thread():  # signals do not arrive here
        yield request
        return
    arrived, arrival = os.pipe()
    os.set_blocking(arrival, False)

    def watch():
        while byte := os.read(arrived, 1):
            if byte[0] not in signals:  # handled by a user of the library
                continue
            # SIGHUP arrives twice: from the system to all processes, from the shell to its jobs.
            if byte[0] == signal.SIGHUP:
                request.signum = request.signum or signal.SIGHUP
            elif request.signum in (signal.SIGINT, signal.SIGTERM):
                os._exit(128 + byte[0])
            else:
                request.signum = byte[0]
        os.close(arrived)

    threading.Thread(target=watch, daemon=True).start()
    before = signal.set_wakeup_fd(arrival, warn_on_full_buffer=False)
    previous = {each: signal.signal(each, lambda *_: None) for each in signals}
    try:
        yield request
    finally:
        for each in signals:
            signal.signal(each, previous[each])
        signal.set_wakeup_fd(before)
        os.close(arrival)
