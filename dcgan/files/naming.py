"""Names of files: short enough, each once, and as people see them."""

import collections
import os
import unicodedata

from dcgan.messages import UserError

LONGEST_NAME = 251  # bytes, of 255 that a file system takes: `.png` goes behind it


def _folded(name):
    """What two names have in common that are one for some file systems."""
    return composed(name.casefold())


def _fitting(name, behind=""):
    """A name with something behind it, cut where no file could have it with a suffix behind."""
    def length():
        return len(os.fsencode(os.path.basename(name) + behind))

    if behind or length() > LONGEST_NAME:
        while length() > LONGEST_NAME - 1:  # its suffix may be `.webp`
            name = name[:-1]
    return name + behind


class Names:
    """Names that are taken, so that another can be told apart from all of them at once.

    Args:
        taken: a sequence of them.
        wanted: others, which no name with a number may be.
    """

    def __init__(self, taken=(), wanted=()):
        self.taken, self.wanted = set(map(_folded, taken)), set(map(_folded, wanted))
        self.numbers = collections.Counter()  # the last behind each name

    def untaken(self, name, behind=""):
        """The name and what goes behind it, with `-2`, `-3`, ... if that is taken already."""
        return self._next(_fitting(name, behind))[0]

    def take(self, name):
        """The same, which is taken from now on."""
        candidate, self.numbers[_folded(name)] = self._next(name)
        self.taken.add(_folded(candidate))
        return candidate

    def _next(self, name):
        candidate, number = name, 1
        while _folded(candidate) in self.taken or (
                number > 1 and _folded(candidate) in self.wanted):
            number = max(number, self.numbers[_folded(name)]) + 1
            candidate = _fitting(name, f"-{number}")
        return candidate, number


def unique_names(names, taken=()):
    """The names, with `-2`, `-3`, ... behind each that an earlier one already is, or that is among
    those taken; cut where they would be too long for files."""
    names = list(map(_fitting, names))
    return list(map(Names(taken, wanted=names).take, names))


def stem(path):
    """A file's name without folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]


def composed(name):
    """A name as people see it: Unicode has two forms of `é`, of which Macs take the longer."""
    return unicodedata.normalize("NFC", name)


def seen_stem(path):
    """A file's stem as people see it."""
    return composed(stem(path))


def by_stem(files, flag):
    """`{seen_stem: file}`; a UserError, begun with `flag`, if two files share one."""
    stems = {}
    for path in files:
        other = stems.setdefault(seen_stem(path), path)
        if other != path:
            raise UserError(f"{flag} {path}: another file has the same name, {other}")
    return stems


def as_text(value):
    """`str(value)` with `?` for the bytes of a file's name that are no text; some, TensorBoard for
    one, take nothing else."""
    return str(value).encode(errors="replace").decode()
