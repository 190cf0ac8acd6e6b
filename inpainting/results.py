"""What complete.py writes: pictures, grids, logs, tables, animations and the report."""

import base64
import contextlib
import csv
import functools
import html
import io
import json
import os
import string
from typing import NamedTuple

import numpy as np
from PIL import Image

import utils
from files import naming, notices, writing
from files.errors import UserError
from inpainting import logs, measures
from inpainting.blending import blend
from inpainting.photos import HIDDEN, save_photo

CURVE_POINTS = 100  # of a loss curve in the report
THUMBNAIL = 256  # the longest edge of a whole picture in the report
TRACKED = 16  # pictures of a batch with curves of their own in TensorBoard
# What is measured in the hole, in words for TensorBoard.
MEASURES = {"psnr": "Peak signal-to-noise ratio in the hole, in dB; higher is better.",
            "ssim": "Structural similarity over the hole; 1 is the same.",
            "l1": "Mean absolute difference in the hole, of 1; lower is better."}
# Flags that say where things come from and go to, not what is made.
NOT_SETTINGS = ("imgs", "outDir", "init", "preset", "log_dir", "video", "frame", "own_mask")


class Result(NamedTuple):
    """One completed frame."""

    frame: tuple  # its `inpainting.photos.Frame`
    z: np.ndarray  # `[K, z_dim]` float32, of every candidate
    losses: np.ndarray  # `[K]`
    loss: float  # of the best candidate: contextual + lam * perceptual
    contextual: float
    perceptual: float
    curve: list  # the best candidate's loss at every iteration
    completed: np.ndarray  # `[S, S, C]` uint8
    measured: dict  # psnr, ssim, l1, or nothing if the truth is not known
    photo: np.ndarray  # `[H, W, 3]` uint8, the whole picture made small, or None


class Results:
    """Everything that complete.py writes below `--outDir`.

    For each batch, in `outDir` or, from the second on, in `batch_01`, ...: `before.png`,
    `masked.png`; every `outInterval` iterations and of the results `hats_imgs/IIII.png` (G(z)) and
    `completed/IIII.png` (in the hole); `completion.gif` and, if asked for, a video. For image NN,
    counted over all batches, `logs/hats_NN.log` with the loss and z of every iteration
    (`hats_NN_K.log` of candidate K). For each frame `images/NAME.png`; `photos/NAME.*` for each
    picture that is more than one frame of the network's size; `candidates/NAME.png` if there are
    several. `results.csv` and `latents.npz` after each batch, before its whole pictures; and at the
    end, as a context manager, `report.html`.

    Args:
        config: the flags of complete.py as attributes.
        framer: the `Framer` of the pictures.
        z_dim: length of z.
        lowres: edge of the blocks of the lowres mask.

    Raises:
        UserError: something cannot be written.
    """

    def __init__(self, config, framer, z_dim, lowres):
        self.config, self.framer, self.z_dim, self.lowres = config, framer, z_dim, lowres
        self.results = []
        self.waiting = {}  # frames and G(z) of pictures whose other frames are not done
        self.failed = []  # pictures of which a result could not be made or written
        writing.make_folder(config.outDir, flag="--outDir ", by="complete.py")
        for folder in ("images", "logs", *(["candidates"] if config.nCandidates > 1 else [])):
            writing.make_folder(os.path.join(config.outDir, folder))
        self.summaries = None
        if config.log_dir:
            from training.record import run_folder

            writing.make_folder(config.log_dir, flag="--log_dir ")
            self.log_dir = run_folder(config.log_dir)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.summaries:
            self.summaries.close()
        if self.results:  # those of the batches in front of an error too
            self.write_tables()
            self.write_latents()
            self.write_report()

    def raise_if_failed(self):
        """Raise UserError if a whole picture could not be completed or written."""
        if self.failed:
            raise UserError(
                f"{self.failed[0]}: not all of its results were written, for the reason in the "
                f"warning ({len(set(self.failed))} such pictures); what there is of them is in "
                f"{self.config.outDir}")

    def summary(self):
        """Where the results are, in words."""
        out = self.config.outDir
        photos = os.path.join(out, "photos")
        whole = f", whole pictures {photos}" if any(r.frame.whole for r in self.results) else ""
        return (f"{os.path.join(out, 'images')}{whole}, animation "
                f"{os.path.join(out, 'completion.gif')}, report {os.path.join(out, 'report.html')}")

    # A batch

    def begin(self, batch, number, first):
        """Write what is known of a `CompletionBatch` before its search."""
        self.batch, out = batch, self.config.outDir
        subfolder = f"batch_{number:02d}" if number else ""
        self.folder = os.path.join(out, subfolder)
        self.shown = []
        count = self.config.nCandidates
        self.logs = [
            os.path.join(out, "logs", f"hats_{first + i:02d}{f'_{k}' if k else ''}.log")
            for i in range(len(batch.frames)) for k in range(count)]
        self.curves = [[] for _ in self.logs]
        for name in ("hats_imgs", "completed"):
            writing.make_folder(os.path.join(self.folder, name))
        self._save("before.png", batch.images)
        masked = utils.to_uint8(batch.y * batch.mask)
        self._save("masked.png", masked)
        if self.config.log_dir:
            self._begin_summaries(os.path.join(self.log_dir, subfolder), masked)
        if batch.lowres_mask.any():
            self._save("lowres.png", self._block_means(batch.y))
        logs.start_logs(self.logs, self.z_dim)

    def _begin_summaries(self, folder, masked):
        """TensorBoard's files of a batch, each in a folder like that of its pictures: TensorBoard
        takes them for runs, and shows them in the same charts."""
        import tensorflow as tf

        from training.record import Summaries, write_hparams

        if self.summaries:
            self.summaries.close()
        self.summaries = Summaries(os.path.normpath(folder))
        self.summaries.write(0, functools.partial(
            tf.summary.image, description="What the search was shown."),
                             "masked", utils.grid(masked)[np.newaxis])
        self.summaries.write(0, write_hparams, self._settings())

    def _settings(self):
        return {k: v for k, v in vars(self.config).items() if k not in NOT_SETTINGS}

    def iterations(self, rows, first, losses, zs):
        """Keep iterations of the searches numbered `rows`: losses `[n, R]` and zs `[n, R, z_dim]`
        from iteration `first` on."""
        logs.append_logs([self.logs[row] for row in rows], first, losses, zs)
        for row, column in zip(rows, losses.T):
            self.curves[row] += column.tolist()
        if self.summaries:
            interval = self.config.outInterval
            for k in range(-first % interval, len(losses), interval):
                self.summaries.write(first + k, self._write_losses, rows, losses[k])

    def _write_losses(self, rows, losses):
        import tensorflow as tf

        count = self.config.nCandidates
        for row, loss in zip(rows, losses):
            if row // count < TRACKED:
                candidate = f"_{row % count}" if row % count else ""
                name = naming.as_text(self.batch.frames[row // count].name)
                tf.summary.scalar(f"loss/{name}{candidate}", loss)

    def pictures(self, i, losses, G):
        """Write the grids of iteration i.

        Args:
            i: the number of iterations.
            losses: `[B, K]`, of every candidate.
            G: `[B, K, S, S, C]` float32, their G(z).

        Returns:
            `(G, completed)`: what the candidates combine to, `[B, S, S, C]` float32, and the images
            completed with that, uint8.
        """
        batch, name = self.batch, f"{i:04d}"
        G = combine(losses, G, self.config.combine)
        completed = completed_images(batch, G, self.config.blend)
        self._save(os.path.join("hats_imgs", f"{name}.png"), utils.to_uint8(G))
        if batch.lowres_mask.any():
            self._save(os.path.join("hats_imgs", f"{name}.lowres.png"), self._block_means(G))
        self.shown.append(self._save(os.path.join("completed", f"{name}.png"), completed))
        if self.summaries:
            self.summaries.write(i, self._write_summaries, losses, completed)
        return G, completed

    def end(self, i, zs, complete, contextual, perceptual, G):
        """Write the results of a batch.

        Args:
            i: the number of iterations.
            zs: `[B, K, z_dim]`, of every candidate.
            complete, contextual, perceptual: `[B, K]`, their losses.
            G: `[B, K, S, S, C]` float32, their G(z).
        """
        batch, count = self.batch, self.config.nCandidates
        best = complete.argmin(axis=1)
        logs.end_logs(self.logs)
        fills, completed = self.pictures(i, complete, G)
        if count > 1:
            candidates = np.stack([completed_images(batch, G[:, k], self.config.blend)
                                   for k in range(count)], axis=1)
        for b, frame in enumerate(batch.frames):
            k = best[b]
            result = Result(
                frame, zs[b], complete[b], *(float(t[b, k]) for t in
                                             (complete, contextual, perceptual)),
                self.curves[b * count + k], completed[b], measure(frame, completed[b]), None)
            self.results.append(result)
        # What cost the search first: a whole picture may be too much for this machine.
        self.write_tables()
        self.write_latents()
        for b, frame in enumerate(batch.frames):
            made = {"images": completed[b]}
            if count > 1:
                made["candidates"] = utils.grid(candidates[b])
            for folder, image in made.items():
                path = os.path.join(self.config.outDir, folder, f"{frame.name}.png")
                self._guarded(frame, functools.partial(utils.save_image, path, image))
        for b, frame in enumerate(batch.frames):
            if frame.whole:
                place = b - len(batch.frames)
                self.results[place] = self.results[place]._replace(
                    photo=self._guarded(
                        frame, functools.partial(self._save_photo, frame, fills[b])))
        utils.save_gif(os.path.join(self.folder, "completion.gif"),
                       map(utils.read_image, self.shown))
        if self.config.video:
            utils.save_video(os.path.join(self.folder, self.config.video),
                             map(utils.read_image, self.shown))

    def _write_summaries(self, losses, completed):
        """The batch as it stands: its picture, and of what is measured the mean and each
        picture's."""
        import tensorflow as tf

        measured = [measure(*each) for each in zip(self.batch.frames, completed)]
        tf.summary.image("completed", utils.grid(completed)[np.newaxis],
                         description="G(z) in the holes, at each step's iteration.")
        if np.isfinite(losses).all():
            write_values("loss", losses.min(axis=1), "Of each picture the lowest so far.")
        for name, what in MEASURES.items():
            values = [each[name] for each in measured if each]
            if values:
                write_values(name, values, what)
            for frame, each in zip(self.batch.frames[:TRACKED], measured):
                if each:
                    tf.summary.scalar(f"{name}/{naming.as_text(frame.name)}", each[name])

    def _block_means(self, images):
        b, h, w, c = images.shape
        n = self.lowres
        means = images.reshape(b, h // n, n, w // n, n, c).mean(axis=(2, 4))
        return utils.to_uint8(means.repeat(n, axis=1).repeat(n, axis=2))

    def _save(self, name, images):
        path = os.path.join(self.folder, name)
        utils.save_image(path, utils.grid(images))
        return path

    def _guarded(self, frame, save):
        """What `save()` returns, or None, a warning and a place in `failed`."""
        saved, reason = notices.attempt(save)
        if reason is not None:
            notices.warn(frame.path, f"{reason}; not all of its results are written")
            self.failed.append(frame.path)
        return saved

    def _save_photo(self, frame, G):
        """Write the whole picture once all its frames are there; returns it made small, or None."""
        frames, fills = self.waiting.setdefault(frame.path, ([], []))
        frames.append(frame)
        fills.append(G)
        if len(frames) < frame.siblings:
            return None
        del self.waiting[frame.path]
        folder = os.path.join(self.config.outDir, "photos")
        writing.make_folder(folder)
        pixels, hole = self.framer.completed(frames, np.stack(fills), self.config.blend)
        save_photo(folder, frames[0].name, frame.path, pixels, hole)
        thumbnail = Image.fromarray(pixels)
        thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
        return np.asarray(thumbnail)

    # All batches

    def write_tables(self):
        """`results.csv`, a line for each frame."""
        def write(path):
            with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
                table = csv.writer(file)
                table.writerow(["name", "file", "loss", "contextual", "perceptual", "iterations",
                                "psnr", "ssim", "l1"])
                for r in self.results:
                    table.writerow([
                        r.frame.name, r.frame.path,
                        *(f"{v:.6g}" for v in (r.loss, r.contextual, r.perceptual)),
                        len(r.curve) - 1,
                        *(f"{r.measured[k]:.6g}" if r.measured else ""
                          for k in ("psnr", "ssim", "l1"))])

        writing.write_whole(os.path.join(self.config.outDir, "results.csv"), write)

    def write_latents(self):
        """`latents.npz`: what `read_latents` reads."""
        def write(path):
            with open(path, "wb") as file:
                np.savez(file, name=np.array([r.frame.name for r in self.results]),
                         z=np.stack([r.z for r in self.results]),
                         loss=np.stack([r.losses for r in self.results]),
                         seed=self.config.seed, settings=json.dumps(self._settings()))

        writing.write_whole(os.path.join(self.config.outDir, "latents.npz"), write)

    def write_report(self):
        """`report.html`, a page that needs nothing but itself."""
        with open(os.path.join(os.path.dirname(__file__), "report.html"), encoding="utf-8") as file:
            page = string.Template(file.read())
        settings = {k: v for k, v in sorted(vars(self.config).items())
                    if k not in ("imgs", "init") and v is not None}
        measured = {k: np.mean(values) for k in ("psnr", "ssim", "l1") if (
            values := [r.measured[k] for r in self.results if r.measured])}
        text = page.substitute(
            count=len(self.results), rows="\n".join(map(self._report_row, self.results)),
            means=", ".join([f"loss {np.mean([r.loss for r in self.results]):.1f}",
                             *(f"{k.upper()} {v:.3f}" for k, v in measured.items())]),
            settings=" ".join(f"<b>{html.escape(k)}</b>&nbsp;{html.escape(str(v))}"
                              for k, v in settings.items()))
        writing.write_text(os.path.join(self.config.outDir, "report.html"), text)

    def _report_row(self, result):
        frame = result.frame
        masked = np.where(frame.mask[..., np.newaxis] == 1, frame.image, HIDDEN).astype(np.uint8)
        pictures = "".join(
            f"<td>{picture(image)}</td>"
            for image in (frame.image, masked, result.completed, frame.truth, result.photo))
        numbers = "".join(f'<td data-value="{value}">{value:{form}}</td>' for value, form in (
            (result.loss, ".1f"), (result.contextual, ".1f"), (result.perceptual, ".3f"),
            (len(result.curve) - 1, "d")))
        numbers += "".join(
            f'<td data-value="{result.measured[k]}">{result.measured[k]:{form}}</td>'
            if result.measured else "<td>–</td>"
            for k, form in (("psnr", ".2f"), ("ssim", ".3f"), ("l1", ".3f")))
        name = html.escape(frame.name)
        return (f'<tr><td data-value="{name}">{name}</td>{pictures}<td>{curve(result.curve)}</td>'
                f"{numbers}</tr>")


def write_values(name, values, what):
    """The pictures' values for TensorBoard, as their mean and their histogram."""
    import tensorflow as tf

    tf.summary.scalar(name, np.mean(values), description=f"{what} The mean of the pictures.")
    tf.summary.histogram(f"pictures/{name}", values, description=what)


def completed_images(batch, G, method):
    """G(z) `[B, S, S, C]` blended into the holes of a `CompletionBatch`, as uint8; the known pixels
    are the images' bit for bit."""
    blended = blend(method, batch.y, G, batch.mask[..., 0])
    return np.where(batch.mask == 1, batch.images, utils.to_uint8(blended))


def combine(losses, G, method):
    """One fill of several candidates.

    Args:
        losses: `[B, K]`.
        G: `[B, K, S, S, C]`, their G(z).
        method: best, that of the lowest loss, or mean, of all.

    Returns:
        `[B, S, S, C]`.
    """
    return G.mean(axis=1) if method == "mean" else G[np.arange(len(G)), losses.argmin(axis=1)]


def measure(frame, completed):
    """`{psnr, ssim, l1}` of a completed frame in its hole, or nothing without the truth."""
    if frame.truth is None or not frame.hole.any():
        return {}
    return {f.__name__: float(f(completed[np.newaxis], frame.truth[np.newaxis], frame.hole)[0])
            for f in (measures.psnr, measures.ssim, measures.l1)}


def picture(image):
    """A picture as an HTML element that holds its PNG, or a dash for None."""
    if image is None:
        return "–"
    data = io.BytesIO()
    utils.as_pillow(image).save(data, format="PNG")
    return f'<img src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}" alt="">'


def curve(losses):
    """A loss curve as SVG, on a logarithmic scale of its own."""
    places = np.unique(np.linspace(0, len(losses) - 1, CURVE_POINTS).astype(int))
    values = np.log(np.maximum(np.array(losses)[places], 1e-6))
    x = places / max(len(losses) - 1, 1) * 120
    y = 60 - (values - values.min()) / max(np.ptp(values), 1e-6) * 56 - 2
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y))
    return (f'<svg viewBox="0 0 120 60"><title>from {losses[0]:.1f} to {losses[-1]:.1f} in '
            f'{len(losses) - 1} iterations</title><polyline points="{points}"/></svg>')


def read_latents(path):
    """What `Results.write_latents` wrote.

    Args:
        path: a latents.npz.

    Returns:
        `({name: z [K, z_dim] float32}, settings)`, the names as `naming.composed` has them, and
        settings a dict of complete.py's flags.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with contextlib.closing(np.load(path)) as file:
            return (dict(zip(map(naming.composed, file["name"].tolist()), file["z"])),
                    json.loads(str(file["settings"])))
    except Exception as error:  # what damaged archives raise is manifold
        raise UserError(f"--init {path}: is not a latents.npz of complete.py "
                        f"({getattr(error, 'strerror', None) or error})") from error
