"""Writes complete.py's results: pictures, grids, logs, tables, animations and the report."""

import functools
from typing import NamedTuple

import numpy as np
from PIL import Image

from dcgan import messages, metrics
from dcgan.files import writing
from dcgan.inpainting.blending import blend_into_holes, combine_candidates, mix_with_gaussian
from dcgan.inpainting.search import Observer
from dcgan.messages import UserError
from dcgan.pictures import drawing, reading
from dcgan.pictures.saving import save_photo
from dcgan.results import logs, names, report, tables
from dcgan.results.events import CompletionEvents

THUMBNAIL = 256  # largest width and height of a whole picture in the report


class Result(NamedTuple):
    """One completed frame."""

    frame: tuple  # an `inpainting.photos.Frame`
    z: np.ndarray  # `[K, z_dim]` float32, of all candidates
    losses: np.ndarray  # `[K]`
    loss: float  # of the best candidate: contextual + lam * perceptual
    contextual: float
    perceptual: float
    curve: list  # the best candidate's loss at every iteration
    completed: np.ndarray  # `[S, S, C]` uint8
    measured: dict  # psnr, ssim, l1; empty without an undamaged picture
    photo: tuple  # (thumbnail of the whole picture `[H, W, 3]` uint8, scale); or None


class Results(Observer):
    """Writes all results of complete.py to `--outDir`, under the `names.NAMES`.

    It writes grids of G(z) and of completed images every `outInterval` iterations and at the end of
    a batch, tables after each batch, before its whole pictures, and the report when the context
    manager exits. It observes the searches; set `bar`, a tqdm, and `stop`, the `StopRequest` that
    stops them, before the first.

    Args:
        settings: the `CompletionSettings`; `outDir` exists.
        framer: the `Framer` of the pictures.
        z_dim: length of z.
        lowres: width of the blocks of the lowres mask.

    Raises:
        UserError: a file cannot be written.
    """

    looks = True

    def __init__(self, settings, framer, z_dim, lowres):
        self.settings, self.framer, self.z_dim, self.lowres = settings, framer, z_dim, lowres
        self.results = []
        self.waiting = {}  # frames and fills of pictures with unfinished frames
        self.failed = []  # pictures whose results are incomplete
        for what in ("image", "log", *(["candidates"] if settings.nCandidates > 1 else [])):
            writing.make_folder(names.folder(settings.outDir, what))
        self.events = CompletionEvents(settings) if settings.log_dir else None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.events:
            self.events.close()
        if self.results:  # also those of the batches before an error
            self._write_tables()
            report.write_report(self.settings.outDir, self.results, self.settings)

    def raise_if_failed(self):
        """Raise UserError if a whole picture could not be completed or written."""
        if self.failed:
            raise UserError(
                f"incomplete results: {len(set(self.failed))}, such as those of {self.failed[0]} "
                f"(see the warnings above); all others are in {self.settings.outDir}")

    def summary(self):
        """The message that says where the results are."""
        out, whole = self.settings.outDir, ""
        if any(r.frame.whole for r in self.results):
            whole = f", whole pictures {names.folder(out, 'photo')}"
        return (f"{names.folder(out, 'image')}{whole}, animation "
                f"{names.path(out, 'animation', batch=0)}, report "
                f"{names.path(out, 'report', page=1)}")

    # A batch

    def begin(self, batch, frames, number, first):
        """Write the inputs of a `CompletionBatch` of `Frame`s before its search."""
        self.batch, self.frames, self.number = batch, frames, number
        self.shown = []
        self.logs = [
            names.path(self.settings.outDir, "log", image=first + i, candidate=k)
            for i in range(len(frames)) for k in range(self.settings.nCandidates)]
        self.losses = [[] for _ in self.logs]  # of every iteration
        for what in ("G", "completed"):
            writing.make_folder(names.folder(self.settings.outDir, what, number))
        self._save("before", batch.images)
        masked = drawing.to_uint8(batch.y * batch.mask)
        self._save("masked", masked)
        if self.events:
            self.events.begin(frames, names.folder("", "before", number), masked)
        if batch.lowres_mask.any():
            self._save("lowres", self._block_means(batch.y))
        logs.start_logs(self.logs, self.z_dim)

    def iterations(self, rows, first, losses, zs):
        """Record n iterations of the searches in `rows`, the first of which has number `first`:
        losses `[n, R]` and zs `[n, R, z_dim]`."""
        logs.append_logs([self.logs[row] for row in rows], first, losses, zs)
        for row, column in zip(rows, losses.T):
            self.losses[row] += column.tolist()
        if self.events:
            self.events.iterations(rows, first, losses)

    def advance(self, n, loss):
        self.bar.update(n)
        if loss is not None:
            self.bar.set_postfix(loss=f"{loss:.1f}")

    def stops(self):
        return self.stop.is_set()

    def pictures(self, i, losses, G):
        """Write the grids of iteration i.

        Args:
            i: the number of iterations.
            losses: `[B, K]`, of all candidates.
            G: `[B, K, S, S, C]` float32, the candidates' G(z).

        Returns:
            `(fill, completed)`: the fill of the holes, `[B, S, S, C]` float32, and the completed
            images, uint8.
        """
        batch = self.batch
        G = combine_candidates(losses, G, self.settings.combine)
        fill = mix_with_gaussian(batch, G, self.settings)
        completed = blend_into_holes(batch, fill, self.settings.blend)
        self._save("G", drawing.to_uint8(G), iteration=i)
        if batch.lowres_mask.any():
            self._save("lowres G", self._block_means(G), iteration=i)
        self.shown.append(self._save("completed", completed, iteration=i))
        if self.events:
            self.events.pictures(i, losses, completed)
        return fill, completed

    def end(self, found):
        """Write the results of a batch, a `Found`."""
        batch, count = self.batch, self.settings.nCandidates
        best = found.complete.argmin(axis=1)
        logs.end_logs(self.logs)
        fills, completed = self.pictures(found.i, found.complete, found.G)
        if count > 1:
            candidates = np.stack([blend_into_holes(batch, found.G[:, k], self.settings.blend)
                                   for k in range(count)], axis=1)
        for b, frame in enumerate(self.frames):
            k = best[b]
            result = Result(
                frame, found.z[b], found.complete[b],
                *(float(t[b, k]) for t in (found.complete, found.contextual, found.perceptual)),
                self.losses[b * count + k], completed[b],
                metrics.measure(frame, completed[b]), None)
            self.results.append(result)
        # The search results come first: whole pictures may need too much memory.
        self._write_tables()
        if found.activations is not None:
            tables.write_activations(self._path("activations"),
                                     [frame.name for frame in self.frames], found.activations)
        for b, frame in enumerate(self.frames):
            made = {"image": completed[b]}
            if count > 1:
                made["candidates"] = drawing.grid(candidates[b])
            for what, image in made.items():
                path = names.path(self.settings.outDir, what, name=frame.name)
                self._guarded(frame, functools.partial(drawing.save_image, path, image))
        for b, frame in enumerate(self.frames):
            if frame.whole:
                place = b - len(self.frames)
                self.results[place] = self.results[place]._replace(
                    photo=self._guarded(
                        frame, functools.partial(self._save_photo, frame, fills[b])))
        drawing.save_gif(self._path("animation"), map(reading.read_image, self.shown))
        if self.settings.video:
            drawing.save_video(self._path("video", video=self.settings.video),
                               map(reading.read_image, self.shown))

    def _block_means(self, images):
        b, h, w, c = images.shape
        n = self.lowres
        means = images.reshape(b, h // n, n, w // n, n, c).mean(axis=(2, 4))
        return drawing.to_uint8(means.repeat(n, axis=1).repeat(n, axis=2))

    def _path(self, what, **fields):
        """The path of a result of this batch."""
        return names.path(self.settings.outDir, what, batch=self.number, **fields)

    def _save(self, what, images, **fields):
        path = self._path(what, **fields)
        drawing.save_image(path, drawing.grid(images))
        return path

    def _guarded(self, frame, save):
        """The result of `save()`; if it fails, None, a warning and an entry in `failed`."""
        saved, reason = messages.attempt(save)
        if reason is not None:
            messages.warn(frame.path, f"{reason}; its results are incomplete")
            self.failed.append(frame.path)
        return saved

    def _write_tables(self):
        out = self.settings.outDir
        tables.write_table(names.path(out, "table"), self.results)
        tables.write_latents(names.path(out, "latents"), self.results, self.settings)

    def _save_photo(self, frame, G):
        """Write the whole picture once all its frames are completed; returns `(thumbnail, scale)`,
        or None."""
        frames, fills = self.waiting.setdefault(frame.path, ([], []))
        frames.append(frame)
        fills.append(G)
        if len(frames) < frame.siblings:
            return None
        del self.waiting[frame.path]
        folder = names.folder(self.settings.outDir, "photo")
        writing.make_folder(folder)
        pixels, hole = self.framer.completed(frames, np.stack(fills), self.settings.blend)
        save_photo(folder, frames[0].name, frame.path, pixels, hole)
        thumbnail = Image.fromarray(pixels)
        thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
        return np.asarray(thumbnail), thumbnail.width / pixels.shape[1]
