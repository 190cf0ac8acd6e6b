"""The network behind the page, and one search with it."""

from typing import NamedTuple

import numpy as np

import utils
from dcgan.inpainting.presets import for_network
from dcgan.machine.importing import import_tensorflow


class Filled(NamedTuple):
    """What a search found for one frame."""

    image: np.ndarray  # `[S, S, C]` uint8, the frame completed
    fill: np.ndarray  # `[S, S, C]` float32 in [-1, 1], what the hole is filled from
    candidates: np.ndarray  # `[K, S, S, C]` float32, the G(z) of each


class Network:
    """The network of a checkpoint.

    Args:
        checkpoint: as `--checkpointDir` takes it.

    Raises:
        UserError: it cannot be read.
    """

    def __init__(self, checkpoint):
        import_tensorflow()
        from dcgan.checkpoints.finding import or_pretrained
        from model import DCGAN

        self.checkpoint = or_pretrained(checkpoint)
        self.dcgan = DCGAN.from_checkpoint(self.checkpoint)
        self.size, self.c_dim = self.dcgan.image_size, self.dcgan.c_dim

    def warm_up(self, settings):
        """Do once what takes longer the first time, as of a `CompletionSettings`."""
        size = self.size
        mask = np.ones((1, size, size))
        mask[:, size // 4:size // 2, size // 4:size // 2] = 0
        image = np.zeros((1, size, size, self.c_dim), np.uint8)
        self.dcgan.complete(image, mask, **self._of_call(settings) | {"nIter": 1})

    def most_likely(self, settings, frame):
        """What fills the hole of a frame by the Gaussian, `[S, S, C]`, which is there at once, long
        before any G(z); None if it has no share."""
        if not for_network(settings, self.dcgan).gaussian:
            return None
        y, mask = utils.to_float(frame.image), frame.mask[..., np.newaxis]
        return self.dcgan.gaussian.fills(y[np.newaxis], mask[np.newaxis])[0]

    def complete(self, settings, frame, progress):
        """Search for the z of a frame.

        Args:
            settings: the `CompletionSettings`.
            frame: a `dcgan.inpainting.photos.Frame`.
            progress: as `DCGAN.complete` takes it.

        Returns:
            A `Filled`.
        """
        found = self.dcgan.complete(frame.image[np.newaxis], frame.mask[np.newaxis],
                                    progress=progress, **self._of_call(settings))
        candidates = self.dcgan.set_as(settings).generator(found.z[0])
        return Filled(found.images[0], found.fills[0], np.asarray(candidates))

    def _of_call(self, settings):
        """What `DCGAN.complete` takes of a `CompletionSettings`: all but where the mask is from."""
        from dcgan.inpainting.completion import SETTINGS

        settings = for_network(settings, self.dcgan)
        return {name: getattr(settings, name) for name in SETTINGS if name != "maskType"}
