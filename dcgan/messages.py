"""What a user is told: errors that end a script, and lines on stderr of a file."""

import collections
import contextlib
import contextvars
import os
import re
import sys

NOTED = 10  # files that are named, of which the same is to be said
_kept = contextvars.ContextVar("warnings that are kept", default=None)
_noted = collections.defaultdict(set)  # files by what was said of them


class UserError(Exception):
    """What a user can mend; its text is one line that says how. The scripts exit with code 2."""


def first_line(error):
    """What an exception of TensorFlow's says, without its account of where."""
    lines = str(error).splitlines() or [type(error).__name__]
    return re.sub(r"^{{.*?}} ", "", lines[0])


def warn(path, text):
    """Say on stderr, in one line, what is the matter with a file, or where the path is None, at
    all; `kept_warnings` has it instead, if there is one."""
    path = None if path is None else os.fsdecode(path)
    kept = _kept.get()
    if kept is not None:
        kept.append((path, text))
        return
    name = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path or "")
    print(f"warning: {name}{': ' if name else ''}{text}", file=sys.stderr)


@contextlib.contextmanager
def kept_warnings():
    """Keep what this thread warns of, instead of saying it: yields a list of `(path, text)`, which
    grows."""
    before = _kept.set([])
    try:
        yield _kept.get()
    finally:
        _kept.reset(before)


def warn_once(path, text):
    """`warn`, once: pictures are read several times; and by name of the first few alone: what is
    so of one may be so of a whole dataset."""
    noted, path = _noted[text], os.fsdecode(path)
    if path in noted or len(noted) > NOTED:
        return
    noted.add(path)
    warn(path, text if len(noted) <= NOTED else f"{text}; others like it are not named")


def attempt(read):
    """`(read(), None)`, or None and the reason why it failed."""
    try:
        return read(), None
    except OSError as error:
        return None, error.strerror or str(error)
    except (ValueError, UserError) as error:
        return None, str(error)
    except MemoryError:
        return None, "is too large for this machine's memory"
    except Exception as error:  # no picture's fault may end the work on another
        return None, f"{type(error).__name__}: {first_line(error)}"


def or_warn(path, read):
    """What `read()` returns, or None and a warning that names the file."""
    result, reason = attempt(read)
    if reason is not None:
        warn(path, f"{reason}; skipped")
    return result
