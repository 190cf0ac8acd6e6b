"""Which pictures a training takes, and that nothing of the user's is where its results go."""

import os
import re

from files import ownership
from files.errors import UserError
from files.listing import list_images
from training import checkpoints, record
from training.pictures import is_cache

_SAMPLES = re.compile(r"train_\d{2,}_\d{4,}\.png")


def read_pictures(config):
    """The pictures of `dataset`, without the held-out ones and those in folders that the training
    writes to."""
    return list_images([config.dataset], "--dataset ", writes=[
        folder or "." for folder in (config.checkpoint_dir, config.sample_dir, config.log_dir)
    ], reads=[config.validation] if config.validation else [])


def adopt(config):
    """Record what a version without records has left of the run in `checkpoint_dir`, whose
    `run.json` tells of it: checkpoints, their list, the cache, and the grids in `sample_dir`."""
    before = record.read(config.checkpoint_dir)
    if not before or ownership.is_claimed(config.checkpoint_dir):
        return
    files = [file for path in checkpoints.find_checkpoints(config.checkpoint_dir)
             if checkpoints.step_of(path) is not None
             for file in checkpoints.files_of(path)]
    files += [os.path.join(config.checkpoint_dir, "checkpoint")]
    flags = before["flags"]

    def is_as_before(flag):
        old, new = flags.get(flag), getattr(config, flag)
        return old == new or (old and new and os.path.normpath(old) == os.path.normpath(new))

    if is_as_before("cache"):
        files += [config.cache]
    if is_as_before("sample_dir") and os.path.isdir(config.sample_dir or "."):
        ownership.claim(config.sample_dir, "train-dcgan.py")
        files += filter(_is_sample, _below(config.sample_dir))
    for path in filter(os.path.isfile, files):
        ownership.note(path, path)
    ownership.claim(config.checkpoint_dir, "train-dcgan.py")  # last, in case of a kill


def require_free(config, files):
    """Raise UserError if a result would take the place of a file that is not ours, or that this
    call reads.

    Args:
        config: the flags of train-dcgan.py as attributes.
        files: the dataset.
    """
    ownership.require_free(filter(_is_sample, _below(config.sample_dir)), files,
                           f"--sample_dir {config.sample_dir}: ")
    record.require_own(config.checkpoint_dir)
    best = os.path.join(config.checkpoint_dir, "best", "validation.json")
    if config.validation and os.path.exists(best) and not ownership.entries_of(best):
        ownership.require_free([best], flag=f"--checkpoint_dir {config.checkpoint_dir}: ")
    if config.cache and os.path.lexists(config.cache) and not is_cache(config.cache):
        raise UserError(f"--cache {config.cache}: is there, and not a cache of decoded pictures "
                        "that this program has made; name another file")


def _below(folder):
    return ([os.path.join(folder, name) for name in os.listdir(folder or ".")]
            if os.path.isdir(folder or ".") else [])


def _is_sample(path):
    return _SAMPLES.fullmatch(os.path.basename(path)) is not None
