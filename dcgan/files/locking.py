"""Locks a folder, so that only one process writes into it."""

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
    """Lock a folder against other processes. The system releases the lock when this process ends,
    however it ends.

    Args:
        folder: a folder that the script has claimed (`writing.make_folder`).
        flag: the start of an error.
        by: the script.
        name: the name of the locked file in the folder.

    Raises:
        UserError: another process, which it names, has locked the folder.
    """
    with open(os.path.join(folder, name), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{flag}{folder}: {_holder(folder)} is writing there; wait for it, or "
                            "choose another folder") from None
        except OSError as error:
            # Some network disks do not support locks. The last two are equal on Linux.
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP):
                raise
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        record.at(folder).write({
            "by": by, "process": os.getpid(), "host": socket.gethostname(), "since": now})
        yield


def _holder(folder):
    """The name of the process that has locked a folder, for an error."""
    who = record.at(folder).signature
    return (f"{who['by']}, process {who['process']} on {who['host']} since {who['since']},"
            if who else "another process")
