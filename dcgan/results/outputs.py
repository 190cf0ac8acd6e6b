"""Which pictures complete.py takes, and that nothing of the user's is where its results go."""

import math
import os

from dcgan.files import naming, ownership
from dcgan.files.listing import list_images
from dcgan.pictures.saving import PHOTO_FORMATS
from dcgan.results import report

FACES = 8  # of a photograph, whose results' places are looked at before they are found


def read_pictures(settings):
    """The pictures that complete.py's `imgs` name, without masks, truths and results."""
    apart = [path for path in (settings.mask, settings.truth) if path and (
        os.path.isdir(path) or path == settings.mask)]
    return list_images(settings.imgs, writes=written_folders(settings), reads=apart)


def written_folders(settings):
    """The folders that a completion writes to."""
    return [settings.outDir or ".", *([settings.log_dir] if settings.log_dir else [])]


def require_free(settings, files, names, checkpoints):
    """Raise UserError if a result would take the place of a file that is not ours, or that this
    call reads.

    Args:
        settings: the `CompletionSettings`.
        files: the pictures.
        names: of their results.
        checkpoints: files of the network.
    """
    inputs = [*files, *checkpoints, *filter(None, [settings.landmarks])]
    for path in filter(None, [settings.mask, settings.truth]):
        inputs += _files_below(path, written_folders(settings)) if os.path.isdir(path) else [path]
    ownership.require_free(dict(_paths(settings, dict(zip(names, files)))), inputs,
                           f"--outDir {settings.outDir}: ")


def _files_below(root, without):
    without = set(map(ownership.identity, without))
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders
                         if ownership.identity(os.path.join(folder, name)) not in without]
        yield from (os.path.join(folder, name) for name in names)


def _paths(settings, sources):
    """Yield every path that complete.py may write, and the picture whose result it is, or None.

    Args:
        settings: the `CompletionSettings`.
        sources: `{name: picture}` of the results.
    """
    out, faces = settings.outDir, FACES if settings.faces == "all" else 1
    taken = naming.Names(sources)
    for name in ("results.csv", "latents.npz"):
        yield os.path.join(out, name), None
    for path in report.pages(out, len(sources) * faces):
        yield path, None
    for name, source in sources.items():
        for face in range(faces):
            each = taken.untaken(name, f"-face{face + 1}") if face else name
            yield os.path.join(out, "images", f"{each}.png"), source
            if settings.nCandidates > 1:
                yield os.path.join(out, "candidates", f"{each}.png"), source
        for suffix in PHOTO_FORMATS.values():
            yield os.path.join(out, "photos", f"{name}{suffix}"), source
    count = len(sources) * faces
    for number in range(count):
        for k in range(settings.nCandidates):
            yield os.path.join(out, "logs", f"hats_{number:02d}{f'_{k}' if k else ''}.log"), None
    for number in range(math.ceil(count / settings.batchSize)):
        folder = os.path.join(out, f"batch_{number:02d}" if number else "")
        if not number or os.path.isdir(folder):  # a file in its place is its own batch's trouble
            for path in _paths_of_batch(folder, settings):
                yield path, None


def _paths_of_batch(folder, settings):
    for name in ("before.png", "masked.png", "lowres.png", "completion.gif",
                 "activations.npz", settings.video):
        if name:
            yield os.path.join(folder, name)
    for name in ("hats_imgs", "completed"):
        if os.path.lexists(os.path.join(folder, name)):
            for i in range(settings.iterations + 1):
                yield os.path.join(folder, name, f"{i:04d}.png")
                yield os.path.join(folder, name, f"{i:04d}.lowres.png")
