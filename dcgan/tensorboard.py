"""Writing TensorBoard's files: into which folder, and what happens if the disk fails."""

import contextlib
import itertools
import os

import tensorflow as tf
from tensorboard.plugins.hparams import summary_v2  # not `api`, which imports Keras

from dcgan import messages
from dcgan.files import naming
from dcgan.messages import first_line

_NO_CURVES = 256  # bytes; a file without events contains only its version, which is shorter


def write_hparams(settings, trial=None):
    """Write settings to the current summary writer, for TensorBoard's HParams page, which compares
    runs.

    Args:
        settings: `{name: value}`; None is left out, and all values but numbers become strings.
        trial: the run's name; None makes one from the settings.
    """
    summary_v2.hparams(
        {name: value if isinstance(value, (bool, int, float)) else naming.as_text(value)
         for name, value in settings.items() if value is not None}, trial)


def run_folder(log_dir):
    """The folder for a run's TensorBoard files: `log_dir`, or its new subfolder `run_02`, `run_03`,
    ... if `log_dir` has another run's files.

    TensorBoard treats the files of one folder as one run, and would join the curves of two runs.

    Args:
        log_dir: an existing folder.

    Returns:
        The path of an existing folder.
    """
    if not any("tfevents" in entry.name and entry.stat().st_size > _NO_CURVES
               for entry in os.scandir(log_dir)):
        return log_dir
    for number in itertools.count(2):
        folder = os.path.join(log_dir, f"run_{number:02d}")
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)
            print(f"--log_dir {log_dir} contains another run's curves; this run's are in {folder}")
            return folder


class Summaries:
    """TensorBoard's files in a folder. If the disk fails, some steps are missing from the files;
    the search or the training continues.

    Args:
        log_dir: the folder; it is created if it is missing.
    """

    def __init__(self, log_dir):
        self.log_dir = log_dir
        try:
            self.writer = tf.summary.create_file_writer(log_dir)
        except tf.errors.OpError as error:
            self.give_up(error)

    def write(self, step, write, *arguments):
        """Call `write(*arguments)`, which writes a step's summaries, unless the disk has failed."""
        if self.writer is None:
            return
        try:
            with self.writer.as_default(step=step):
                write(*arguments)
        except tf.errors.OpError as error:
            self.give_up(error)

    def close(self):
        """Write the remaining summaries to the disk."""
        try:
            if self.writer:
                self.writer.close()
        except tf.errors.OpError as error:
            self.give_up(error)

    def give_up(self, error):
        """Warn that the disk failed, and write no more summaries."""
        messages.warn(self.log_dir, f"TensorBoard's files cannot be written "
                                   f"({first_line(error)}); continuing without")
        self.writer = None
