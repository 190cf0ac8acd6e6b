"""Lists complete.py's input pictures and checks that its results overwrite no user file."""

import glob
import itertools
import math
import os
import re

from dcgan.files import naming, record
from dcgan.files.listing import list_images
from dcgan.pictures.saving import PHOTO_FORMATS
from dcgan.results import names, report


def read_pictures(settings):
    """The pictures that `imgs` names, without masks, undamaged pictures and results."""
    apart = [path for path in (settings.mask, settings.truth) if path and (
        os.path.isdir(path) or path == settings.mask)]
    return list_images(settings.imgs, writes=written_folders(settings), reads=apart)


def written_folders(settings):
    """The folders that a completion writes to."""
    return [settings.outDir or ".", *([settings.log_dir] if settings.log_dir else [])]


def require_free(settings, files, stems, checkpoints):
    """Raise UserError if a result would overwrite a file of the user, or a file that this command
    reads.

    Args:
        settings: the `CompletionSettings`.
        files: the pictures.
        stems: the names of their results.
        checkpoints: the network's files.
    """
    inputs = [*files, *checkpoints, *filter(None, [settings.landmarks])]
    for path in filter(None, [settings.mask, settings.truth]):
        inputs += _files_below(path, written_folders(settings)) if os.path.isdir(path) else [path]
    record.require_free(dict(_paths(settings, dict(zip(stems, files)))), inputs,
                        f"--outDir {settings.outDir}: ")


def _files_below(root, without):
    without = set(map(record.identity, without))
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders
                         if record.identity(os.path.join(folder, name)) not in without]
        yield from (os.path.join(folder, name) for name in files)


def _paths(settings, sources):
    """Yield `(path, picture)` for every path that complete.py may write; the picture is None for
    results of several. Of numbered paths, only those whose number exists in `outDir`.

    Args:
        settings: the `CompletionSettings`.
        sources: `{name of the result: picture}`.
    """
    taken, frames, most = naming.Names(sources), dict(sources), len(sources)
    if settings.faces == "all":
        most = math.inf
        for face in _numbers(settings, "*/*-face*", r"-face(\d{1,6})(?!\d)"):
            frames |= {taken.untaken(name, f"-face{face}"): path for name, path in sources.items()}
    values = {
        "name": frames, "suffix": PHOTO_FORMATS.values(), "candidate": range(settings.nCandidates),
        "video": [settings.video] if settings.video else [],
        "page": {1} | _numbers(settings, "report-*", r"(\d+)", 1 + most / report.PAGE),
        "image": {0} | _numbers(settings, "logs/hats_*", r"hats_(\d+)", most),
        "batch": {0} | _numbers(settings, "batch_*/", r"(\d+)", most / settings.batchSize),
        "iteration": {0}.union(*(
            _numbers(settings, pattern, r"(?:hats_imgs|completed)/(\d+)", settings.iterations + 1)
            for pattern in ("*/*.png", "batch_*/*/*.png")))}
    for what in names.NAMES:
        fields = names.fields_of(what)
        if what != "candidates" or settings.nCandidates > 1:
            for each in itertools.product(*(values[field] for field in fields)):
                given = dict(zip(fields, each))
                yield names.path(settings.outDir, what, **given), frames.get(given.get("name"))


def _numbers(settings, pattern, number, limit=math.inf):
    """The numbers below a limit in the names of existing files in `outDir`, which match a `glob`
    pattern and a regular expression."""
    found = (re.search(number, path) for path in glob.glob(
        pattern, root_dir=settings.outDir, include_hidden=True))
    return {int(match[1]) for match in found if match and int(match[1]) < limit}
