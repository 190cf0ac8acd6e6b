"""Images completed in memory, arrays in and arrays out: what `DCGAN.complete` does."""

from typing import NamedTuple

import numpy as np

import utils
from inpainting.blending import combine, completed_images
from inpainting.search import CompletionBatch, Observer, Searcher
from inpainting.starts import Starts


class Completion(NamedTuple):
    """What was found for B images, of each K candidates."""

    images: np.ndarray  # `[B, S, S, C]` uint8, the images with their holes filled
    z: np.ndarray  # `[B, K, z_dim]` float32 in [-1, 1]
    losses: np.ndarray  # `[B, K]` float32, contextual + lam * perceptual
    contextual: np.ndarray  # `[B, K]` float32
    perceptual: np.ndarray  # `[B, K]` float32
    G: np.ndarray  # `[B, S, S, C]` float32 in [-1, 1], what the holes were filled from


class Progress(NamedTuple):
    """Where the search for a batch of B images stands, of each K candidates."""

    iteration: int
    first: int  # the number of the batch's first image
    losses: np.ndarray  # `[B, K]` float32, the lowest so far; inf before the first iteration
    images: np.ndarray  # `[B, S, S, C]` uint8, completed with G as it is
    G: np.ndarray  # `[B, S, S, C]` float32 in [-1, 1], what the candidates combine to


class _Reported(Observer):
    """Calls the caller's `progress` with what is told of a search, and ends it where that says."""

    def __init__(self, progress, batch, first, settings):
        self.progress, self.batch, self.first = progress, batch, first
        self.settings, self.stopped = settings, False

    def pictures(self, i, losses, G):
        if self.progress is None:
            return
        G = combine(losses, G, self.settings.combine)
        self.stopped = bool(self.progress(Progress(
            i, self.first, losses, completed_images(self.batch, G, self.settings.blend), G)))

    def stops(self):
        return self.stopped


def complete(model, images, masks, settings, progress=None):
    """Arguments, result and errors as of `DCGAN.complete`, with the `CompletionSettings`."""
    images = checked_images(model, images)
    masks = checked_masks(masks, images)
    starts = Starts(model, settings)
    searcher = Searcher(model, settings, len(images))
    found, batches, stopped = [], [], False
    for first in range(0, len(images), model.batch_size):
        rows = slice(first, first + model.batch_size)
        batch = CompletionBatch.of(images[rows], masks[rows], settings,
                                   settings.maskType == "lowres")
        observer = _Reported(progress, batch, first, settings)
        observer.stopped = stopped  # what comes behind is completed from where it starts
        found.append(searcher.run(batch, starts.of(batch, first), first, observer))
        batches.append(batch)
        stopped = observer.stopped
    fills = [combine(each.complete, each.G, settings.combine) for each in found]
    completed = [completed_images(*each, settings.blend) for each in zip(batches, fills)]
    return Completion(np.concatenate(completed), *(
        np.concatenate([getattr(each, name) for each in found])
        for name in ("z", "complete", "contextual", "perceptual")), np.concatenate(fills))


def checked_images(model, images):
    """Images as `[B, S, S, C]` uint8; ValueError if they are not of the network's size, or neither
    uint8 nor floats in [-1, 1]."""
    images = np.asarray(images)
    shape = (model.image_size, model.image_size, model.c_dim)
    if images.ndim != 4 or images.shape[1:] != shape or not len(images):
        raise ValueError(f"images must be [B, {', '.join(map(str, shape))}], B at least 1. "
                         f"Received: shape {images.shape}")
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating) or not (np.abs(images) <= 1).all():
        raise ValueError("images must be uint8, or floats in [-1, 1]. Received: dtype "
                         f"{images.dtype}, from {images.min()} to {images.max()}")
    return utils.to_uint8(images)


def checked_masks(masks, images):
    """Masks as `[B, S, S]` float32, one for each of the images; ValueError for others."""
    masks, shape = np.asarray(masks), images.shape[:3]
    if masks.shape not in (shape, shape[1:]):
        raise ValueError(f"masks must be {list(shape)}, or one of {list(shape[1:])} for all. "
                         f"Received: shape {masks.shape}")
    if not np.isin(masks, (0, 1)).all():
        raise ValueError("masks must be 1 where a pixel is known, and 0 where it is missing. "
                         f"Received: {np.unique(masks)[:5]}")
    return np.broadcast_to(masks, shape).astype(np.float32)
