"""Finds pictures in folders, by the same rule for all scripts.

In a folder, every file with the suffix of a supported format is a picture. Some files are left out,
and counted in one line on stderr: hidden and system files and folders, the folders that the command
writes to or reads masks from, and pictures that this program made from others. A file or folder
that the user names is always read.
"""

import collections
import functools
import hashlib
import os

import numpy as np
from PIL import Image

from dcgan import messages
from dcgan.files import record
from dcgan.messages import UserError

# Formats that Pillow decodes safely. EPS would run a program, and some accept any file.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# Folders of operating systems, which are hidden from users or not meant for them.
SYSTEM_FOLDERS = {"$recycle.bin", "recycler", "system volume information", "lost+found", "@eadir",
                  "#recycle", "#snapshot", "__macosx", "__pycache__", "temporary items",
                  "network trash folder"}
# Suffixes of pictures that are not supported, by the advice to the user.
UNREAD = {
    "convert them to JPEG first, with heif-convert for example": (".heic", ".heif", ".hif"),
    "convert them to PNG or JPEG first": (
        ".psd", ".tga", ".ico", ".icns", ".pcx", ".dds", ".eps", ".svg", ".svgz", ".xcf", ".jxl",
        ".exr", ".hdr", ".qoi", ".xbm", ".xpm", ".sgi", ".dib", ".raw", ".dng", ".cr2", ".cr3",
        ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw")}
# Scripts whose pictures are results, not inputs. Those of align.py are inputs of all other scripts.
MAKERS = ("complete.py", "train-dcgan.py", "simple-distributions.py", "align.py computeMean")
# Reasons for leaving pictures out.
HIDDEN = "hidden, or in hidden or system folders"
WRITTEN = "in folders that this command writes to"
OTHERS = "read as masks, undamaged pictures or validation pictures"
MADE = "made by this program in an earlier run"


@functools.cache
def suffixes():
    """The suffixes that Pillow registers for `FORMATS`, sorted."""
    Image.init()
    formats = {*FORMATS, "MPO"}  # JPEG with extra pictures, from phones
    return tuple(sorted(suffix for suffix, kind in Image.registered_extensions().items()
                        if kind in formats))


def list_images(paths, flag="", writes=(), reads=(), makers=MAKERS):
    """All pictures among files and folders (searched recursively), in a stable order.

    Args:
        paths: files, with any suffix, and folders; links to folders are followed.
        flag: the start of an error, and of the line about pictures that are left out.
        writes: folders that the command writes to.
        reads: files and folders that it reads for another purpose, such as masks.
        makers: scripts whose files are left out in folders.

    Returns:
        A list of paths.

    Raises:
        UserError: a path does not exist, or no picture is found.
    """
    search = _Search(writes, reads, makers)
    paths, files = list(map(os.fsdecode, paths)), []
    for path in paths:
        if not os.path.exists(path):
            raise UserError(f"{flag}{path}: no such file or folder")
        # A shell expands `pics/*` to the masks too.
        if len(paths) > 1 and record.identity(path) in search.reads:
            search.leave_out(path, OTHERS)
        else:
            files += sorted(search.pictures(path)) if os.path.isdir(path) else [path]
    said = search.said()
    if not files:
        raise UserError(f"{flag}{', '.join(paths)}: no pictures found; " + (
            f"left out: {said}" if said else f"accepted suffixes: {', '.join(suffixes())}"))
    if said:
        messages.warn(f"{flag}{', '.join(paths[:3])}{', ...' if len(paths) > 3 else ''}",
                   f"left out: {said}")
    return files


def evenly_spaced(paths, count):
    """At most `count` of the paths, evenly spaced."""
    return [paths[i] for i in np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)]


def relative(path, root):
    """The part of a path after its folder `root`, which may end with a slash."""
    return path.removeprefix(root).lstrip("/")


CACHE_MARK = b"DCGANpix"  # the end of every cache's key, which identifies caches


def fingerprint(files, root, *settings):
    """A key of 32 bytes that depends on the names, sizes and times of the files and on the
    settings; it ends with `CACHE_MARK`."""
    digest = hashlib.sha256(repr(settings).encode())
    for path in files:
        try:
            status = os.stat(path)
            state = status.st_size, status.st_mtime_ns
        except OSError:
            state = None
        digest.update(os.fsencode(relative(path, root)) + repr(state).encode())
    return digest.digest()[:-len(CACHE_MARK)] + CACHE_MARK


class _Search:
    """Searches for pictures, and counts those that it leaves out, by reason."""

    def __init__(self, writes, reads, makers):
        self.makers = makers
        self.writes = {record.identity(path) for path in writes} - {None}
        self.reads = {record.identity(path) for path in reads} - {None}
        self.reads_files = any(os.path.isfile(path) for path in reads)
        self.left_out = collections.Counter()

    def leave_out(self, path, reason):
        """Count a file, or the pictures in a folder, as left out."""
        self.left_out[reason] += 1 if not os.path.isdir(path) else sum(
            _suffix(name) in suffixes() for _, _, names in os.walk(path) for name in names)

    def pictures(self, root):
        """Yield the pictures in a folder and its subfolders. Each real folder is searched once, so
        that circular links end."""
        seen = set()

        def skip(error):
            messages.warn(error.filename, f"{error.strerror}; skipped")

        for folder, subfolders, names in os.walk(root, onerror=skip, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:
                subfolders.clear()
                continue
            seen.add(real)
            for name in [*subfolders]:
                path = os.path.join(folder, name)
                if reason := self._reason_of_folder(path, name):
                    subfolders.remove(name)
                    self.leave_out(path, reason)
            records = self._records(folder, root)
            for name in names:
                path = os.path.join(folder, name)
                if self._is_picture(path, name, records):
                    yield path

    def _reason_of_folder(self, path, name):
        if name.startswith(".") or name.casefold() in SYSTEM_FOLDERS:
            return HIDDEN
        known = record.identity(path)
        return WRITTEN if known in self.writes else OTHERS if known in self.reads else None

    def _records(self, folder, root):
        """The records that decide whether files in a folder are results: those in `root` and its
        subfolders, and those of the folders that the command writes to."""
        root = os.path.abspath(root)
        return [each for each in record.above(os.path.join(folder, "file"))
                if os.path.commonpath([root, each.folder]) == root
                or record.identity(each.folder) in self.writes]

    def _is_picture(self, path, name, records):
        suffix = _suffix(name)
        if suffix not in suffixes():
            for advice, unread in UNREAD.items():
                self.left_out[f"{suffix}, which is not supported ({advice})"] += suffix in unread
            return False
        reason = None
        if name.startswith("."):
            reason = HIDDEN
        elif self.reads_files and record.identity(path) in self.reads:
            reason = OTHERS
        elif record.matches(path, [
                entry for each in records for entry in each.entries_of(path)
                if entry["by"] in self.makers]):
            reason = MADE
        self.left_out[reason] += 1
        return reason is None

    def said(self):
        """The message about pictures that are left out."""
        return "; ".join(f"{count} {reason}" for reason, count in self.left_out.items()
                         if count and reason)


def _suffix(name):
    return os.path.splitext(name)[1].lower()
