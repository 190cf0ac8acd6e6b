"""The pictures of a training: which, in what order, and decoded once.

An epoch's order is a function of the seed and the epoch, and every batch takes up fixed places in
it, so that a training that starts again, and every worker of a cluster, knows its share without
asking.
"""

import functools
import hashlib
import os

import numpy as np
import tensorflow as tf

from dcgan import messages
from dcgan.files.listing import fingerprint, relative
from dcgan.machine import cpu
from dcgan.messages import UserError
from dcgan.pictures import reading
from dcgan.training.cache import Cache


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
                key = fingerprint(files, root, size, c_dim, crop, reading.RULES)
                self.cache = Cache(cache, key, len(files), self.shape)
            except (OSError, UserError) as error:
                reason = getattr(error, "strerror", error)
                messages.warn(cache, f"{reason}; each epoch decodes the pictures again")

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
            f"--dataset {self.root}: none of its {len(self)} pictures can be read; see the "
            "warnings above")
        return np.zeros(self.shape, np.uint8)

    def _picture(self, index):
        """From the cache or the file; None, and at the first time a warning, if unreadable."""
        picture = self.cache and self.cache.get(index)
        if picture is None:
            path, (size, _, c_dim) = self.files[index], self.shape
            picture, reason = messages.attempt(
                lambda: reading.read_image(path, size, c_dim, self.crop))
            if picture is None:
                mine = object()  # of the threads that try, one warns
                if self.unreadable.setdefault(index, mine) is mine:
                    messages.warn(path, f"{reason}; skipped")
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
        threads = min(8, cpu.usable())
        # Fixed numbers instead of AUTOTUNE, whose thread sleeps up to a minute between looks at
        # the pipeline and is waited for at its end.
        options = tf.data.Options()
        options.autotune.enabled = False
        # The decoding must not wait for the one thread that --deterministic leaves to TensorFlow.
        options.threading.private_threadpool_size = threads
        return (tf.data.Dataset.counter().with_options(options)
                .map(loaded, num_parallel_calls=threads, deterministic=True)
                .prefetch(2))
