"""The tables of a completion: `results.csv` to read, `latents.npz` to continue a search."""

import contextlib
import csv
import json

import numpy as np

import dcgan
from dcgan.files import naming, writing
from dcgan.messages import UserError

# Settings that do not change the results: inputs and outputs.
NOT_RECORDED = ("imgs", "outDir", "init", "preset", "log_dir", "video")


def recorded(settings):
    """`{name: value}` of the `CompletionSettings` that determine the results."""
    return {k: v for k, v in settings.flags().items() if k not in NOT_RECORDED}


def write_table(path, results):
    """Write `results.csv`, a line for each of the `results.writer.Result`s."""
    with writing.whole(path) as temporary, open(
            temporary, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        table = csv.writer(file)
        table.writerow(["name", "file", "loss", "contextual", "perceptual", "iterations",
                        "psnr", "ssim", "l1", "placed by"])
        for r in results:
            table.writerow([
                r.frame.name, r.frame.path,
                *(f"{v:.6g}" for v in (r.loss, r.contextual, r.perceptual)), len(r.curve) - 1,
                *(f"{r.measured[k]:.6g}" if r.measured else ""
                  for k in ("psnr", "ssim", "l1")), r.frame.place.by])


def write_latents(path, results, settings):
    """Write `latents.npz` for `Result`s and their settings; `read_latents` reads it."""
    with writing.whole(path) as temporary:
        np.savez(temporary, name=np.array([r.frame.name for r in results]),
                 z=np.stack([r.z for r in results]), loss=np.stack([r.losses for r in results]),
                 seed=settings.seed, version=dcgan.__version__,
                 settings=json.dumps(recorded(settings)))


def write_activations(path, names, activations):
    """Write `activations.npz`: for each picture `[K, r, r, n]` float16, from which
    `DCGAN.generator` generates images."""
    with writing.whole(path) as temporary:
        np.savez(temporary, name=np.array(names), activations=activations)


def read_latents(path):
    """Read a file of `write_latents`.

    Args:
        path: a latents.npz.

    Returns:
        `({name: z [K, z_dim] float32}, settings)`; the names are `naming.composed`, and settings is
        a dict of complete.py's flags.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with contextlib.closing(np.load(path)) as file:
            return (dict(zip(map(naming.composed, file["name"].tolist()), file["z"])),
                    json.loads(str(file["settings"])))
    except FileNotFoundError as error:
        raise UserError(f"--init {path}: no such file; name the latents.npz of an earlier run, "
                        "such as completions/latents.npz") from error
    except Exception as error:  # damaged archives raise many kinds
        raise UserError(f"--init {path}: not a latents.npz written by complete.py") from error
