"""Ctrl-C and SIGTERM between two steps."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from dcgan.machine import signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_need_not_wait_for_the_first(number):
    """Python runs its own handlers only when it is back from what a library computes."""
    program = """if True:
        import hashlib, sys
        sys.path.insert(0, sys.argv[1])
        from dcgan.machine import signals
        with signals.deferred_stop():
            print("begun", flush=True)
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
    """
    process = subprocess.Popen([sys.executable, "-c", program, ROOT], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    for _ in range(2):
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(number)
    assert process.wait(timeout=5) == 128 + number


def test_a_signal_is_seen_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with signals.deferred_stop() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + 5
        while not stop.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert stop.signum == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
    with pytest.raises(signals.Stopped):
        stop.raise_if_set()
