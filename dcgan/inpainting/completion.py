"""Completes images in memory, arrays in and arrays out: the work of `DCGAN.complete`."""

import difflib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dcgan.inpainting.blending import blend_into_holes, fill_from_candidates
from dcgan.inpainting.presets import completion_settings, for_network
from dcgan.inpainting.search import CompletionBatch, Observer, Searcher, require_memory
from dcgan.inpainting.settings import Loss, Search
from dcgan.messages import warn_caller
from dcgan.pictures import drawing
from dcgan.settings import names_of

# The settings of a call. Files, masks and frames are not among them, because the caller passes
# arrays; nor are settings that TensorFlow needs when it is imported.
SETTINGS = (*names_of(Search, Loss), "precision", "jit", "maskType")


class Completion(NamedTuple):
    """The result for B images, with K candidates each."""

    images: np.ndarray  # `[B, S, S, C]` uint8, the images with their holes filled
    z: np.ndarray  # `[B, K, z_dim]` float32 in [-1, 1]
    losses: np.ndarray  # `[B, K]` float32, contextual + lam * perceptual
    contextual: np.ndarray  # `[B, K]` float32
    perceptual: np.ndarray  # `[B, K]` float32
    fills: np.ndarray  # `[B, S, S, C]` float32 in [-1, 1], from which the holes were filled
    activations: np.ndarray = None  # `[B, K, r, r, n]` float16, with `deeper`


class Progress(NamedTuple):
    """The state of the search for a batch of B images, with K candidates each."""

    iteration: int
    first: int  # index of the batch's first image
    losses: np.ndarray  # `[B, K]` float32, the lowest so far; inf before the first iteration
    images: np.ndarray  # `[B, S, S, C]` uint8, the completions so far
    fills: np.ndarray  # `[B, S, S, C]` float32 in [-1, 1], from which the holes are filled


class _Reported(Observer):
    """Calls the caller's `progress` during a search, and stops the search if that returns true."""

    def __init__(self, progress, batch, first, settings):
        self.progress, self.batch, self.first = progress, batch, first
        self.settings, self.stopped = settings, False
        self.looks = progress is not None

    def pictures(self, i, losses, G):
        losses = losses.astype(np.float32)  # a copy: the search changes its own
        fill = fill_from_candidates(self.batch, losses, G, self.settings)
        self.stopped = bool(self.progress(Progress(
            i, self.first, losses, blend_into_holes(self.batch, fill, self.settings.blend), fill)))

    def stops(self):
        return self.stopped


def configure(model, settings):
    """Set a `DCGAN` to complete as the `CompletionSettings` say; returns it."""
    model.batch_size, model.seed = settings.batchSize, settings.seed
    model.lam, model.prior = settings.lam, settings.prior
    model.dtype = tf.as_dtype(settings.precision)
    model.jit = model.jit if settings.jit is None else settings.jit
    return model


def call_settings(model, preset, given):
    """The `CompletionSettings` of a call of `DCGAN.complete`.

    Args:
        model: the `DCGAN`; its own settings are the defaults.
        preset: the preset's name, or None.
        given: `{name: value}` of some of `SETTINGS`; None counts as not given.

    Raises:
        ValueError: a setting or the preset is unknown, or a value is invalid.
    """
    for name in given:
        if name not in SETTINGS:
            near = difflib.get_close_matches(name, (*SETTINGS, "preset", "progress"), 1)
            raise ValueError(f"complete takes the settings {', '.join(SETTINGS)}. Received: {name}"
                             + "".join(f" (did you mean {other}?)" for other in near))
    if given.get("maskType") not in (None, "lowres"):
        raise ValueError("maskType must be lowres or left out, because masks say what is missing. "
                         f"Received: {given['maskType']!r}")
    own = {"lam": model.lam, "prior": model.prior, "seed": model.seed,
           "batchSize": model.batch_size, "precision": model.dtype.name}
    return for_network(completion_settings({"preset": preset} | given, own), model)


def complete(model, images, masks, settings, progress=None):
    """Complete images; `DCGAN.complete` describes the arguments, the result and the errors."""
    if progress is not None and not callable(progress):
        raise ValueError(f"progress must be a function. Received: {progress!r}")
    lowres = settings.maskType == "lowres"
    images = checked_images(model, images)
    masks = checked_masks(masks, images.shape[:3])
    images = as_bytes(images, None if lowres else masks)
    require_memory(model, settings, min(len(images), model.batch_size))
    searcher = Searcher(model, settings, len(images))
    found, batches, stopped = [], [], False
    for first in range(0, len(images), model.batch_size):
        rows = slice(first, first + model.batch_size)
        batch = CompletionBatch.from_images(
            images[rows], masks[rows], settings, lowres, model=model)
        observer = _Reported(progress, batch, first, settings)
        observer.stopped = stopped  # later batches keep their starts
        found.append(searcher.run(batch, observer))
        batches.append(batch)
        stopped = observer.stopped
    fills = [fill_from_candidates(batch, each.complete, each.G, settings)
             for batch, each in zip(batches, found)]
    completed = [blend_into_holes(*each, settings.blend) for each in zip(batches, fills)]

    def all_of(name):
        values = [getattr(each, name) for each in found]
        return None if values[0] is None else np.concatenate(values)

    return Completion(
        np.concatenate(completed), *map(all_of, ("z", "complete", "contextual", "perceptual")),
        np.concatenate(fills), all_of("activations"))


def checked_images(model, images):
    """Images as an array `[B, S, S, C]`; ValueError if they do not have the network's size, or are
    neither uint8 nor floats."""
    images = np.asarray(images)
    shape = (model.image_size, model.image_size, model.c_dim)
    if images.ndim != 4 or images.shape[1:] != shape or not len(images):
        raise ValueError(f"images must be [B, {', '.join(map(str, shape))}], B at least 1. "
                         f"Received: shape {images.shape}")
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise ValueError("images must be uint8, or floats in [-1, 1]. "
                         f"Received: dtype {images.dtype}")
    return images


def checked_masks(masks, shape):
    """Masks as float32 in the images' shape `[B, S, S]`; ValueError if they have another shape, or
    other values than 0 and 1."""
    masks = np.asarray(masks)
    if masks.shape not in (shape, shape[1:]):
        raise ValueError(f"masks must be {list(shape)}, or one of {list(shape[1:])} for all. "
                         f"Received: shape {masks.shape}")
    if not np.isin(masks, (0, 1)).all():
        raise ValueError("masks must be 1 where a pixel is known, and 0 where it is missing. "
                         f"Received: values {', '.join(map(str, np.unique(masks)[:5]))}")
    return np.broadcast_to(masks, shape).astype(np.float32)


def as_floats(images):
    """Checked images as float32; ValueError if floats are outside [-1, 1]."""
    if images.dtype == np.uint8:
        return drawing.to_float(images)
    if not (np.abs(images) <= 1).all():
        raise ValueError("images must be uint8, or floats in [-1, 1]. Received: floats from "
                         f"{images.min()} to {images.max()}")
    if images.min() >= 0:
        warn_caller("no value of the images is below 0. Floats are read as [-1, 1], where 0 is "
                    "grey; give images from 0 to 1 as 2 * images - 1, or as uint8")
    return images.astype(np.float32)


def as_bytes(images, masks=None):
    """Checked images as uint8; pixels under mask 0 may be any float, even nan."""
    if images.dtype == np.uint8:
        return images
    return drawing.to_uint8(as_floats(
        images if masks is None else np.where(masks[..., np.newaxis] == 0, 0, images)))
