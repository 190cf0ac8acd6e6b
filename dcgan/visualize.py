"""Pictures of a network's latent space, for `train-dcgan.py --visualize`.

The walks between z and the arithmetic with mean z follow Radford et al. 2015 (arXiv 1511.06434,
sections 5.1, 6.1 and 6.3.2).
"""

import os

import numpy as np
from tqdm import tqdm

import ops
from dcgan.files import record, writing
from dcgan.files.listing import list_images
from dcgan.messages import UserError
from dcgan.pictures import drawing, reading

ROWS, COLUMNS = 8, 8
STEPS = 2 * COLUMNS - 1  # of a walk; every second step is a column of the picture
NOISE = 0.25  # added to the z of an arithmetic, as in Radford et al.
FIND = 150  # iterations for the z of whole pictures: more than usual, as all pixels are known


def visualize(model, settings):
    """Write `KIND.png`, and for walks also `KIND.gif`, into `sample_dir`.

    Args:
        model: a `DCGAN`.
        settings: a `TrainingSettings` that is also a `training.settings.Latent`.

    Raises:
        UserError: no picture can be read, or no file can be written.
    """
    path = os.path.join(settings.sample_dir, settings.visualize)
    record.require_free([f"{path}.png", f"{path}.gif"],
                           flag=f"--sample_dir {settings.sample_dir}: ")
    writing.make_folder(settings.sample_dir, flag="--sample_dir ", by="train-dcgan.py")
    rows, walk = _PICTURES[settings.visualize](model, settings)
    drawing.save_image(f"{path}.png", drawing.grid(np.concatenate(rows), len(rows[0])))
    if walk is not None:
        there_and_back = [*range(STEPS), *range(STEPS - 2, 0, -1)]
        drawing.save_gif(f"{path}.gif", [drawing.grid(walk[:, i], 4) for i in there_and_back])
    print(f"{path}.png" + f" and {path}.gif" * (walk is not None))


def generate(model, z):
    """G(z) for z `[..., z_dim]`, as `[..., S, S, C]` uint8."""
    flat = np.reshape(z, (-1, model.z_dim)).astype(np.float32)
    weights = model.weights.for_inference(model.dtype)
    images = ops.in_batches(
        lambda batch: drawing.to_uint8(model.generator(batch, weights=weights)), flat,
        model.batch_size)
    return images.reshape(*np.shape(z)[:-1], *images.shape[1:])


def between(start, end):
    """`[N, STEPS, z_dim]`: straight lines from N z to N other z."""
    share = np.linspace(0, 1, STEPS)[:, np.newaxis]
    return (1 - share) * np.expand_dims(start, -2) + share * np.expand_dims(end, -2)


def samples(model, settings):
    """G(z) for 64 random z."""
    z = model.initial_z(range(ROWS * COLUMNS)).numpy()
    return generate(model, z.reshape(ROWS, COLUMNS, -1)), None


def interpolate(model, settings):
    """Each row: the walk from a random z to the z with which the next row begins."""
    z = model.initial_z(range(ROWS)).numpy()
    walk = generate(model, between(z, np.roll(z, -1, axis=0)))
    return walk[:, ::2], walk


def sweep(model, settings):
    """Each row: a random z, in which one coordinate goes from -1 to 1."""
    z = model.initial_z(range(ROWS)).numpy()
    k = settings.coordinate
    if k is None:
        k = _most_visible(model, z)
        print(f"coordinate {k} changes these pictures most; --coordinate chooses another")
    elif k >= model.z_dim:
        raise UserError(f"--coordinate {k}: must be between 0 and {model.z_dim - 1}, because z has "
                        f"{model.z_dim} dimensions")
    start, end = z.copy(), z.copy()
    start[:, k], end[:, k] = -1, 1
    walk = generate(model, between(start, end))
    return walk[:, ::2], walk


def _most_visible(model, z):
    """The coordinate whose change from -1 to 1 changes the pictures of these z most."""
    changes = []
    for k in range(model.z_dim):
        ends = np.stack([z, z])
        ends[0, :, k], ends[1, :, k] = -1, 1
        low, high = generate(model, ends).astype(np.int16)
        changes.append(np.abs(high - low).mean())
    return int(np.argmax(changes))


def arithmetic(model, settings):
    """The mean z of groups of pictures, added and subtracted.

    There is a row for each group, those of `--positive` first: G(z) for the z that were found for
    the group's first pictures, and in the last column for their mean. The last row shows G(z) for
    the sum and for z near it. The animation walks from the first group's mean, and from z near it,
    to the last row.
    """
    start, end, rows = 0, 0, []
    for sign, group in [*((1, group) for group in settings.positive),
                        *((-1, group) for group in settings.negative or ())]:
        flag = "--positive " if sign > 0 else "--negative "
        files = list_images([group], flag, writes=[settings.sample_dir or "."])
        images = [image for _, image in pictures(model, settings, files)]
        if not images:
            raise UserError(f"{flag}{group}: none of its {len(files)} pictures can be read")
        z = find_z(model, np.stack(images))
        mean = z.mean(axis=0)
        start, end = (mean if not rows else start), end + sign * mean
        found = generate(model, np.concatenate([z[:COLUMNS - 1], [mean]]))
        gap = np.zeros((COLUMNS - len(found), *found.shape[1:]), np.uint8)
        rows.append(np.concatenate([found[:-1], gap, found[-1:]]))
        print(f"row {len(rows)}: {'+' if sign > 0 else '-'} the mean of {len(z)}, {group}")
    noise = np.random.default_rng(model.seed).uniform(-NOISE, NOISE, (COLUMNS, model.z_dim))
    noise[0] = 0
    walk = generate(model, between(*(np.clip(z + noise, -1, 1) for z in (start, end))))
    return [*rows, walk[:, -1]], walk


def pictures(model, settings, paths):
    """Yield `(index, picture)` for every readable picture, read as in training."""
    for i, path in enumerate(tqdm(paths, unit="picture", disable=None)):
        picture = reading.read_or_warn(path, model.image_size, model.c_dim, settings.crop)
        if picture is not None:
            yield i, picture


def find_z(model, images):
    """The z `[B, z_dim]` whose G(z) are closest to whole pictures, `[B, S, S, C]` uint8."""
    everything = np.ones(images.shape[1:3])
    with tqdm(total=-(-len(images) // model.batch_size) * FIND, unit="it", disable=None) as bar:
        def show(progress):
            bar.update(progress.first // model.batch_size * FIND + progress.iteration - bar.n)

        found = model.complete(images, everything, preset="fast", nIter=FIND, gaussian=0.0,
                               precision=model.dtype.name, blend="paste", progress=show)
    return found.z[:, 0]


def neighbours(model, settings):
    """Each row: G(z) for a random z, and the pictures of the dataset that are nearest to it in root
    mean squared difference, mirrored or not. They show whether G has memorised its training
    pictures."""
    files = list_images([settings.dataset], "--dataset ", writes=[settings.sample_dir or "."])
    files = files[:settings.train_size]
    G = generate(model, model.initial_z(range(ROWS)).numpy())
    nearest = [[] for _ in G]  # (distance, index, picture)
    count = 0
    for i, picture in pictures(model, settings, files):
        count += 1
        both = np.stack([picture, picture[:, ::-1]])
        differences = both.astype(np.float32) - G[:, np.newaxis]
        distances = np.sqrt(np.square(differences).mean(axis=(2, 3, 4)))
        for row, two in zip(nearest, distances):
            row.append((two.min(), i, both[two.argmin()]))
            row.sort(key=lambda entry: entry[:2])
            del row[COLUMNS - 1:]
    if not count:
        raise UserError(
            f"--dataset {settings.dataset}: none of its {len(files)} pictures can be read")
    first = ", ".join(f"{row[0][0]:.0f}" for row in nearest)
    print(f"from each sample to its nearest of {count} pictures, of 255: {first}")
    gap = [np.zeros_like(G[0])] * (COLUMNS - 1 - len(nearest[0]))
    return [np.stack([image, *(entry[2] for entry in row), *gap])
            for image, row in zip(G, nearest)], None


_PICTURES = {kind.__name__: kind
             for kind in (samples, interpolate, sweep, arithmetic, neighbours)}
