"""The pictures of a training: which, in what order, and decoded once.

An epoch's order is a function of the seed and the epoch, and every batch takes up fixed places in
it, so that a training that starts again, and every worker of a cluster, knows its share without
asking.
"""

import errno
import functools
import hashlib
import os
import shutil
import threading
import zlib

import numpy as np
import tensorflow as tf

import utils
from files import notices, ownership, writing
from files.errors import UserError


def relative(path, root):
    """A path below a folder that was found in it, whether or not that ends in a slash."""
    return path.removeprefix(root).lstrip("/")


_MARK = b"DCGANpix"  # at the end of a cache's key, by which a cache is known


def fingerprint(files, root, *settings):
    """32 bytes that change with the names, sizes and times of the files, or with the settings, and
    end in a mark by which a cache is known."""
    digest = hashlib.sha256(repr(settings).encode())
    for path in files:
        try:
            status = os.stat(path)
            state = status.st_size, status.st_mtime_ns
        except OSError:
            state = None
        digest.update(os.fsencode(relative(path, root)) + repr(state).encode())
    return digest.digest()[:-len(_MARK)] + _MARK


def is_cache(path):
    """Whether a file is a cache of this program's, which may be made anew."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        if file.read(32).endswith(_MARK):
            return True
    # Nor is any other result a cache.
    return ownership.is_ours(path) and all(
        entry["by"] in (None, "train-dcgan.py") for entry in ownership.entries_of(path))


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
                raise FileExistsError(errno.EEXIST, "is there, and not a cache of this program's")
            free = shutil.disk_usage(os.path.dirname(path) or ".").free
            if length > free:  # it would take what the checkpoints need
                raise OSError(errno.ENOSPC, f"would take {length:,} bytes, and {free:,} are free")

            def write(temporary):
                with open(temporary, "wb") as file:
                    file.write(key)
                    file.truncate(length)  # sparse: it takes up what is written into it

            writing.write_whole(path, write, recorded=False)
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
            notices.warn(self.file.name, f"{error.strerror}; pictures that are not in it will be "
                                         "decoded again in each epoch")

    def _place(self, index):
        return self.offset + index * (self.size + 4)


class Pictures:
    """A dataset in the order of its epochs.

    A picture that cannot be read is named once, and the next in the order takes its place.

    Args:
        files: their paths.
        root: the dataset's folder or file.
        size, c_dim, crop: as `utils.read_image` takes them.
        seed: fixes each epoch's order, and which pictures are mirrored in it.
        cache: path of the file that keeps them decoded, or None; training goes without one that
            cannot be made.
        flip: mirror half of each epoch's pictures, left for right.
    """

    def __init__(self, files, root, size, c_dim, crop, seed=0, cache=None, flip=False):
        self.files, self.root, self.seed, self.flip = files, root, seed, flip
        self.shape, self.crop = (size, size, c_dim), crop
        self.names = hashlib.sha256(os.fsencode("\0".join(
            relative(path, root) for path in files))).hexdigest()
        self.unreadable = {}
        self.failure = None  # a UserError, of the thread that reads
        self.cache = None
        if cache:
            try:
                key = fingerprint(files, root, size, c_dim, crop)
                self.cache = Cache(cache, key, len(files), self.shape)
            except (OSError, UserError) as error:
                reason = getattr(error, "strerror", error)
                notices.warn(cache, f"{reason}; each epoch decodes the pictures again")

    def __len__(self):
        return len(self.files)

    def place(self, steps, epoch, position, batch_size):
        """Where the order stands so many batches behind a place in it; an epoch's last pictures,
        which do not fill a batch, are left out.

        Args:
            steps: how many batches.
            epoch, position: the place: pictures of that epoch's order that were used.
            batch_size: at most the number of pictures.

        Returns:
            `(epoch, position)`.
        """
        rest = max(0, len(self) - position) // batch_size
        if steps < rest:
            return epoch, position + steps * batch_size
        epochs, steps = divmod(steps - rest, len(self) // batch_size)
        return epoch + 1 + epochs, steps * batch_size

    def steps_until(self, end, epoch, position, batch_size):
        """How many batches there are from a place to the end of the epochs."""
        if epoch >= end:
            return 0
        per_epoch = len(self) // batch_size
        return (max(0, len(self) - position) // batch_size) + (end - epoch - 1) * per_epoch

    @functools.lru_cache(2)  # noqa: B019  (one lives as long as its training)
    def order(self, epoch):
        """The permutation of an epoch."""
        return np.random.default_rng((self.seed, epoch)).permutation(len(self))

    @functools.lru_cache(2)  # noqa: B019
    def mirrored(self, epoch):
        """`[len(self)]` bool: which places of an epoch show their picture mirrored."""
        return np.random.default_rng((self.seed, epoch, 1)).random(len(self)) < 0.5

    def training_picture(self, epoch, position):
        """What `read` returns, mirrored at half of the places if `flip`."""
        picture = self.read(epoch, position)
        return picture[:, ::-1] if self.flip and self.mirrored(epoch)[position] else picture

    def read(self, epoch, position):
        """The picture at a place, or the next that can be read: `[size, size, c_dim]` uint8."""
        order = self.order(epoch)
        for number in range(position, position + len(order)):
            index = order[number % len(order)]
            if index in self.unreadable:
                continue
            picture = self._picture(index)
            if picture is not None:
                return picture
        self.failure = UserError(
            f"--dataset {self.root}: none of the {len(self)} images can be read")
        return np.zeros(self.shape, np.uint8)

    def _picture(self, index):
        """From the cache or the file; None, and at the first time a warning, if unreadable."""
        picture = self.cache and self.cache.get(index)
        if picture is None:
            path, (size, _, c_dim) = self.files[index], self.shape
            picture, reason = notices.attempt(
                lambda: utils.read_image(path, size, c_dim, self.crop))
            if picture is None:
                mine = object()  # of the threads that try, one warns
                if self.unreadable.setdefault(index, mine) is mine:
                    notices.warn(path, f"{reason}; skipped")
            elif self.cache:
                self.cache.put(index, picture)
        return picture

    def batches(self, epoch, position, batch_size, rank=0, local=1, workers=1):
        """An endless dataset of training images, read ahead of their use in parallel.

        Args:
            epoch, position: the place where it begins.
            batch_size: of all replicas together.
            rank, workers: which of the cluster's workers this is, and of how many.
            local: replicas of this worker, which take the elements in turn.

        Returns:
            `tf.data.Dataset` of `[batch_size / replicas, size, size, c_dim]` float32 in [-1, 1].
        """
        share = batch_size // (local * workers)

        def load(element):
            steps, replica = divmod(int(element), local)
            now, start = self.place(steps, epoch, position, batch_size)
            start += (rank * local + replica) * share
            return np.stack([self.training_picture(now, start + i) for i in range(share)])

        @tf.autograph.experimental.do_not_convert
        def loaded(element):
            batch = tf.numpy_function(load, [element], tf.uint8, stateful=False)
            return tf.cast(tf.ensure_shape(batch, [share, *self.shape]), tf.float32) / 127.5 - 1

        # As many batches are ahead as threads read: not as many as a large machine has cores.
        threads = min(8, os.cpu_count())
        # Fixed numbers instead of AUTOTUNE, whose thread sleeps up to a minute between looks at
        # the pipeline and is waited for at its end.
        options = tf.data.Options()
        options.autotune.enabled = False
        # The decoding must not wait for the one thread that --deterministic leaves to TensorFlow.
        options.threading.private_threadpool_size = threads
        return (tf.data.Dataset.counter().with_options(options)
                .map(loaded, num_parallel_calls=threads, deterministic=True)
                .prefetch(2))
