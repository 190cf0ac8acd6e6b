"""One search that completes a picture: its progress messages and its result files."""

import base64
import dataclasses
import io
import os
import shlex
import shutil
import tempfile
import time

import numpy as np
from PIL import Image

import utils
from dcgan.faces import detection, placing
from dcgan.files import writing
from dcgan.inpainting.blending import blend
from dcgan.inpainting.photos import Framer
from dcgan.inpainting.presets import for_network
from dcgan.machine.importing import import_tensorflow
from dcgan.messages import UserError, attempt, kept_warnings
from dcgan.pictures.filling import bounding_slices
from dcgan.pictures.saving import save_photo
from paint import request, uploads

PROGRESS_LINES = 40  # about how many progress messages a search sends
PREVIEW_SHARE = 0.25  # fraction of the time that previews may take
TILE = 160  # width of a candidate's picture on the page


class Cancelled(Exception):
    """The page no longer waits for the search."""


def load(checkpoint):
    """The `DCGAN` of a checkpoint, given as for `--checkpointDir`; UserError if there is none."""
    import_tensorflow()
    from dcgan.checkpoints.finding import or_pretrained
    from model import DCGAN

    return DCGAN.from_checkpoint(or_pretrained(checkpoint))


def warm_up(dcgan):
    """Run a short search, because the first one takes longer."""
    mask = np.ones((dcgan.image_size, dcgan.image_size))
    mask[len(mask) // 4:len(mask) // 2, len(mask) // 4:len(mask) // 2] = 0
    image = np.zeros((1, *mask.shape, dcgan.c_dim), np.uint8)
    dcgan.complete(image, mask, request.USUAL["preset"], nIter=1)


class Search:
    """A search, with a folder for its results.

    Args:
        picture: an `uploads.Picture`.
        wanted: a `request.Request`.

    Raises:
        UserError: complete.py does not accept the settings.
        OSError: the mask cannot be written.
    """

    def __init__(self, picture, wanted):
        self.picture, self.stopped, self.cancelled = picture, False, False
        self.spent = 0.0  # seconds that previews took
        self.framer = self.photo = self.frame = None
        self.completion = None  # from `DCGAN.complete`, when the search is done
        self.candidates = None  # `[K, S, S, C]` float32, the candidates' G(z)
        self.files = {}  # `{candidate or None: paths of the completed picture}`
        # The name has no number, because a refused search gets none.
        self.folder = tempfile.mkdtemp(prefix="result-", dir=picture.folder)
        try:
            self._prepare(wanted)
        except BaseException:
            self._forget()
            raise
        picture.results.append(self)

    def _prepare(self, wanted):
        picture = self.picture
        self.mask, self.wanted = self._write("mask.png", wanted.mask), wanted
        placed, shown = {"mask": self.mask}, ["--mask", "mask.png"]
        if wanted.points:
            placed |= {"align": True, "landmarks": self._write_points(wanted.points)}
            shown += ["--align", "--landmarks", "landmarks.txt"]
        name = picture.name
        if name.startswith(("-", "~")):  # it would be read as a flag or a home folder
            name = f"./{name}"
        chosen = request.USUAL | wanted.settings
        self.command = ["./complete.py", name, *shown,
                        *(f"--{name}={value}" for name, value in chosen.items())]
        settings = request.settings_of(placed | chosen)
        self.settings = dataclasses.replace(
            settings, outInterval=max(1, settings.iterations // PROGRESS_LINES))

    def _forget(self):
        """Delete the files of a failed search and free its pixels."""
        self.framer = self.photo = self.frame = self.completion = self.candidates = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_points(self, points):
        lines = "\n".join(f"{x},{y}" for x, y in points)
        return self._write("landmarks.txt", f"{lines}\n".encode())

    def _write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def run(self, dcgan, tell):
        """Search and write the result.

        Args:
            dcgan: the `DCGAN`.
            tell: called with a dict, which is sent to the page.

        Raises:
            UserError: the picture cannot be completed with this request.
            OSError: the result cannot be written.
            Cancelled: the page no longer waits for it.
        """
        try:
            self._run(dcgan, tell)
        except BaseException:
            self._forget()
            raise

    def _run(self, dcgan, tell):
        self.tell, self.begun = tell, time.monotonic()
        with kept_warnings() as kept:
            self._search(dcgan)
            names = [os.path.basename(path) for path in self.save(None)]
            tiles = self._tiles()
        self.photo = None  # may be large
        command = shlex.join([*self.command, "--checkpointDir", dcgan.source])
        self.tell({"done": self.picture.results.index(self), "command": command,
                   "seconds": time.monotonic() - self.begun, "stopped": self.stopped,
                   "files": names, "tiles": tiles, "combined": self.settings.combine,
                   "notes": self.picture.notes_of(kept)})

    def _search(self, dcgan):
        from dcgan.inpainting.completion import complete

        self.framer = Framer(self.settings, [self.picture.path], dcgan.image_size, dcgan.c_dim,
                             margin=dcgan.margin)
        frames, reason = attempt(self._frames)
        if reason is not None:
            remedy = "; to mark another face, choose Three points" * bool(self.wanted.points)
            raise UserError(f"{self.picture.name}: {reason}{remedy}")
        self.frame = frames[0]
        images, masks = self.frame.image[np.newaxis], self.frame.mask[np.newaxis]
        settings = for_network(self.settings, dcgan)
        if settings.gaussian:  # the linear model's fill takes no search, so it comes first
            fills = dcgan.gaussian.fills(utils.to_float(images), masks[..., np.newaxis])
            self.tell(self._preview(fills[0]))
        dcgan = dcgan.configured(settings)
        found = complete(dcgan, images, masks, settings, self._progress)
        if self.cancelled:
            raise Cancelled
        latents = found.z if found.activations is None else found.activations
        self.candidates = np.asarray(dcgan.generator(latents[0]))
        self.completion = found

    def _frames(self):
        self.photo = self.framer.photo(self.picture.path)
        if self.wanted.points and not self.wanted.by_hand:
            self._place(self.photo)
        return self.framer.frames_of(0, self.photo)

    def _place(self, photo):
        """Move the points of a face that was found without the mask: find it again with the masked
        pixels hidden, because they may not belong to a face. If the mask is beside its box, what
        was found is not the face that is meant, and the mask shows which one is."""
        middle = np.mean(self.wanted.points, axis=0)
        reach = np.ptp(self.wanted.points, axis=0).max()
        beside = not any(self.framer.cut(photo, place).has_hole
                         for place in self.framer.face_places(photo, self.picture.path))
        for face in placing.find_faces(photo.original, photo.known,
                                       detection.face_predictor_path()):
            points = face.landmarks[list(uploads.POINTS)].round(2)
            if beside or np.linalg.norm(points.mean(axis=0) - middle) < reach:
                self._write_points(points)
                self.framer.landmarks = {None: points}
                self.tell({"points": points.tolist(), "by": placing.BY[face.by]})
                break

    def _progress(self, progress):
        """Send the progress of a search, a `dcgan.inpainting.completion.Progress`; returns whether
        to stop."""
        now = time.monotonic()
        told = {"iteration": progress.iteration, "of": self.settings.iterations,
                "losses": [float(loss) if np.isfinite(loss) else None
                           for loss in progress.losses[0]]}
        if self.spent <= PREVIEW_SHARE * (now - self.begun):
            told |= self._preview(progress.fills[0])
            self.spent += time.monotonic() - now
        self.tell(told)
        return self.stopped or self.cancelled

    def _preview(self, G):
        return {"G": png_url(utils.to_uint8(G)), "patch": self._patch(G)}

    def _completed(self, G):
        return self.framer.completed([self.frame], G[np.newaxis], self.settings.blend, self.photo)

    def _nearly_completed(self, G):
        """A fast `_completed`: blended at the network's size, which has fewer pixels."""
        filled = blend(self.settings.blend, utils.to_float(self.frame.image)[np.newaxis],
                       G[np.newaxis], self.frame.mask[np.newaxis])
        return self.framer.completed([self.frame], filled, "paste", self.photo)

    def _patch(self, G):
        """The filled hole, which the page draws over the picture: a PNG and its place."""
        pixels, hole = self._nearly_completed(G)
        rows, columns = bounding_slices(~hole)
        patch = Image.fromarray(pixels[rows, columns])
        scale = self.picture.shown[0] / pixels.shape[1]
        patch.thumbnail([max(1, round(scale * edge)) for edge in patch.size])
        height, width = pixels.shape[:2]
        return {"png": png_url(np.asarray(patch)), "x": columns.start / width,
                "y": rows.start / height, "width": pixels[rows, columns].shape[1] / width,
                "height": pixels[rows, columns].shape[0] / height}

    def _tiles(self):
        """Small pictures of a square around the hole: of the result, and if there are several
        candidates, of each candidate."""
        several = self.candidates if len(self.candidates) > 1 else []
        tiles = []
        for G in (self.completion.fills[0], *several):
            pixels, hole = self._nearly_completed(G)
            tile = Image.fromarray(pixels[square_around(hole)])
            tile.thumbnail((TILE, TILE))
            tiles.append(png_url(np.asarray(tile)))
        return tiles

    def save(self, candidate):
        """Write the completed picture as complete.py does, unless its files exist.

        Args:
            candidate: the index of a candidate, or None for the combined result.

        Returns:
            The paths of the files.
        """
        shown_path = self.shown_path(candidate)
        if candidate in self.files and all(map(os.path.exists,
                                               (*self.files[candidate], shown_path))):
            return self.files[candidate]
        G = self.completion.fills[0] if candidate is None else self.candidates[candidate]
        behind = "" if candidate is None else f"-candidate-{candidate}"
        folder = os.path.join(self.folder, "photos")
        os.makedirs(folder, exist_ok=True)
        pixels, hole = self._completed(G)
        if self.frame.whole:
            paths = save_photo(folder, self.frame.name + behind, self.picture.path, pixels, hole)
        else:  # of the network's size: `images/NAME.png`
            paths = [os.path.join(folder, f"{self.frame.name}{behind}.png")]
            utils.save_image(paths[0], self.completion.images[0] if candidate is None else pixels)
        shown = Image.fromarray(pixels)
        shown.thumbnail(self.picture.shown)
        with writing.whole(shown_path, recorded=False) as temporary:
            shown.save(temporary, format="PNG", compress_level=1)
        self.files[candidate] = paths
        return paths

    def shown_path(self, candidate):
        """The path of the completed picture at the size that the page shows."""
        name = "result" if candidate is None else f"candidate-{candidate}"
        return os.path.join(self.folder, f"{name}.png")


def square_around(hole):
    """Two slices of a picture: a square around the True pixels of `[H, W]`, with a margin."""
    ends = [np.flatnonzero(hole.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    edge = min(int(1.5 * max(last + 1 - first for first, last in ends)), *hole.shape)
    starts = [int(np.clip((first + last + 1 - edge) // 2, 0, length - edge))
              for (first, last), length in zip(ends, hole.shape)]
    return tuple(slice(start, start + edge) for start in starts)


def png_url(pixels):
    """The `data:` URL of `[H, W, C]` uint8 pixels."""
    data = io.BytesIO()
    utils.as_pillow(pixels).save(data, format="PNG", compress_level=1)
    return f"{request.PNG},{base64.b64encode(data.getvalue()).decode()}"
