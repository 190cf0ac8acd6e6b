"""Files that appear whole or not at all."""

import contextlib
import itertools
import os
import tempfile

from dcgan.files import record
from dcgan.messages import UserError

_temporaries = set()  # files of `temporary_beside` that are there now


def make_folder(path, flag="", by=None):
    """Make a folder unless it is there, and see that files can be written into it.

    Args:
        path: the folder.
        flag: what an error begins with.
        by: the script whose results go there and below, for the record in it.

    Raises:
        UserError: it cannot be made or written.
    """
    try:
        os.makedirs(path or ".", exist_ok=True)
        with tempfile.TemporaryFile(dir=path or "."):
            pass
        if by is not None:
            record.claim(path, by)
    except OSError as error:
        raise UserError(f"{flag}{path}: cannot write there: {error.strerror}") from error


@contextlib.contextmanager
def naming_failure(path):
    """An OSError over a file, as a UserError that names it."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextlib.contextmanager
def temporary_beside(path):
    """A new, empty file in the folder of a path; it is removed at the end, if it is still there."""
    folder, suffix = os.path.dirname(path), os.path.splitext(path)[1]
    for number in itertools.count():  # short, where the path's name is not
        temporary = os.path.join(folder, f".{os.getpid()}{f'-{number}' if number else ''}{suffix}")
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        break
    _temporaries.add(temporary)
    try:
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        _temporaries.discard(temporary)


def remove_temporaries():
    """Remove the files of `temporary_beside`, in a process that a signal ends."""
    for temporary in _temporaries:
        with contextlib.suppress(OSError):
            os.remove(temporary)


@contextlib.contextmanager
def whole(path, **more):
    """A temporary file beside `path` to write, which is then renamed: `path` appears whole or not.

    Args:
        path: the file.
        **more: as `record.put` takes it.

    Raises:
        UserError: it cannot be written, or would replace what is not ours.
    """
    with naming_failure(path), temporary_beside(path) as temporary:
        yield temporary
        record.put(temporary, path, **more)


def write_text(path, text):
    """Write a file of UTF-8, whole or not at all; what is no text (in names) becomes `?`."""
    with whole(path) as temporary, open(
            temporary, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
