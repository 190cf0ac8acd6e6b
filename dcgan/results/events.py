"""TensorBoard's files of completions: pictures of the search, its losses, and quality."""

import functools
import os

import numpy as np
import tensorflow as tf

from dcgan import metrics
from dcgan.files import naming, writing
from dcgan.pictures import drawing
from dcgan.results import tables
from dcgan.tensorboard import Summaries, run_folder, write_hparams

TRACKED = 16  # pictures of a batch that have their own curves
# Descriptions of the measures in the hole.
MEASURES = {"psnr": "Peak signal-to-noise ratio in the hole, in dB; higher is better.",
            "ssim": "Structural similarity over the hole, at most 1; higher is better.",
            "l1": "Mean absolute difference in the hole, from 0 to 1; lower is better."}


class CompletionEvents:
    """TensorBoard's files of a run. Each batch has its own folder, named like that of its results;
    TensorBoard treats batches as runs and shows them in the same charts.

    Args:
        settings: the `CompletionSettings`, with `log_dir`.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, settings):
        self.settings, self.summaries = settings, None
        writing.make_folder(settings.log_dir, flag="--log_dir ")
        self.folder = run_folder(settings.log_dir)

    def begin(self, frames, subfolder, masked):
        """Start the files of a batch of `Frame`s; `masked` `[B, S, S, C]` uint8 are the frames with
        their holes."""
        self.close()
        self.frames = frames
        self.summaries = Summaries(os.path.normpath(os.path.join(self.folder, subfolder)))
        self.summaries.write(0, functools.partial(
            tf.summary.image, description="The pictures and their holes, before the search."),
                             "masked", drawing.grid(masked)[np.newaxis])
        self.summaries.write(0, write_hparams, tables.recorded(self.settings))

    def iterations(self, rows, first, losses):
        """Write the losses `[n, R]` of the searches in `rows`, which start at iteration `first`,
        every `outInterval` iterations."""
        interval = self.settings.outInterval
        for k in range(-first % interval, len(losses), interval):
            self.summaries.write(first + k, self._write_losses, rows, losses[k])

    def _write_losses(self, rows, losses):
        count = self.settings.nCandidates
        for row, loss in zip(rows, losses):
            if row // count < TRACKED:
                candidate = f"_{row % count}" if row % count else ""
                name = naming.as_text(self.frames[row // count].name)
                tf.summary.scalar(f"loss/{name}{candidate}", loss)

    def pictures(self, i, losses, completed):
        """Write the batch after i iterations: its picture, and each measure's mean and its value
        for each picture.

        Args:
            i: the number of iterations.
            losses: `[B, K]`, of all candidates.
            completed: `[B, S, S, C]` uint8.
        """
        self.summaries.write(i, self._write_pictures, losses, completed)

    def _write_pictures(self, losses, completed):
        measured = [metrics.measure(*each) for each in zip(self.frames, completed)]
        tf.summary.image("completed", drawing.grid(completed)[np.newaxis],
                         description="The pictures with their holes filled.")
        if np.isfinite(losses).all():
            _write_values("loss", losses.min(axis=1), "The lowest loss of each picture so far.")
        for name, what in MEASURES.items():
            values = [each[name] for each in measured if each]
            if values:
                _write_values(name, values, what)
            for frame, each in zip(self.frames[:TRACKED], measured):
                if each:
                    tf.summary.scalar(f"{name}/{naming.as_text(frame.name)}", each[name])

    def close(self):
        """Close the files of the current batch, if there are any."""
        if self.summaries:
            self.summaries.close()


def _write_values(name, values, what):
    """Write the mean and the histogram of the pictures' values."""
    tf.summary.scalar(name, np.mean(values),
                      description=f"{what} The mean over all pictures.")
    tf.summary.histogram(f"pictures/{name}", values, description=what)
