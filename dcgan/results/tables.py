"""The tables of a completion: `results.csv` for people, `latents.npz` for a search that goes on."""

import contextlib
import csv
import json

import numpy as np

import dcgan
from dcgan.files import naming, writing
from dcgan.messages import UserError

# Settings that say where things come from and go to, not what is made.
NOT_RECORDED = ("imgs", "outDir", "init", "preset", "log_dir", "video")


def recorded(settings):
    """`{name: value}` of the `CompletionSettings` that say what is made."""
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
    """Write `latents.npz`, which `read_latents` reads, of `Result`s and their settings."""
    with writing.whole(path) as temporary:
        np.savez(temporary, name=np.array([r.frame.name for r in results]),
                 z=np.stack([r.z for r in results]), loss=np.stack([r.losses for r in results]),
                 seed=settings.seed, version=dcgan.__version__,
                 settings=json.dumps(recorded(settings)))


def write_activations(path, names, activations):
    """Write `activations.npz`: of each of the pictures `[K, r, r, n]` float16, whose images
    `DCGAN.generator` makes."""
    with writing.whole(path) as temporary:
        np.savez(temporary, name=np.array(names), activations=activations)


def read_latents(path):
    """What `write_latents` wrote.

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
    except FileNotFoundError as error:
        raise UserError(f"--init {path}: no such file; name the latents.npz of an earlier run, "
                        "such as completions/latents.npz") from error
    except Exception as error:  # what damaged archives raise is manifold
        raise UserError(f"--init {path}: not a latents.npz written by complete.py") from error
