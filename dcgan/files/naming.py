"""Makes file names unique and short enough, and compares them as users see them."""

import collections
import os
import unicodedata

from dcgan.messages import UserError

LONGEST_NAME = 251  # bytes; file systems allow 255, and `.png` is appended


def _folded(name):
    """A form that is equal for names that some file systems treat as equal."""
    return composed(name.casefold())


def _fitting(name, behind=""):
    """A name with an ending, shortened so that a file name with a suffix fits."""
    def length():
        return len(os.fsencode(os.path.basename(name) + behind))

    if behind or length() > LONGEST_NAME:
        while length() > LONGEST_NAME - 1:  # its suffix may be `.webp`
            name = name[:-1]
    return name + behind


class Names:
    """A set of taken names, which finds unused names quickly.

    Args:
        taken: a sequence of taken names.
        wanted: names that must not be used for a name with a number.
    """

    def __init__(self, taken=(), wanted=()):
        self.taken, self.wanted = set(map(_folded, taken)), set(map(_folded, wanted))
        self.numbers = collections.Counter()  # the last number of each name

    def untaken(self, name, behind=""):
        """The name with the ending, and with `-2`, `-3`, ... if that is taken."""
        return self._next(_fitting(name, behind))[0]

    def take(self, name):
        """An unused form of the name, which is taken from now on."""
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
    """The names, in which `-2`, `-3`, ... is appended to a repeated or taken name; names that are
    too long for files are shortened."""
    names = list(map(_fitting, names))
    return list(map(Names(taken, wanted=names).take, names))


def stem(path):
    """A file's name without folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]


def composed(name):
    """A name as users see it: Unicode has two forms of `é`, and Macs use the longer one."""
    return unicodedata.normalize("NFC", name)


def seen_stem(path):
    """A file's stem as users see it."""
    return composed(stem(path))


def by_stem(files, flag):
    """`{seen_stem: file}`; UserError, which starts with `flag`, if two files share a stem."""
    stems = {}
    for path in files:
        other = stems.setdefault(seen_stem(path), path)
        if other != path:
            raise UserError(f"{flag} {path}: another file has the same name, {other}")
    return stems


def as_text(value):
    """`str(value)`, with `?` for bytes of a file name that are not valid text. TensorBoard, for
    example, accepts only valid text."""
    return str(value).encode(errors="replace").decode()
