"""TensorBoard's files: whose folder they go to, and a disk that fails."""

import contextlib
import itertools
import os

import tensorflow as tf
from tensorboard.plugins.hparams import summary_v2  # not `api`, which imports Keras

from dcgan import messages
from dcgan.files import naming
from dcgan.messages import first_line

_NO_CURVES = 256  # bytes: a file of events begins with its version, in fewer


def write_hparams(settings, trial=None):
    """Write settings for TensorBoard's HParams page, where runs are compared, to the present
    summary writer.

    Args:
        settings: `{name: value}`; what is None is left out, and what is no number is text.
        trial: the run's name; None makes one of the settings.
    """
    summary_v2.hparams(
        {name: value if isinstance(value, (bool, int, float)) else naming.as_text(value)
         for name, value in settings.items() if value is not None}, trial)


def run_folder(log_dir):
    """Where a run's files for TensorBoard go: the folder, or if a run's are in there, `run_02`, ...

    TensorBoard takes the files of one folder for one run, and draws the curves of two as one.

    Args:
        log_dir: a folder that is there.

    Returns:
        The path of a folder; it is there.
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
    """TensorBoard's files in a folder. A disk that fails costs them some steps, and the work that
    they show nothing.

    Args:
        log_dir: the folder; it is made if need be.
    """

    def __init__(self, log_dir):
        self.log_dir = log_dir
        try:
            self.writer = tf.summary.create_file_writer(log_dir)
        except tf.errors.OpError as error:
            self.give_up(error)

    def write(self, step, write, *arguments):
        """Call `write(*arguments)`, which writes summaries of the step, unless the disk failed."""
        if self.writer is None:
            return
        try:
            with self.writer.as_default(step=step):
                write(*arguments)
        except tf.errors.OpError as error:
            self.give_up(error)

    def close(self):
        """Put the rest on the disk."""
        try:
            if self.writer:
                self.writer.close()
        except tf.errors.OpError as error:
            self.give_up(error)

    def give_up(self, error):
        """Say that the disk failed, and write no more."""
        messages.warn(self.log_dir, f"TensorBoard's files cannot be written "
                                   f"({first_line(error)}); continuing without")
        self.writer = None
