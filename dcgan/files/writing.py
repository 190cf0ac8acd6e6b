"""Writes files so that they appear complete or not at all."""

import contextlib
import itertools
import os
import tempfile

from dcgan.files import record
from dcgan.messages import UserError

_temporaries = set()  # existing files of `temporary_beside`


def make_folder(path, flag="", by=None):
    """Create a folder unless it exists, and check that files can be written into it.

    Args:
        path: the folder.
        flag: the start of an error.
        by: the script that writes results there, for the folder's record.

    Raises:
        UserError: the folder cannot be created or written.
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
    """Turn an OSError into a UserError that names the file."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextlib.contextmanager
def temporary_beside(path):
    """A new, empty file in the folder of a path; it is deleted at the end if it still exists."""
    folder, suffix = os.path.dirname(path), os.path.splitext(path)[1]
    for number in itertools.count():  # a short name, because the path's may be long
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
    """Delete the files of `temporary_beside` when a signal ends the process."""
    for temporary in _temporaries:
        with contextlib.suppress(OSError):
            os.remove(temporary)


@contextlib.contextmanager
def whole(path, **more):
    """A temporary file next to `path`, which is renamed to `path` once it is complete.

    Args:
        path: the file.
        **more: as for `record.put`.

    Raises:
        UserError: the file cannot be written, or would replace a file of the user.
    """
    with naming_failure(path), temporary_beside(path) as temporary:
        yield temporary
        record.put(temporary, path, **more)


def write_text(path, text):
    """Write a UTF-8 file, complete or not at all; invalid text (in names) becomes `?`."""
    with whole(path) as temporary, open(
            temporary, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
