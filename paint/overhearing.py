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
    def of(self, path, name):
        """Listen to this thread.

        Args:
            path: the file that is dealt with.
            name: how the page calls it.

        Yields:
            A function that returns what was warned of so far, a list of lines.
        """
        self.local.heard = heard = []

        def notes():
            lines = "".join(heard).splitlines()
            return [line.removeprefix("warning: ").removeprefix(f"{path}: ").replace(path, name)
                    for line in lines if line.startswith("warning: ")]

        try:
            yield notes
        finally:
            self.local.heard = None


def begin():
    """Make it stderr, once; returns it."""
    if not isinstance(sys.stderr, Overhearing):
        sys.stderr = Overhearing(sys.stderr)
    return sys.stderr
