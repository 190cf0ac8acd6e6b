"""Ctrl-C, SIGTERM and SIGHUP, answered between two steps."""

import contextlib
import os
import signal
import threading


class Stopped(Exception):
    """A signal asked to stop, and what there was to save is saved; `args[0]` is its number."""


class StopRequest:
    """What `deferred_stop` yields: the signal that asked to stop, or 0."""

    signum = 0

    def is_set(self):
        return self.signum != 0

    def raise_if_set(self):
        """Raise `Stopped` if a signal came."""
        if self.signum:
            raise Stopped(self.signum)


def that_stop():
    """The signals that ask to stop; SIGHUP, by which a terminal goes away, not under `nohup`."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) + (signal.SIGHUP,) * (not ignored)


@contextlib.contextmanager
def deferred_stop():
    """Make the first Ctrl-C, SIGTERM or SIGHUP set the `StopRequest` that this yields; a second
    Ctrl-C or SIGTERM ends the process at once.

    As an exception it could come between an update and its count, or within a destructor of
    TensorFlow's, where Python swallows it. Python runs handlers between its own instructions alone,
    which may be a minute apart when TensorFlow is at work: so another thread waits for the signals.
    """
    request, signals = StopRequest(), that_stop()
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield request
        return
    arrived, arrival = os.pipe()
    os.set_blocking(arrival, False)

    def watch():
        while byte := os.read(arrived, 1):
            if byte[0] not in signals:  # one that a user of the library has a handler for
                continue
            # A terminal's end comes twice: the system tells all its processes, the shell its jobs.
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
