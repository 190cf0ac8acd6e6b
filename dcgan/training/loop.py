"""The training: from the newest whole checkpoint on, step by step, until its end or a signal."""

import contextlib
import os
import signal
import time

import tensorflow as tf
from tqdm import tqdm

from dcgan import messages
from dcgan.checkpoints import finding, tracking
from dcgan.files import locking, writing
from dcgan.machine.signals import deferred_stop
from dcgan.messages import UserError
from dcgan.settings import part
from dcgan.training import cluster, events, outputs, starting, steps
from dcgan.training.dataset import Pictures
from dcgan.training.recipe import Recipe
from dcgan.training.validation import HeldOut


class Diverged(UserError):
    """A loss or a weight that is not finite."""


class Training:
    """A training of a DCGAN on a folder of images.

    Of a cluster, each worker has one; only the first, the chief, writes anything but caches.

    Args:
        model: the `DCGAN`.
        settings: the `TrainingSettings`.
    """

    def __init__(self, model, settings):
        self.model, self.settings = model, settings
        self.worker, self.workers = cluster.worker_of(model.strategy)
        self.chief = self.worker == 0
        self.pictures = self.heldout = self.events = None

    def run(self):
        """Train until the end of the epochs, or `max_steps`.

        Raises:
            ValueError: the model is not made for the settings.
            UserError: no readable image, no whole checkpoint among those there are, a folder that
                cannot be written, a loss that is not finite, or a worker that is gone.
            Stopped: a signal asked to, and a checkpoint is written.
        """
        settings = self.settings
        starting.require_made_for(self.model, settings)
        self.model.recipe = part(settings, Recipe)
        self.model.sync_batch_norm = settings.sync_batch_norm
        if self.chief:
            outputs.adopt(settings)
        files = outputs.read_pictures(settings)[:settings.train_size]
        self._fit_batch_to(len(files))
        if self.chief:
            outputs.require_free(settings, files)
            for flag in ("checkpoint_dir", "sample_dir", "log_dir"):
                writing.make_folder(getattr(settings, flag), flag=f"--{flag} ",
                                    by="train-dcgan.py" if flag != "log_dir" else None)
        lock = (locking.locked(settings.checkpoint_dir, "--checkpoint_dir ", "train-dcgan.py",
                               ".lock") if self.chief else contextlib.nullcontext())
        with lock, deferred_stop() as stop:
            self._prepare(files)
            left = self._steps_left()
            if left:
                if self.chief:
                    self.events = events.begin_record(
                        self.model, settings, self.pictures, self.workers)
                self._train(left, stop)
            if self.chief:
                self._end()
            if self.pictures.failure:
                raise self.pictures.failure
        stop.raise_if_set()

    def _fit_batch_to(self, count):
        """Make the batch smaller where there are fewer images than it takes, and say so."""
        model, dataset = self.model, self.settings.dataset
        replicas = model.strategy.num_replicas_in_sync
        if count < replicas:
            raise UserError(f"--dataset {dataset}: {count} pictures are too few for {replicas} "
                            "devices, which need one each; add pictures, or train on one device "
                            "with --strategy none")
        if count < model.batch_size:
            fits = count // replicas * replicas
            messages.warn(dataset, f"{count} pictures are fewer than a batch of "
                                  f"{model.batch_size}; training with batches of {fits}")
            model.batch_size = fits

    def _prepare(self, files):
        """The pictures, the optimizers, the held-out pictures, and where training stands."""
        model, settings = self.model, self.settings
        self.pictures = Pictures(
            files, settings.dataset, model.image_size, model.c_dim, settings.crop, model.seed,
            settings.cache and settings.cache + f".{self.worker}" * (self.worker > 0),
            settings.flip)
        model.make_optimizers(settings.learning_rate, settings.beta1, settings.ema)
        if self.chief and settings.validation:
            self.heldout = HeldOut(settings, model, files)
        if self.chief:
            starting.load(model, settings)
        if self.workers > 1:
            cluster.require_agreement(model.strategy, self.pictures.names)
            starting.take_state_of_chief(model)

    def _progress(self):
        return (int(self.model.progress[k]) for k in ("step", "epoch", "position"))

    def _steps_left(self):
        """Steps until the end of the epochs, or `max_steps`."""
        step, epoch, position = self._progress()
        settings = self.settings
        left = self.pictures.steps_until(settings.epoch, epoch, position, self.model.batch_size)
        return left if settings.max_steps is None else max(0, min(left, settings.max_steps - step))

    def _train(self, left, stop):
        """So many steps, or until `stop` is set on any worker."""
        model, settings, pictures = self.model, self.settings, self.pictures
        step, *start = self._progress()
        train_step, end, batches = steps.make_train_step(model), step + left, self._batches(start)
        before = self.saved = time.monotonic()
        with tqdm(total=left, unit="step", dynamic_ncols=True, delay=1,
                  disable=not self.chief) as bar:
            for done in range(1, left + 1):
                images, z = next(batches), steps.z_of_step(model, step)
                if pictures.failure:
                    break
                result = train_step(images, z, tf.constant(float(stop.is_set())),
                                    *steps.of_recipe(model, settings.learning_rate, step, end))
                place = self._count(done, start, result)
                step += 1
                # Of several workers, all have to stop behind the same step.
                if result["stop"] > 0 and not stop.is_set():
                    stop.signum = signal.SIGTERM
                ends = (done == left or result["stop"] > 0
                        or (self.workers == 1 and stop.is_set()))
                now = time.monotonic()
                if self.chief:
                    self._show(step, result | {
                        "z": z, "images_per_second": model.batch_size / (now - before)}, bar,
                        ends)
                    self._write(step, place, now, ends)
                before = now
                if ends:
                    break

    def _batches(self, start):
        """The batches behind a place, `(epoch, position)`, as this worker's devices take them."""
        model, strategy = self.model, self.model.strategy

        def of_worker(context):
            batches = self.pictures.batches(
                *start, model.batch_size, self.worker,
                strategy.num_replicas_in_sync // self.workers, self.workers)
            # On one GPU, batches that are there before they are wanted; several have it anyway.
            one_device = strategy is tf.distribute.get_strategy()
            if one_device and tf.config.get_visible_devices("GPU"):
                batches = batches.apply(tf.data.experimental.prefetch_to_device("/GPU:0"))
            return batches

        return iter(strategy.distribute_datasets_from_function(of_worker))

    def _count(self, done, start, result):
        """Count a step that was taken, unless it has diverged; returns its epoch and its number
        in there."""
        progress, batch = self.model.progress, self.model.batch_size
        step, epoch, position = self._progress()
        losses = {k: float(result[k]) for k in ("d_loss", "g_loss")}
        self._require_finite(
            step + 1, ", ".join(f"{k} {v}" for k, v in losses.items()), losses.values())
        place = epoch, position // batch
        progress["step"].assign(step + 1)
        for name, value in zip(("epoch", "position"),
                               self.pictures.place(done, *start, batch)):
            progress[name].assign(value)
        return place

    def _show(self, step, result, bar, ends):
        """A step in TensorBoard's curves and on the progress bar."""
        histograms = ends or step % self.settings.summary_interval == 0
        self.events.write(step, events.summarise, result, histograms)
        bar.update()
        bar.set_postfix({"epoch": int(self.model.progress["epoch"]),
                         **{k: f"{float(result[k]):.3f}" for k in ("d_loss", "g_loss")}},
                        refresh=False)

    def _write(self, step, place, now, ends):
        """What is due behind a step: samples, a look at held-out faces, a checkpoint."""
        settings = self.settings
        if step == 1 or step % settings.sample_interval == 0 or ends:
            events.write_samples(self.model, settings.sample_dir, self.events, *place)
        if self.heldout and step % settings.validation_interval == 0:
            self.heldout.validate(step, self.events)
        if step % settings.save_interval == 0 or now - self.saved > 60 * settings.save_minutes:
            self._save_or_warn(step)
            self.saved = now

    def _require_finite(self, step, what, values):
        """Stop a training that has diverged, before it writes a checkpoint of that."""
        if all(bool(tf.reduce_all(tf.math.is_finite(value))) for value in values):
            return
        newest = tracking.newest(self.settings.checkpoint_dir)
        raise Diverged(
            f"step {step}: {what}: training has diverged. "
            + (f"The last checkpoint is {newest}" if newest else "There is no checkpoint yet")
            + ": start again with a lower --learning_rate")

    def _save_or_warn(self, step):
        """A checkpoint in between; without it training goes on, because the disk may get better."""
        self.events.flush(step)  # they must not end before the checkpoint
        try:
            self._save(step)
        except Diverged:
            raise
        except UserError as error:
            messages.warn(None, f"{error}; training continues")

    def _save(self, step):
        weights = [v for v in starting.training_variables(self.model) if v.dtype.is_floating]
        self._require_finite(step, "a weight is not finite", weights)
        return self.model.save(self.settings.checkpoint_dir, self.settings.max_to_keep)

    def _end(self):
        """The last checkpoint, and a word of what was done."""
        settings = self.settings
        step, epoch, _ = self._progress()
        if self.events is None:
            print(f"nothing to do: {settings.checkpoint_dir} is at step {step}, epoch {epoch}; "
                  "raise --epoch or --max_steps to continue")
            return
        self.events.flush(step)
        path = os.path.join(settings.checkpoint_dir, f"{finding.NAME}-{step}")
        if step and path not in finding.find_checkpoints(settings.checkpoint_dir):
            path = self._save(step)
        if not self.pictures.failure:
            best = self.heldout.summary() if self.heldout else ""
            print(f"{step} step{'s' * (step != 1)} done: checkpoint {path}, "
                  f"samples in {settings.sample_dir}; watch with "
                  f"tensorboard --logdir {settings.log_dir}{best}")
