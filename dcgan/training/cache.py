"""Decoded pictures in a file, so that each is decoded once."""

import errno
import os
import shutil
import threading
import zlib

import numpy as np

from dcgan import messages
from dcgan.files import record, writing
from dcgan.files.listing import CACHE_MARK


def is_cache(path):
    """Whether a file is a cache of this program's, which may be made anew."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        if file.read(32).endswith(CACHE_MARK):
            return True
    # Nor is any other result a cache.
    return record.is_ours(path) and all(
        entry["by"] in (None, "train-dcgan.py") for entry in record.entries_of(path))


class Cache:
    """Decoded pictures in one file: a key, and for each picture its bytes and their CRC-32.

    Nothing in it is trusted: another key or length makes the file anew, and a picture whose
    checksum is wrong, or that was never written, is absent. It is read with `pread`, because
    mapped pages would count as this process's memory.

    Args:
        path: the file. A new one replaces it, so that a process that reads it is not disturbed.
        key: 32 bytes, as `fingerprint` makes them.
        count: how many pictures there are.
        shape: of each, `(size, size, c_dim)`.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path, key, count, shape):
        self.shape, self.size = shape, int(np.prod(shape))
        self.failed = threading.Lock()  # taken by the thread that sees the disk fail first
        self.offset = len(key)
        length = self.offset + count * (self.size + 4)
        try:
            self.file = open(path, "r+b", buffering=0)
            usable = self.file.read(self.offset) == key and os.fstat(
                self.file.fileno()).st_size == length
        except FileNotFoundError:
            usable = False
        if not usable:
            if os.path.lexists(path) and not is_cache(path):
                raise FileExistsError(errno.EEXIST, "already exists and is not a cache")
            free = shutil.disk_usage(os.path.dirname(path) or ".").free
            if length > free:  # it would take what the checkpoints need
                raise OSError(errno.ENOSPC, f"needs {length:,} bytes, but {free:,} are free")
            with writing.whole(path, recorded=False) as temporary, open(temporary, "wb") as file:
                file.write(key)
                file.truncate(length)  # sparse: it takes up what is written into it
            self.file = open(path, "r+b", buffering=0)

    def get(self, index):
        """Picture number `index`, uint8, or None if it is absent."""
        try:
            data = os.pread(self.file.fileno(), self.size + 4, self._place(index))
        except OSError as error:
            self._give_up(error)
            return None
        picture, checksum = data[:self.size], data[self.size:]
        # All zeros, as where nothing was written, have another checksum than 0.
        if len(picture) < self.size or zlib.crc32(picture).to_bytes(4, "little") != checksum:
            return None
        return np.frombuffer(picture, np.uint8).reshape(self.shape)

    def put(self, index, picture):
        """Keep a picture; where the disk is full, say so once and keep no more."""
        if self.failed.locked():
            return
        data = picture.tobytes()
        try:
            os.pwrite(self.file.fileno(), data + zlib.crc32(data).to_bytes(4, "little"),
                      self._place(index))
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error):
        if self.failed.acquire(blocking=False):
            messages.warn(self.file.name, f"{error.strerror}; pictures that it does not contain "
                                         "are decoded again in each epoch")

    def _place(self, index):
        return self.offset + index * (self.size + 4)
