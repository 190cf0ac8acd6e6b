"""The Gaussian of a network's faces, for `complete.py --gaussian`."""

import os

from checkpoints import finding, saving
from files import ownership
from files.errors import UserError
from files.listing import list_images, spread
from inpainting import gaussian

MOST = 2**28  # numbers that are read at most, a GiB of them


def fit_gaussian(model, settings):
    """Fit a `Gaussian` to the pictures of `dataset`, and write it into `checkpoint_dir`.

    Args:
        model: a `DCGAN` of the size that the pictures are to have.
        settings: the `TrainingSettings` and `latent.settings.Latent` in one.

    Raises:
        UserError: there are too few pictures, or the file cannot be written.
    """
    source = settings.checkpoint_dir
    saving.require_usable_name(source, "--checkpoint_dir")
    folder = os.path.dirname(source) if finding.is_one(source) else source
    files = list_images([settings.dataset], "--dataset ",
                        reads=[settings.validation] if settings.validation else [])
    files = files[:settings.train_size]
    most = MOST // (model.image_size**2 * model.c_dim)
    ownership.require_free([os.path.join(folder, gaussian.NAME)])  # before the work
    faces = gaussian.read_faces(
        spread(files, most), model.image_size, model.c_dim, settings.crop)
    if settings.components >= min(faces.shape):
        raise UserError(f"--components {settings.components}: must be at most "
                        f"{min(faces.shape) - 1}, for {len(faces)} pictures")
    path = gaussian.write(gaussian.Gaussian.fit(faces, settings.components), folder)
    print(f"{settings.components} components of {len(faces)} pictures: {path}")
