"""Which pictures complete.py takes, and that nothing of the user's is where its results go."""

import math
import os

from files import naming, ownership
from files.listing import list_images
from inpainting.photos import PHOTO_FORMATS

FACES = 8  # of a photograph, whose results' places are looked at before they are found


def read_pictures(config):
    """The pictures that complete.py's `imgs` name, without masks, truths and results."""
    apart = [path for path in (config.mask, config.truth) if path and (
        os.path.isdir(path) or path == config.mask)]
    return list_images(config.imgs, writes=written_folders(config), reads=apart)


def written_folders(config):
    """The folders that complete.py's flags make it write to."""
    return [config.outDir or ".", *([config.log_dir] if config.log_dir else [])]


def require_free(config, files, names, checkpoints):
    """Raise UserError if a result would take the place of a file that is not ours, or that this
    call reads.

    Args:
        config: the flags of complete.py as attributes.
        files: the pictures.
        names: of their results.
        checkpoints: files of the network.
    """
    inputs = [*files, *checkpoints, *filter(None, [config.landmarks])]
    for path in filter(None, [config.mask, config.truth]):
        inputs += _files_below(path, written_folders(config)) if os.path.isdir(path) else [path]
    ownership.require_free(dict(_paths(config, dict(zip(names, files)))), inputs,
                           f"--outDir {config.outDir}: ")


def _files_below(root, without):
    without = set(map(ownership.identity, without))
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders
                         if ownership.identity(os.path.join(folder, name)) not in without]
        yield from (os.path.join(folder, name) for name in names)


def _paths(config, sources):
    """Yield every path that complete.py may write, and the picture whose result it is, or None.

    Args:
        config: the flags of complete.py as attributes.
        sources: `{name: picture}` of the results.
    """
    out, faces = config.outDir, FACES if config.faces == "all" else 1
    for name in ("results.csv", "latents.npz", "report.html"):
        yield os.path.join(out, name), None
    for name, source in sources.items():
        for face in range(faces):
            each = naming.untaken(name, sources, f"-face{face + 1}") if face else name
            yield os.path.join(out, "images", f"{each}.png"), source
            if config.nCandidates > 1:
                yield os.path.join(out, "candidates", f"{each}.png"), source
        for suffix in PHOTO_FORMATS.values():
            yield os.path.join(out, "photos", f"{name}{suffix}"), source
    count = len(sources) * faces
    for number in range(count):
        for k in range(config.nCandidates):
            yield os.path.join(out, "logs", f"hats_{number:02d}{f'_{k}' if k else ''}.log"), None
    for number in range(math.ceil(count / config.batchSize)):
        folder = os.path.join(out, f"batch_{number:02d}" if number else "")
        if not number or os.path.isdir(folder):  # a file in its place is its own batch's trouble
            for path in _paths_of_batch(folder, config):
                yield path, None


def _paths_of_batch(folder, config):
    for name in ("before.png", "masked.png", "lowres.png", "completion.gif", config.video):
        if name:
            yield os.path.join(folder, name)
    for name in ("hats_imgs", "completed"):
        if os.path.lexists(os.path.join(folder, name)):
            for i in range(config.nIter + 1):
                yield os.path.join(folder, name, f"{i:04d}.png")
                yield os.path.join(folder, name, f"{i:04d}.lowres.png")
