"""A script's `main()` and its exit code."""

import contextlib
import signal
import sys

from dcgan.cli import environment
from dcgan.machine.signals import Stopped
from dcgan.messages import UserError


def run(main, prog):
    """Call a script's `main()`; a `UserError` becomes one line and exit code 2, a signal 128 and
    its number."""
    with contextlib.suppress(AttributeError):  # a notebook's stdout takes everything
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
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
