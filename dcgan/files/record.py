"""Decides whether a file is the program's own or the user's, which is never overwritten.

A folder that a script writes into has a record, `.dcgan-files`, with a line for every file written
there or in a subfolder: its path and its SHA-256. While a file's bytes match one of its lines, the
file is the program's and may be replaced; once somebody edits or replaces it, it is the user's.
The line is written before the file is renamed to its place, and lines are only added. Therefore,
whenever a process is killed, the record contains all of its files, and no others.
"""

import functools
import hashlib
import itertools
import json
import os
import pathlib
import re
import stat

from dcgan.messages import UserError

NAME = ".dcgan-files"
# The format of a search log, for logs without a SHA-256 because their process was killed.
_LOG = re.compile(rb"iter loss( z\d+)+\n[-+.\dainfe \n]*")


class Record:
    """The record of a folder; other processes may add to it at any time.

    Args:
        folder: absolute path.

    Attributes:
        by: the script that claimed the folder last and writes the next entries; or None.
        signature: the last process that wrote there, a dict of its script (`by`), `process`, `host`
            and `since`; or None.
        entries: `{relative path: entries}`, the newest last. An entry is a dict of `file`, `sha256`
            (None if the file is unfinished), `by` and, if it was passed to `add`, `of`.
        remarks: the other lines, dicts.
    """

    def __init__(self, folder):
        self.folder, self.path = folder, os.path.join(folder, NAME)
        self._forget()

    def _forget(self):
        self.inode, self.end, self.by, self.signature = None, 0, None, None
        self.entries, self.remarks = {}, []

    def read(self):
        """Read the lines added since the last call; returns whether there is a record.

        Raises:
            UserError: the file is not a record.
        """
        try:
            with open(self.path, "rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self.inode or status.st_size < self.end:
                    self._forget()
                    self.inode = status.st_ino
                file.seek(self.end)
                content = file.read()
        except OSError:
            self._forget()
            return False
        # Text after the last newline is incomplete: still being written, or cut off by a kill.
        lines = content.rpartition(b"\n")[0]
        understood = [self._take(line) for line in lines.split(b"\n") if line]
        begins_so = b'\n{"'.startswith(content[:3])  # the start of a line of `write`, cut off
        if self.end == 0 and not (any(understood) or (begins_so and not lines)):
            raise UserError(f"{self.path}: this name is reserved for the program's list of its "
                            "files, but the file is something else; move it away")
        self.end += len(lines)
        return True

    def _take(self, line):
        """Add a line to the attributes. Returns whether the line is complete and has a form that
        this program writes."""
        try:
            entry = json.loads(line)
        except ValueError:
            return False
        match entry:
            case {"file": str(name), "sha256": str() | None} if isinstance(
                    entry.get("of", {}), dict):
                self.entries.setdefault(name, []).append(entry | {"by": self.by})
            case {"by": str(by)}:
                self.by = by
                if entry.keys() >= {"process", "host", "since"}:
                    self.signature = entry
            case {"remark": dict(remark)}:
                self.remarks.append(remark)
            case _:
                return False
        return True

    def entries_of(self, path):
        """The entries of a path in the folder or its subfolders."""
        return self.entries.get(os.path.relpath(path, self.folder), [])

    def write(self, line):
        """Append a line, a dict; it starts with a newline in case the last line was cut off."""
        with open(self.path, "ab") as file:
            file.write(f"\n{json.dumps(line)}\n".encode())


_record = functools.cache(Record)


def at(folder):
    """The current `Record` of a folder; empty if the folder has none yet."""
    record = _record(os.path.abspath(folder))
    record.read()
    return record


def above(path):
    """Yield the `Record`s of the folders that contain a path, the nearest first."""
    for folder in map(str, pathlib.Path(os.path.abspath(path)).parents):
        if _record(folder).read():
            yield _record(folder)


def claim(folder, by):
    """Write to a folder's record that the script `by` makes the entries that follow."""
    record = at(folder)
    if record.by != by:
        record.write({"by": by})


def entries_of(path):
    """The entries of a path, in the records of its folder and of all folders above."""
    return [entry for record in above(path) for entry in record.entries_of(path)]


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def matches(path, entries):
    """Whether a file's bytes match one of its entries; False for links, which are the user's."""
    try:
        if not entries or not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        if _digest(path) in {entry["sha256"] for entry in entries}:
            return True
        if entries[-1]["sha256"] is None:
            with open(path, "rb") as file:
                return _LOG.fullmatch(file.read()) is not None
    except OSError:
        pass
    return False


def is_ours(path):
    """Whether this program wrote a file and nobody has changed it since."""
    return matches(path, entries_of(path))


def may_write(path):
    """Whether nothing is at a path, or a file that this program wrote."""
    return not os.path.lexists(path) or is_ours(path)


def require_ours(path, flag="", source=None):
    """Raise UserError if a path has a file of the user; `source` is the picture whose result would
    be written there."""
    if not may_write(path):
        of = f" of {source}" if source else ""
        reason = ("was changed since this program wrote it" if entries_of(path) else
                  "was not written by this program")
        raise UserError(f"{flag}{path}: would be overwritten by the result{of}, but {reason}; "
                        "choose another folder, or move the file away")


def add(path, content=None, of=None):
    """Record a file as the program's own.

    Args:
        path: the file's present or future path.
        content: a file with its bytes; None for a log that still grows.
        of: the file's origin, a dict that JSON can represent.
    """
    record = next(above(path), None) or at(os.path.dirname(path))
    name = os.path.relpath(path, record.folder)
    entry = {"file": name, "sha256": None if content is None else _digest(content)}
    entry |= {"of": of} if of else {}
    if record.entries.get(name, [None])[-1] != entry | {"by": record.by}:
        record.write(entry)


def put(temporary, path, finished=True, recorded=True, of=None):
    """Record a new file as the program's own, and rename it to its final path.

    Args:
        temporary: a complete file in the same folder.
        path: the file's final path.
        finished: False for a log that will grow; call `add` when it is complete.
        recorded: False for files that the program recognises by their content; the caller must
            check that the old file is one.
        of: as for `add`.

    Raises:
        UserError: a file of the user is at that path.
    """
    if recorded:
        require_ours(path)
        add(path, temporary if finished else None, of)
    os.replace(temporary, path)


def remove(path):
    """Delete a file if it is the program's own."""
    if is_ours(path):
        os.remove(path)


def set_aside(path):
    """Rename a damaged file instead of deleting it; returns its new path."""
    for number in itertools.count(1):
        aside = f"{path}.damaged{f'-{number}' if number > 1 else ''}"
        if not os.path.lexists(aside):
            os.rename(path, aside)
            return aside


def identity(path):
    """The numbers of a file's device and inode, which all its paths and links share; None if there
    is no file at the path."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def require_free(paths, inputs=(), flag=""):
    """Check, before any work, that no result would overwrite a file of the user.

    Args:
        paths: every path that may be written; or a dict from these paths to the picture of each
            result, None for results of several pictures.
        inputs: files that are read, and must not be overwritten even if the program wrote them.
        flag: the start of an error.

    Raises:
        UserError: a path is one of the inputs, or a file of the user.
    """
    read, folders = {identity(path): path for path in inputs}, {}
    for path, source in (paths if isinstance(paths, dict) else dict.fromkeys(paths)).items():
        folder = os.path.dirname(path)
        if folder not in folders:
            folders[folder] = os.path.isdir(folder or ".")
            if not folders[folder] and os.path.lexists(folder):
                raise UserError(f"{flag}{folder}: must be a folder, but is a file; choose another "
                                "folder, or move the file away")
        if not folders[folder] or not os.path.lexists(path):
            continue
        if (known := identity(path)) and known in read:
            raise UserError(f"{flag}{path}: would overwrite {read[known]}, an input of this run; "
                            "choose another folder")
        require_ours(path, flag, source)
