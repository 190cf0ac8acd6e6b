"""What a training shows while it goes on: TensorBoard's curves and the grids of samples."""

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
# What TensorBoard shows, under the original's tags where it had one.
SCALARS = {
    "d_loss": "D's loss, in nats: d_loss_real + d_loss_fake; 1.39 if D only guesses.",
    "d_loss_real": "Mean of -log D(x) over the batch's real images, in nats.",
    "d_loss_fake": "Mean of -log(1 - D(G(z))) over the batch, in nats.",
    "g_loss": "G's loss in the second of its updates: mean of -log D(G(z)), in nats.",
    "accuracy/real": "Share of the batch's real images that D calls real.",
    "accuracy/fake": "Share of the batch's generated images that D calls generated.",
    "r1": "Half the mean squared length of D's gradient at the batch's real images, of --r1.",
    "images_per_second": "Real images that training takes in a second."}
HISTOGRAMS = {
    "z": "The latents of the step, uniform from -1 to 1.",
    "d": "D of the real images: how likely it thinks each of them real.",
    "d_": "D of the generated images: how likely it thinks each of them real."}
# The flags of a training by which TensorBoard compares runs.
HPARAMS = {*names_of(Data, Steps, Recipe, Sizes), "sync_batch_norm", "precision", "init"} - {
    "cache", "crop", "epoch", "max_steps"}


class TrainingEvents(Summaries):
    """TensorBoard's files of a training, which go on behind a step.

    What the run's earlier files have of later steps is cut off, so that no step is there twice:
    they are written again. Files of other runs are left alone.

    Args:
        log_dir: the folder.
        run: the run's id.
        step: where training stands.
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
        """See that the steps so far are on the disk, or try again, if it has failed before."""
        try:
            if self.writer is None:
                self._open(step)
            self.writer.flush()
        except (tf.errors.OpError, OSError) as error:
            self.give_up(error)


def _cut(path, step):
    """Cut a file of events off before the first that is of a later step, or torn.

    A record is its length, two checksums of four bytes, and between them an `Event`; the steps of
    one writer never fall.
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
            # Of a run that starts over nothing is kept but the file's version, the first event.
            if event.step > step or (step == 0 and end > 0):
                break
            end += length + 16
        file.truncate(end)


def begin_record(model, settings, pictures, workers):
    """Write `run.json`, and return the `TrainingEvents` that go on where training stands.

    Args:
        model: the `DCGAN`.
        settings: the `TrainingSettings`.
        pictures: the `Pictures`.
        workers: of the cluster.
    """
    step = int(model.progress["step"])
    run = record_run(settings, pictures, step, workers=workers,
                     replicas=model.strategy.num_replicas_in_sync)
    events = TrainingEvents(settings.log_dir, run, step)
    flags = settings.flags() | model.architecture.sizes()
    # Lists, as run.json has them, so that TensorBoard finds those of earlier versions equal.
    hparams = {name: list(flags[name]) if isinstance(flags[name], tuple) else flags[name]
               for name in HPARAMS}
    events.write(step, write_hparams, hparams, run)
    if step == 0:
        events.write(0, tf.summary.graph, graph(type(model), model.architecture))
    return events


def summarise(result, histograms):
    """Write the scalars of a step, and its histograms if they are due, under the original tags."""
    # One operation for all of them: a third of a step on a GPU went into one each.
    scalars = [scalar_pb(tag, float(result[tag]), description)
               for tag, description in SCALARS.items() if tag in result]
    for one in scalars[1:]:
        scalars[0].MergeFrom(one)
    tf.summary.experimental.write_raw_pb(scalars[0].SerializeToString())
    if histograms:
        for tag, description in HISTOGRAMS.items():
            tf.summary.histogram(tag, result[tag], description=description)


def write_samples(model, folder, events, epoch, index):
    """G of the same z as ever as one grid: a PNG, and TensorBoard's image `G`."""
    G = model.generator(model.initial_z(range(SAMPLE_COUNT)))
    grid = drawing.grid(drawing.to_uint8(G))
    events.write(int(model.progress["step"]), functools.partial(
        tf.summary.image, description="G of the same 64 z during the training."),
                 "G", grid[np.newaxis])
    try:
        drawing.save_image(os.path.join(folder, f"train_{epoch:02d}_{index:04d}.png"), grid)
    except UserError as error:
        messages.warn(None, f"{error}; training continues")
