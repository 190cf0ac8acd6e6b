"""Folders into which one process writes at a time."""

import contextlib
import datetime
import errno
import fcntl
import os
import socket

from dcgan.files import record
from dcgan.messages import UserError


@contextlib.contextmanager
def locked(folder, flag, by, name=record.NAME):
    """Keep every other process out of a folder; the system unlocks it, come what may, when this
    one ends.

    Args:
        folder: one that the script has claimed (`writing.make_folder`).
        flag: what an error begins with.
        by: the script.
        name: of the file in the folder that is locked.

    Raises:
        UserError: another process is in there; it says which.
    """
    with open(os.path.join(folder, name), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{flag}{folder}: {_holder(folder)} is writing there; wait for it, or "
                            "choose another folder") from None
        except OSError as error:
            # As some network disks say; the last two are one on Linux, and two on macOS.
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP):
                raise
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        record.at(folder).write({
            "by": by, "process": os.getpid(), "host": socket.gethostname(), "since": now})
        yield


def _holder(folder):
    """Who has locked a folder, in words."""
    who = record.at(folder).signature
    return (f"{who['by']}, process {who['process']} on {who['host']} since {who['since']},"
            if who else "another process")
