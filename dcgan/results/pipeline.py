"""Completes pictures, from their files to the result files: the work of complete.py."""

import contextlib
import itertools

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from dcgan.checkpoints import finding
from dcgan.files import locking, writing
from dcgan.inpainting.photos import Framer
from dcgan.inpainting.search import CompletionBatch, Searcher, require_memory
from dcgan.machine.signals import deferred_stop
from dcgan.messages import UserError
from dcgan.results import outputs
from dcgan.results.tables import read_latents
from dcgan.results.writer import Results
from dcgan.settings import SettingError


def complete_pictures(model, settings):
    """Complete damaged pictures and write the files that `results.writer.Results` names.

    Args:
        model: a `DCGAN`, set up by the settings.
        settings: the `CompletionSettings`.

    Raises:
        UserError: no picture of `imgs` can be completed, another completion writes to `outDir`, or
            a result cannot be written; all other results are written.
        Stopped: a signal stopped the search; the best results so far are written.
    """
    files = outputs.read_pictures(settings)
    framer = Framer(settings, files, model.image_size, model.c_dim, settings.seed,
                    [settings.outDir], model.margin)
    outputs.require_free(settings, files, framer.names, finding.files_of(settings.checkpointDir))
    frames = framer.frames()
    first = list(_shown(itertools.islice(frames, model.batch_size), model.batch_size))
    if not first:
        raise UserError(f"no picture could be completed ({len(files)} tried); see the warnings "
                        "above")
    try:
        require_memory(model, settings, len(first))
    except SettingError as error:
        raise UserError(error.as_flag) from error
    batches = itertools.chain([first], batched(frames, model.batch_size))
    writing.make_folder(settings.outDir, flag="--outDir ", by="complete.py")
    with (locking.locked(settings.outDir, "--outDir ", "complete.py"),
          naming_shortage(settings)):
        _complete(model, settings, files, framer, batches)


@contextlib.contextmanager
def naming_shortage(settings):
    """Turn a lack of memory into a UserError; pictures completed before are written."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        flag = ("nCandidates" if settings.nCandidates > 1 else "batchSize"
                if settings.nInit == 1 else "nInit")
        raise UserError(
            f"--{flag} {getattr(settings, flag)}: not enough memory; choose a smaller number. "
            f"Finished pictures are in {settings.outDir}") from error


def _shown(frames, count):
    """Yield the frames; a progress bar appears if that takes more than a second."""
    with tqdm(total=count, desc="reading", unit="frame", dynamic_ncols=True, delay=1,
              leave=False) as bar:
        for frame in frames:
            yield frame
            bar.update()


def _complete(model, settings, files, framer, batches):
    """Complete batches of `Frame`s of the files."""
    results = Results(settings, framer, model.z_dim, model.lowres)
    saved = read_latents(settings.init)[0] if settings.init else None
    searcher = Searcher(model, settings, len(files), saved, settings.init)
    n_batches, done = -(-len(files) // model.batch_size), 0
    with deferred_stop() as stop, results, tqdm(
            total=n_batches * settings.iterations, unit="it", dynamic_ncols=True) as bar:
        results.bar, results.stop = bar, stop
        for number, frames in enumerate(batches):
            if stop.is_set():
                break
            bar.set_description(f"batch {number + 1}/{max(n_batches, number + 1)}")
            batch = batch_of(model, frames, settings)
            results.begin(batch, frames, number, done)
            results.end(searcher.run(batch, results))
            done += len(frames)
    print(f"{done} completed: {results.summary()}")
    stop.raise_if_set()
    results.raise_if_failed()


def batch_of(model, frames, settings):
    """The `CompletionBatch` of `Frame`s for a `DCGAN` and the `CompletionSettings`."""
    return CompletionBatch.from_images(
        np.stack([frame.image for frame in frames]), np.stack([frame.mask for frame in frames]),
        settings, settings.maskType == "lowres" and not settings.own_mask,
        [frame.name for frame in frames], model)


def batched(items, count):
    """Yield lists of `count` items; the last list may be shorter."""
    items = iter(items)
    return iter(lambda: list(itertools.islice(items, count)), [])
