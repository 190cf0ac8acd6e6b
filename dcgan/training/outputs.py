"""Which pictures a training takes, and that nothing of the user's is where its results go."""

import os
import re

from dcgan.checkpoints import finding
from dcgan.files import record
from dcgan.files.listing import list_images
from dcgan.messages import UserError
from dcgan.training import run_json
from dcgan.training.cache import is_cache

_SAMPLES = re.compile(r"train_\d{2,}_\d{4,}\.png")


def read_pictures(settings):
    """The pictures of `dataset`, without the held-out ones and those in folders that the training
    writes to."""
    return list_images([settings.dataset], "--dataset ", writes=[
        folder or "." for folder in (settings.checkpoint_dir, settings.sample_dir, settings.log_dir)
    ], reads=[settings.validation] if settings.validation else [])


def adopt(settings):
    """Record what a version without records has left of the run in `checkpoint_dir`, whose
    `run.json` tells of it: checkpoints, their list, the cache, and the grids in `sample_dir`."""
    before = run_json.read(settings.checkpoint_dir)
    if not before or record.at(settings.checkpoint_dir).by:
        return
    files = [file for path in finding.find_checkpoints(settings.checkpoint_dir)
             if finding.step_of(path) is not None
             for file in finding.files_of(path)]
    files += [os.path.join(settings.checkpoint_dir, "checkpoint")]
    flags = before["flags"]

    def is_as_before(flag):
        old, new = flags.get(flag), getattr(settings, flag)
        return old == new or (old and new and os.path.normpath(old) == os.path.normpath(new))

    if is_as_before("cache"):
        files += [settings.cache]
    if is_as_before("sample_dir") and os.path.isdir(settings.sample_dir or "."):
        record.claim(settings.sample_dir, "train-dcgan.py")
        files += filter(_is_sample, _below(settings.sample_dir))
    for path in filter(os.path.isfile, files):
        record.add(path, path)
    record.claim(settings.checkpoint_dir, "train-dcgan.py")  # last, in case of a kill


def require_free(settings, files):
    """Raise UserError if a result would take the place of a file that is not ours, or that this
    call reads.

    Args:
        settings: the `TrainingSettings`.
        files: the dataset.
    """
    record.require_free(filter(_is_sample, _below(settings.sample_dir)), files,
                           f"--sample_dir {settings.sample_dir}: ")
    run_json.require_own(settings.checkpoint_dir)
    best = os.path.join(settings.checkpoint_dir, "best", "validation.json")
    if settings.validation and os.path.exists(best) and not record.entries_of(best):
        record.require_free([best], flag=f"--checkpoint_dir {settings.checkpoint_dir}: ")
    if settings.cache and os.path.lexists(settings.cache) and not is_cache(settings.cache):
        raise UserError(f"--cache {settings.cache}: already exists and is not a cache of this "
                        "program; choose another file")


def _below(folder):
    return ([os.path.join(folder, name) for name in os.listdir(folder or ".")]
            if os.path.isdir(folder or ".") else [])


def _is_sample(path):
    return _SAMPLES.fullmatch(os.path.basename(path)) is not None
