"""The library as the page uses it: complete.py's flags, and one search that can be watched."""

import contextlib
import io
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

import complete
from cli import flags as cli_flags
from files.errors import UserError
from inpainting.photos import Frame
from inpainting.results import combine, completed_images
from machine import importing


class Completion(NamedTuple):
    """What a search found for one frame."""

    image: np.ndarray  # `[S, S, C]` uint8, the frame completed
    G: np.ndarray  # `[S, S, C]` float32 in [-1, 1], what the candidates combine to
    candidates: np.ndarray  # `[K, S, S, C]` float32, the G(z) of each


def parse_flags(words):
    """complete.py's flags as it understands them; a UserError in its own words."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return complete.parse_args(words)
    except SystemExit:
        raise UserError(said.getvalue().strip().rpartition("error: ")[2]) from None


def flags():
    """`{name: argparse's action}` of all of complete.py's flags."""
    parsers = []

    class Kept(cli_flags.Parser):
        def __init__(self, **settings):
            super().__init__(**settings)
            parsers.append(self)

    original, cli_flags.Parser = cli_flags.Parser, Kept
    try:
        complete.parse_args(["picture"])
    finally:
        cli_flags.Parser = original
    return {action.dest: action for action in parsers[0]._actions}


def sets(preset):
    """What a preset sets, in words."""
    return complete.preset_help(preset).partition(": ")[2]


class Network:
    """The network of a checkpoint.

    Args:
        checkpoint: as `--checkpointDir` takes it.
    """

    def __init__(self, checkpoint):
        importing.import_tensorflow()
        from model import DCGAN
        from training.checkpoints import or_pretrained

        self.checkpoint, self.kind, self.models = or_pretrained(checkpoint), DCGAN, {}
        first = self._model("float32")
        self.size, self.c_dim = first.image_size, first.c_dim

    def _model(self, precision):
        if precision not in self.models:
            self.models[precision] = self.kind.from_checkpoint(
                self.checkpoint, precision=precision, batch_size=64)
        return self.models[precision]

    def warm_up(self):
        """Do once what takes longer the first time."""
        size = self.size
        mask = np.ones((size, size), np.float32)
        mask[size // 4:size // 2, size // 4:size // 2] = 0
        image = np.zeros((size, size, self.c_dim), np.uint8)
        frame = Frame("", "", np.eye(2, 3), image, mask, mask == 0, None, 1, False)
        self.complete(parse_flags(["picture", "--mask=mask", "--preset=best", "--nIter=1"]), frame,
                      lambda *_: False)

    def complete(self, config, frame, progress):
        """Search for the z of a frame.

        Args:
            config: what `parse_flags` returned.
            frame: an `inpainting.photos.Frame`.
            progress: called as `progress(iteration, losses [K], G [K, S, S, C])` at iteration 0 and
                after every `outInterval`; when it returns True, the search ends with what it has.

        Returns:
            A `Completion`.
        """
        model = self._model(config.precision)
        model.lam, model.prior, model.seed = config.lam, config.prior, config.seed
        ended = []
        stop = SimpleNamespace(is_set=lambda: bool(ended))
        bar = SimpleNamespace(update=lambda n: None, set_postfix=lambda **words: None)
        found = {}

        def pictures(i, losses, G):
            if progress(i, losses[0], np.asarray(G)[0]):
                ended.append(True)

        def end(i, z, losses, contextual, perceptual, G):
            found.update(losses=losses, G=np.asarray(G))

        watcher = SimpleNamespace(iterations=lambda *_: None, pictures=pictures, end=end)
        batch = model.completion_batch([frame], config)
        search = model.make_search(config, config.nCandidates, config.patience)
        start = model.make_start(config)
        model._search_batch(config, search, batch, start(batch, 0), 0, watcher, bar, stop)
        G = combine(np.asarray(found["losses"]), found["G"], config.combine)
        return Completion(completed_images(batch, G, config.blend)[0], G[0], found["G"][0])
