"""What is warned of on stderr while something is done, to be told on the page instead."""

import contextlib
import sys
import threading


class Overhearing:
    """Takes the place of stderr, and keeps what a thread writes there while it is listened to."""

    def __init__(self, stream):
        self.stream, self.local = stream, threading.local()

    def write(self, text):
        heard = getattr(self.local, "heard", None)
        return self.stream.write(text) if heard is None else heard.append(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)

    @contextlib.contextmanager
    def listen(self):
        """Keep what this thread writes; yields it, a list of texts that grows."""
        self.local.heard = []
        try:
            yield self.local.heard
        finally:
            self.local.heard = None


def warnings(heard, path, name):
    """What was warned of, a list of lines.

    Args:
        heard: what `listen` yields.
        path: the file that was dealt with.
        name: how the page calls it.
    """
    lines = dict.fromkeys("".join(heard).splitlines())
    return [line.removeprefix("warning: ").removeprefix(f"{path}: ").replace(path, name)
            for line in lines if line.startswith("warning: ")]


def begin():
    """Make one stderr, if none is; returns it."""
    if not isinstance(sys.stderr, Overhearing):
        sys.stderr = Overhearing(sys.stderr)
    return sys.stderr
