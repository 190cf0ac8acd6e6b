"""What is said of files on stderr."""

import threading
from pathlib import Path

from dcgan import messages
from dcgan.cli import running


def test_what_is_so_of_a_whole_dataset_is_said_of_a_few(capfd):
    messages.begin_command()
    for i in [*range(100), *range(100)]:
        messages.warn_once(f"{i}.png", "is odd")
    messages.warn_once("0.png", "has several pictures")
    lines = capfd.readouterr().err.splitlines()
    assert lines == [*(f"warning: {i}.png: is odd" for i in range(messages.NOTED)),
                     f"warning: {messages.NOTED}.png: is odd; others like it are not named",
                     "warning: 0.png: has several pictures"]


def test_each_command_and_each_listener_is_warned_anew(capfd):
    """A page that serves for weeks has many users, a notebook runs many commands."""
    def warn():
        for i in range(messages.NOTED + 5):
            messages.warn_once(f"{i}.png", "is odd")

    for _ in range(2):
        running.run(warn, "script.py")
        printed = capfd.readouterr().err.splitlines()
        assert len(printed) == messages.NOTED + 1 and printed[0] == "warning: 0.png: is odd"
        with messages.kept_warnings() as kept:
            warn()
        assert len(kept) == messages.NOTED + 1 and kept[0] == ("0.png", "is odd")


def test_what_cannot_be_read_is_named_and_skipped(capfd):
    def fail():
        raise ValueError("too small")

    assert messages.or_warn("a.png", lambda: 3) == 3
    assert messages.or_warn("a.png", fail) is None
    assert capfd.readouterr().err == "warning: a.png: too small; skipped\n"


def test_warnings_are_kept_for_who_tells_them_elsewhere(capfd):
    """Those of the same thread alone."""
    with messages.kept_warnings() as kept:
        messages.warn("a.png", "is odd")
        with messages.kept_warnings() as inner:
            messages.warn(None, "it is late")
        other = threading.Thread(target=messages.warn, args=("b.png", "is odd too"))
        other.start()
        other.join()
    messages.warn(None, "it is later")
    assert (kept, inner) == ([("a.png", "is odd")], [(None, "it is late")])
    assert capfd.readouterr().err == "warning: b.png: is odd too\nwarning: it is later\n"


def test_a_file_may_be_a_path(capfd):
    messages.begin_command()
    for path in (Path("a.png"), b"a.png", "a.png"):
        messages.warn_once(path, "is odd")
    messages.warn(Path("a\n.png"), "is odder")
    assert capfd.readouterr().err == "warning: a.png: is odd\nwarning: a\\n.png: is odder\n"
