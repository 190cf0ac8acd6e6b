"""Messages to the user: errors that end a script, and warnings about files on stderr."""

import collections
import contextlib
import contextvars
import os
import re
import sys
import warnings

# The library's files: the package, and the modules next to it.
_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_LIBRARY = (_PACKAGE + os.sep, *(os.path.join(os.path.dirname(_PACKAGE), name)
                                 for name in ("model.py", "ops.py", "utils.py")))
NOTED = 10  # files that are named if the same warning applies to many


class _Warnings(list):
    """Kept warnings, `(path, text)`; `noted` has the files that each text of `warn_once` named."""

    def __init__(self):
        super().__init__()
        self.noted = collections.defaultdict(set)


_kept = contextvars.ContextVar("the listener's warnings", default=None)
_printed = _Warnings()  # without a listener; the list itself stays empty


class UserError(Exception):
    """A problem that the user can fix; its text is one line that says how. The scripts exit with
    code 2."""


def first_line(error):
    """The first line of a TensorFlow exception, without the place in the graph."""
    lines = str(error).splitlines() or [type(error).__name__]
    return re.sub(r"^{{.*?}} ", "", lines[0])


def warn(path, text):
    """Print a warning about a file on stderr, in one line; within `kept_warnings`, keep it instead.
    The path is None if the warning is not about a file."""
    path = None if path is None else os.fsdecode(path)
    kept = _kept.get()
    if kept is not None:
        kept.append((path, text))
        return
    name = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path or "")
    print(f"warning: {name}{': ' if name else ''}{text}", file=sys.stderr)


def warn_caller(text):
    """Issue a UserWarning with the line that called the library."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_code.co_filename.startswith(_LIBRARY):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)


@contextlib.contextmanager
def kept_warnings():
    """Keep this thread's warnings instead of printing them: yields the list of `(path, text)`, to
    which each warning is added."""
    before = _kept.set(_Warnings())
    try:
        yield _kept.get()
    finally:
        _kept.reset(before)


def begin_command():
    """Let `warn_once` name files again that it named in an earlier command of this process."""
    _printed.noted.clear()


def warn_once(path, text):
    """`warn` once for each file, because pictures are read several times, and for at most `NOTED`
    files by name, because the warning may apply to a whole dataset. Both count within a
    `kept_warnings`, or else within a command."""
    kept, path = _kept.get(), os.fsdecode(path)
    noted = (_printed if kept is None else kept).noted[text]
    if path in noted or len(noted) > NOTED:
        return
    noted.add(path)
    warn(path, text if len(noted) <= NOTED else f"{text}; others like it are not named")


def attempt(read):
    """`(read(), None)`, or `(None, reason)` if it failed."""
    try:
        return read(), None
    except OSError as error:
        return None, error.strerror or str(error)
    except (ValueError, UserError) as error:
        return None, str(error)
    except MemoryError:
        return None, "too large for this machine's memory"
    except Exception as error:  # a damaged picture must not end the work on the others
        return None, f"{type(error).__name__}: {first_line(error)}"


def or_warn(path, read):
    """What `read()` returns; if it fails, None, and a warning names the file."""
    result, reason = attempt(read)
    if reason is not None:
        warn(path, f"{reason}; skipped")
    return result
