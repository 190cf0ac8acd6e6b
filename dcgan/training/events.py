"""The curves for TensorBoard and the grids of samples that a training writes."""

import functools
import os
import struct

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from dcgan import messages
from dcgan.messages import UserError
from dcgan.networks.graph import graph
from dcgan.pictures import drawing
from dcgan.settings import names_of
from dcgan.tensorboard import Summaries, write_hparams
from dcgan.training.recipe import Recipe
from dcgan.training.run_json import record_run
from dcgan.training.settings import Data, Sizes, Steps

SAMPLE_COUNT = 64
# The descriptions of TensorBoard's curves. The original's curves keep their tags.
SCALARS = {
    "d_loss": "D's loss, in nats: d_loss_real + d_loss_fake; 1.39 if D only guesses.",
    "d_loss_real": "Mean of -log D(x) over the batch's real images, in nats.",
    "d_loss_fake": "Mean of -log(1 - D(G(z))) over the batch, in nats.",
    "g_loss": "G's loss in its second update: mean of -log D(G(z)) over the batch, in nats.",
    "accuracy/real": "Share of the batch's real images that D calls real.",
    "accuracy/fake": "Share of the batch's generated images that D calls generated.",
    "r1": "The penalty of --r1, before it is multiplied by GAMMA: half the mean squared length of "
          "D's gradient at the batch's real images.",
    "images_per_second": "Real images that the training processes per second."}
HISTOGRAMS = {
    "z": "The z of the step, uniform from -1 to 1.",
    "d": "D's probability that each real image is real.",
    "d_": "D's probability that each generated image is real."}
# The flags of a training by which TensorBoard compares runs.
HPARAMS = {*names_of(Data, Steps, Recipe, Sizes), "sync_batch_norm", "precision", "init"} - {
    "cache", "crop", "epoch", "max_steps"}


class TrainingEvents(Summaries):
    """TensorBoard's files of a training that continues after a step.

    Later steps are deleted from the run's earlier files, because the training repeats these steps
    and would write them twice. Files of other runs are not changed.

    Args:
        log_dir: the folder.
        run: the run's id.
        step: the last finished step.
    """

    def __init__(self, log_dir, run, step):
        self.log_dir, self.run = log_dir, run
        if not step and any("tfevents" in name and not name.endswith(f".{run}")
                            for name in os.listdir(log_dir)):
            messages.warn(log_dir, "contains another training's curves, which TensorBoard will mix "
                                  "with these; choose another --log_dir to separate them")
        try:
            self._open(step)
        except (tf.errors.OpError, OSError) as error:
            self.give_up(error)

    def _open(self, step):
        for name in sorted(os.listdir(self.log_dir)):
            if "tfevents" in name and name.endswith(f".{self.run}"):
                _cut(os.path.join(self.log_dir, name), step)
        self.writer = tf.summary.create_file_writer(
            self.log_dir, filename_suffix=f".{self.run}")

    def flush(self, step):
        """Write the steps so far to the disk. If it failed before, open a new file."""
        try:
            if self.writer is None:
                self._open(step)
            self.writer.flush()
        except (tf.errors.OpError, OSError) as error:
            self.give_up(error)


def _cut(path, step):
    """Delete the events of later steps from the end of a file, and an incomplete event.

    A record is its length, a checksum of four bytes, an `Event`, and another such checksum; the
    steps in one file never decrease.
    """
    with open(path, "r+b") as file:
        size, end = os.fstat(file.fileno()).st_size, 0
        while len(head := file.read(12)) == 12:
            (length,) = struct.unpack("<Q", head[:8])
            if not length or end + length + 16 > size:
                break
            try:
                event = tf.compat.v1.Event.FromString(file.read(length + 4)[:-4])
            except DecodeError:
                break
            # A run that starts from scratch keeps only the first event, the file's version.
            if event.step > step or (step == 0 and end > 0):
                break
            end += length + 16
        file.truncate(end)


def begin_record(model, settings, pictures, workers):
    """Write `run.json`; returns the `TrainingEvents` from the network's current step.

    Args:
        model: the `DCGAN`.
        settings: the `TrainingSettings`.
        pictures: the `Pictures`.
        workers: number of the cluster's workers.
    """
    step = int(model.progress["step"])
    run = record_run(settings, pictures, step, workers=workers,
                     replicas=model.strategy.num_replicas_in_sync)
    events = TrainingEvents(settings.log_dir, run, step)
    flags = settings.flags() | model.architecture.sizes()
    # Lists instead of tuples, as in run.json: TensorBoard compares them with earlier versions'.
    hparams = {name: list(flags[name]) if isinstance(flags[name], tuple) else flags[name]
               for name in HPARAMS}
    events.write(step, write_hparams, hparams, run)
    if step == 0:
        events.write(0, tf.summary.graph, graph(type(model), model.architecture))
    return events


def summarise(result, histograms):
    """Write the scalars of a step, and its histograms if they are due, under the original tags."""
    # One operation for all scalars: an operation for each took a third of a step on a GPU.
    scalars = [scalar_pb(tag, float(result[tag]), description)
               for tag, description in SCALARS.items() if tag in result]
    for one in scalars[1:]:
        scalars[0].MergeFrom(one)
    tf.summary.experimental.write_raw_pb(scalars[0].SerializeToString())
    if histograms:
        for tag, description in HISTOGRAMS.items():
            tf.summary.histogram(tag, result[tag], description=description)


def write_samples(model, folder, events, epoch, index):
    """Write a grid of images that G generates from the same z every time: a PNG, and TensorBoard's
    image `G`."""
    G = model.generator(model.initial_z(range(SAMPLE_COUNT)))
    grid = drawing.grid(drawing.to_uint8(G))
    events.write(int(model.progress["step"]), functools.partial(
        tf.summary.image, description="Images that G generates, always from the same 64 z."),
                 "G", grid[np.newaxis])
    try:
        drawing.save_image(os.path.join(folder, f"train_{epoch:02d}_{index:04d}.png"), grid)
    except UserError as error:
        messages.warn(None, f"{error}; training continues")
