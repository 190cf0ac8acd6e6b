"""A script's `main()` and its exit code."""

import errno
import io
import signal
import sys

from dcgan.cli import environment
from dcgan.machine.signals import Stopped
from dcgan.messages import UserError, begin_command


class _Lasting(io.FileIO):
    """A terminal or a pipe. Once nobody reads it any more, writes are ignored: an exception would
    end the script, although its results go to the disk."""

    def write(self, data):
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EPIPE):
                raise
            return len(data)


def _lasting(stream):
    """A stream to the same file, which writes through `_Lasting`."""
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding, errors="backslashreplace",  # file names may not be valid text
        line_buffering=stream.line_buffering, write_through=stream.write_through)


def run(main, prog):
    """Call a script's `main()`. A `UserError` becomes one line and exit code 2; a signal becomes
    exit code 128 plus its number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is getattr(sys, f"__{name}__"):  # not replaced by a notebook
            setattr(sys, name, _lasting(getattr(sys, name)))
    begin_command()
    try:
        main()
    except UserError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a full disk, a deleted folder, ...
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
