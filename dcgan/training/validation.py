"""Held-out faces beside a training: what D says of them, how well they are completed, and the
checkpoint of the best completions."""

import json
import os

import numpy as np
import tensorflow as tf

import ops
from dcgan import messages
from dcgan.checkpoints import finding, saving
from dcgan.files import record, writing
from dcgan.files.listing import evenly_spaced, fingerprint, list_images
from dcgan.messages import UserError
from dcgan.metrics import psnr
from dcgan.pictures import drawing, reading

JUDGED = 256  # faces of either kind of which D says whether they are real
COMPLETED = 64  # of the held-out ones
SCALARS = {
    "validation/accuracy_training": "Share of some training faces that D calls real.",
    "validation/accuracy_heldout": "Share of held-out faces that D calls real; what it is below "
                                   "that of training faces, D has learned by heart.",
    "validation/logit_training": "Mean logit of D of some training faces: over 0 is real.",
    "validation/logit_heldout": "Mean logit of D of held-out faces.",
    "validation/contextual": "Mean contextual loss of a short search for held-out faces without "
                             "their middle.",
    "validation/psnr": "Mean PSNR of what that search puts into the hole, in dB."}


def read_spread(paths, count, model, crop):
    """At most so many of the pictures, evenly spread, as the network sees them: `[N, size, size,
    c_dim]` uint8; what cannot be read is named and left out."""
    images = [reading.read_or_warn(path, model.image_size, model.c_dim, crop)
              for path in evenly_spaced(paths, count)]
    return [image for image in images if image is not None]


def twin_of(model):
    """A network of the same sizes on one device, which completes as the other would."""
    return type(model)(architecture=model.architecture, batch_size=COMPLETED,
                       precision=model.dtype.name, jit=model.jit, lam=model.lam)


def copy_weights(model, twin):
    """Give a twin the weights as they are, of G the average where there is one."""
    for name, value in model.weights.shown.items():
        twin.vars[name].assign(value)


def verdict(model, images):
    """`(accuracy, mean logit)` of D of real images, `[B, H, W, C]` float32."""
    weights = model.weights.for_inference(model.dtype)
    logits = ops.in_batches(
        lambda batch: model.discriminator(batch, weights=weights)[1], images, COMPLETED)
    return float(np.mean(logits > 0)), float(np.mean(logits))


def completion(model, images):
    """Complete whole images without their middle by a short search.

    Args:
        model: a DCGAN.
        images: `[B, S, S, C]` uint8.

    Returns:
        `(contextual, psnr)`: means, of the loss and in the hole.
    """
    quarter = model.image_size // 4
    mask = np.ones(images.shape[1:3])
    mask[quarter:-quarter, quarter:-quarter] = 0
    # In whatever precision the training has; of G alone, which is what is trained.
    found = model.complete(images, mask, preset="fast", gaussian=0.0, precision=model.dtype.name)
    return float(np.mean(found.contextual)), float(np.mean(psnr(found.images, images, mask == 0)))


class HeldOut:
    """The validation of a training, which keeps the checkpoint that completes best.

    That lies in the folder `best` of the others, where no later one deletes it; beside it
    `validation.json` has its PSNR, which the next start goes on from.

    Args:
        settings: the `TrainingSettings`, of which `validation`, `crop` and `checkpoint_dir` count.
        model: the `DCGAN` that is trained.
        training: paths of the training's pictures.

    Raises:
        UserError: there is no picture to be read in the folder.
    """

    def __init__(self, settings, model, training):
        flag = f"--validation {settings.validation}"
        files = list_images([settings.validation], "--validation ", [settings.checkpoint_dir])
        heldout = read_spread(files, JUDGED, model, settings.crop)
        if not heldout:
            raise UserError(f"{flag}: none of its pictures can be read")
        known = read_spread(training, JUDGED, model, settings.crop)
        self.known, self.heldout = (
            drawing.to_float(np.reshape(faces, (-1, *np.shape(heldout)[1:])))
            for faces in (known, heldout))
        self.images = np.stack(heldout[::-(-len(heldout) // COMPLETED)])
        self.model, self.twin = model, twin_of(model)
        self.folder = os.path.join(settings.checkpoint_dir, "best")
        self.record = os.path.join(self.folder, "validation.json")
        self.faces = fingerprint(files, settings.validation, model.image_size, settings.crop).hex()
        self.best = self._read_best()

    def _read_best(self):
        """`{step, psnr}` of the best so far, or of none."""
        if os.path.isdir(self.folder):
            saving.tidy(self.folder)
        try:
            with open(self.record) as file:
                found = json.load(file)
            faces, best = found["faces"], {
                "step": int(found["step"]), "psnr": float(found["psnr"])}
            record.add(self.record, self.record)  # it tells what it is, even if it was edited
            if finding.find_checkpoints(self.folder):
                if faces == self.faces:
                    return best
                messages.warn(self.record, "was measured on other pictures; the search for the "
                                           "best checkpoint starts again")
        except (FileNotFoundError, NotADirectoryError):
            pass
        except (ValueError, KeyError, TypeError):
            messages.warn(self.record, "is damaged; renamed to "
                                       f"{record.set_aside(self.record)}, and the search for "
                                       "the best checkpoint starts again")
        return {"step": None, "psnr": -np.inf}

    def measure(self):
        """`{tag: value}` of `SCALARS`, of the training as it stands."""
        twin = self.twin
        copy_weights(self.model, twin)
        accuracy, logit = zip(verdict(twin, self.known), verdict(twin, self.heldout))
        values = *accuracy, *logit, *completion(twin, self.images)
        twin.weights.forget()  # which are as large as several networks
        return dict(zip(SCALARS, values))

    def validate(self, step, events):
        """Measure, write it for TensorBoard, and keep the checkpoint if it is the best so far.

        Has to come before the step's own checkpoint: whoever goes on behind the step then finds
        the best of all until there.
        """
        values = self.measure()
        events.write(step, write_scalars, values)
        if values["validation/psnr"] > self.best["psnr"]:
            self.best = {"step": step, "psnr": values["validation/psnr"]}
            try:
                self.model.save(self.folder, max_to_keep=1)
                writing.write_text(
                    self.record, json.dumps(self.best | {"faces": self.faces}) + "\n")
            except UserError as error:
                messages.warn(self.folder, f"{error}; training continues")

    def summary(self):
        """What there is to say at the end, or nothing."""
        if self.best["step"] is None:
            return ""
        return (f"; best at step {self.best['step']}, {self.best['psnr']:.2f} dB in held-out "
                f"faces: {self.folder}")


def write_scalars(values):
    """The values for TensorBoard."""
    for tag, value in values.items():
        tf.summary.scalar(tag, value, description=SCALARS[tag])
