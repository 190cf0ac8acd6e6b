"""Whose a file is: the program's own, or the user's, which nothing is ever written over.

A folder that a script writes into has a record, `.dcgan-files`, with a line for every file that was
written there or below: its path and its SHA-256. As long as a file's bytes are those of one of its
lines, it is the program's, and may be replaced; once it is edited or exchanged, it is the user's.
The line is written before the file is put in its place, and lines are only ever added: whenever a
process is killed, nothing of its own is unknown, and nothing else is claimed.
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
# A search log that a kill has left unfinished, so that its SHA-256 is not known.
_LOG = re.compile(rb"iter loss( z\d+)+\n[-+.\dainfe \n]*")


class Record:
    """The record of a folder; other processes may add to it at any time.

    Args:
        folder: absolute path.

    Attributes:
        by: the script that has claimed the folder last, whose the next entries are; or None.
        signature: which process writes there, or did: a dict of its script (`by`), `process`,
            `host` and `since`; or None.
        entries: `{relative path: entries}`, the newest last: dicts of `file`, `sha256` (None: it
            is not finished), `by` and, if `add` was given it, `of`.
        remarks: what was recorded that is no file, dicts.
    """

    def __init__(self, folder):
        self.folder, self.path = folder, os.path.join(folder, NAME)
        self._forget()

    def _forget(self):
        self.inode, self.end, self.by, self.signature = None, 0, None, None
        self.entries, self.remarks = {}, []

    def read(self):
        """Take up what was added since the last time; returns whether there is a record.

        Raises:
            UserError: a file of that name is not a record.
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
        # What comes behind the last line's end is still being written, or torn.
        lines = content.rpartition(b"\n")[0]
        understood = [self._take(line) for line in lines.split(b"\n") if line]
        begins_so = b'\n{"'.startswith(content[:3])  # as `write` does, if that was torn
        if self.end == 0 and not (any(understood) or (begins_so and not lines)):
            raise UserError(f"{self.path}: is not a record of this program's files, which has "
                            "that name; move it away")
        self.end += len(lines)
        return True

    def _take(self, line):
        """Take up a line; returns whether it is whole."""
        try:
            entry = json.loads(line)
        except ValueError:
            return False
        if not isinstance(entry, dict):
            return False
        if "file" in entry:
            self.entries.setdefault(entry["file"], []).append(entry | {"by": self.by})
        elif "by" in entry:
            self.by = entry["by"]
            self.signature = entry if "process" in entry else self.signature
        elif "remark" in entry:
            self.remarks.append(entry["remark"])
        return True

    def entries_of(self, path):
        """Those of a path below the folder."""
        return self.entries.get(os.path.relpath(path, self.folder), [])

    def write(self, line):
        """Add a line, a dict; a newline in front keeps it apart from one that a kill has torn."""
        with open(self.path, "ab") as file:
            file.write(f"\n{json.dumps(line)}\n".encode())


_record = functools.cache(Record)


def at(folder):
    """The `Record` of a folder as it is now; without entries where there is none yet."""
    record = _record(os.path.abspath(folder))
    record.read()
    return record


def above(path):
    """Yield the `Record`s of the folders that a path is in, the nearest first."""
    for folder in map(str, pathlib.Path(os.path.abspath(path)).parents):
        if _record(folder).read():
            yield _record(folder)


def claim(folder, by):
    """Begin a folder's record, or go on with it: what comes is by this script."""
    record = at(folder)
    if record.by != by:
        record.write({"by": by})


def entries_of(path):
    """What is recorded of a path, in the folder that it is in or any above."""
    return [entry for record in above(path) for entry in record.entries_of(path)]


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def matches(path, entries):
    """Whether a file has the bytes of one of its entries; a link, which is not ours, has none."""
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
    """Whether a file is one that this program wrote, and nobody has changed since."""
    return matches(path, entries_of(path))


def may_write(path):
    """Whether nothing of the user's is at a path."""
    return not os.path.lexists(path) or is_ours(path)


def require_ours(path, flag="", source=None):
    """Raise UserError if something of the user's is at a path, where the result of the file
    `source` belongs."""
    if not may_write(path):
        of = f" of {source}" if source else ""
        reason = ("was changed since this program wrote it" if entries_of(path) else
                  "was not written by this program")
        raise UserError(f"{flag}{path}: would be overwritten by the result{of}, but {reason}; "
                        "choose another folder, or move the file away")


def add(path, content=None, of=None):
    """Record that a file is ours.

    Args:
        path: where it is, or will be put.
        content: the file that has its bytes; None leaves them open, for a log that grows.
        of: what it was made of, a dict that JSON can hold, for whoever asks later.
    """
    record = next(above(path), None) or at(os.path.dirname(path))
    name = os.path.relpath(path, record.folder)
    entry = {"file": name, "sha256": None if content is None else _digest(content)}
    entry |= {"of": of} if of else {}
    if record.entries.get(name, [None])[-1] != entry | {"by": record.by}:
        record.write(entry)


def put(temporary, path, finished=True, recorded=True, of=None):
    """Record a new file as ours, and rename it to its place.

    Args:
        temporary: a whole file, in the same folder.
        path: where it belongs.
        finished: False for a log that will grow; `add` it when it is done.
        recorded: False for a file that tells by itself that it is ours, as the caller has seen.
        of: as `add` takes it.

    Raises:
        UserError: something of the user's is there.
    """
    if recorded:
        require_ours(path)
        add(path, temporary if finished else None, of)
    os.replace(temporary, path)


def remove(path):
    """Remove a file if it is ours."""
    if is_ours(path):
        os.remove(path)


def set_aside(path):
    """Rename a file that is damaged, so that nothing of it is lost; returns its new path."""
    for number in itertools.count(1):
        aside = f"{path}.damaged{f'-{number}' if number > 1 else ''}"
        if not os.path.lexists(aside):
            os.rename(path, aside)
            return aside


def identity(path):
    """What a path is on the disk, whatever its spelling and the links to it; None if nothing."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def require_free(paths, inputs=(), flag=""):
    """See, before any work is done, that nothing of the user's is where something will be written.

    Args:
        paths: every path that may be written; or a dict from these to the files that each is the
            result of, None for results of several.
        inputs: files that are read, which must stay even where they are ours.
        flag: what an error begins with.

    Raises:
        UserError: a path is one of the inputs, or something else that is not ours.
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
