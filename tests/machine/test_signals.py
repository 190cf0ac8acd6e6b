"""Ctrl-C, SIGTERM and SIGHUP between two steps."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from dcgan.machine import signals

pytestmark = pytest.mark.slow


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


# Works until a signal stops it, or for a second; then it saves, and says so.
WORK = f"""if True:
    import signal, sys, time
    sys.path.insert(0, {str(ROOT)!r})
    from dcgan.cli import running
    from dcgan.machine import signals

    def main():
        with signals.deferred_stop() as stop:
            print("begun", flush=True)
            end = time.monotonic() + float(sys.argv[2])
            while time.monotonic() < end and not stop.is_set():
                time.sleep(0.01)
            time.sleep(0.5)
            print("saving", file=sys.stderr)
            open(sys.argv[1], "w").close()
        print("saved")
        stop.raise_if_set()

    if "ignored" in sys.argv:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    running.run(main, "work.py")
"""


def test_a_terminals_end_stops_as_sigterm_does(tmp_path):
    """It may be told twice, by the system and by the shell."""
    process = subprocess.Popen([sys.executable, "-c", WORK, tmp_path / "saved", "60"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == "begun\n"
    for _ in range(2):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
    said, errors = process.communicate(timeout=60)
    assert (said, errors) == ("saved\n", "saving\nwork.py: terminated\n")
    assert process.returncode == 128 + signal.SIGHUP and (tmp_path / "saved").exists()


def test_under_nohup_it_stays_ignored(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WORK, tmp_path / "saved", "2", "ignored"],
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("ignored,code", [((), 128 + signal.SIGHUP), (("ignored",), 0)])
def test_a_terminal_that_is_gone_takes_no_result_with_it(tmp_path, ignored, code):
    saved = tmp_path / "saved"
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-c", WORK, str(saved), "2", *ignored])
    assert os.read(terminal, 7) == b"begun\r\n"
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code
    assert saved.exists()


def test_a_pipe_that_nobody_reads_takes_no_result_with_it(tmp_path):
    """As of an ssh connection without a terminal, or of `| head`."""
    process = subprocess.Popen([sys.executable, "-c", WORK, tmp_path / "saved", "1"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=60) == 0 and (tmp_path / "saved").exists()


def test_a_signal_that_a_user_handles_is_none_of_ours():
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    try:
        with signals.deferred_stop() as stop:
            signal.raise_signal(signal.SIGUSR1)
            time.sleep(0.2)
            assert seen and not stop.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)
