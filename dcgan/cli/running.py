"""A script's `main()` and its exit code."""

import errno
import io
import signal
import sys

from dcgan.cli import environment
from dcgan.machine.signals import Stopped
from dcgan.messages import UserError


class _Lasting(io.FileIO):
    """A terminal or a pipe, from which what is written is lost once nobody is at its other end; an
    exception would end the work whose results are on the disk."""

    def write(self, data):
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EPIPE):
                raise
            return len(data)


def _lasting(stream):
    """A stream that writes where this one does, as `_Lasting`."""
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding, errors="backslashreplace",  # names of files may be no text
        line_buffering=stream.line_buffering, write_through=stream.write_through)


def run(main, prog):
    """Call a script's `main()`; a `UserError` becomes one line and exit code 2, a signal 128 and
    its number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is getattr(sys, f"__{name}__"):  # not a notebook's
            setattr(sys, name, _lasting(getattr(sys, name)))
    try:
        main()
    except UserError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a full disk, a folder that went away, ...
        where = f"{error.filename}: " if error.filename else ""
        print(f"{prog}: error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        print(f"{prog}: error: {environment.missing(error.name)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        sys.exit(130)
    except Stopped as stopped:
        signum = stopped.args[0]
        word = "interrupted" if signum == signal.SIGINT else "terminated"
        print(f"{prog}: {word}", file=sys.stderr)
        sys.exit(128 + signum)
