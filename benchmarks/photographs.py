#!/usr/bin/env python3
"""How good completions of photographs are, with the landmarks that are found and with true ones.

    .venv/bin/python ../shared/photo_holes.py ../shared/lfw/valid OUT --count 36
    .venv/bin/python benchmarks/photographs.py OUT

Prints for each kind of hole: of how many photographs a face was found; how far the frame is off, in
pixels of the network's input; and in the hole, in the photograph's own pixels, PSNR, SSIM and the
distance of dlib's face embeddings of completed and true photograph: with the landmarks found, and
with the true ones. Means are of the photographs in which a face was found.
"""

import _path

import csv
import os
import time
from typing import NamedTuple

import numpy as np
from quality import embeddings
from tables import head, row

import complete
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.faces import alignment
from dcgan.faces.landmarks import read_landmarks
from dcgan.files import naming, writing
from dcgan.files.listing import evenly_spaced
from dcgan.inpainting.photos import Framer
from dcgan.machine import importing
from dcgan.metrics import psnr, ssim
from dcgan.pictures import drawing, reading

KINDS = ("mouth", "one-eye", "eyes", "nose", "lower-half", "one-side", "pen")
ALIGNMENT = alignment.ALIGNMENTS["innerEyesAndBottomLip"]
EMBEDDED = 106  # pixels of the aligned face that is embedded


class Measured(NamedTuple):
    """Of one photograph."""

    off: float  # the mean distance of a pixel's place in the frame from its place in the true one
    psnr: float
    ssim: float
    distance: float


def kind_of(name):
    return next(kind for kind in KINDS if name.endswith(f"-{kind}"))


def frame_error(points, truth, size):
    """How far a frame is off, in pixels of its own: the mean over its pixels.

    Args:
        points, truth: `[3, 2]`, the landmarks that place it.
        size: its edge.
    """
    found, true = (alignment.points_transform(each, ALIGNMENT, size) for each in (points, truth))
    pixels = np.stack(np.meshgrid(*[np.arange(size)] * 2), axis=-1).reshape(-1, 2)
    there = alignment.apply_transform(
        true, alignment.apply_transform(alignment.invert_transform(found), pixels))
    return np.linalg.norm(there - pixels, axis=1).mean()


def complete_photographs(config, photos, more):
    """Complete a folder of photographs as complete.py does.

    Returns:
        `{name: (points, pixels, hole)}`, the landmarks that placed the frame and what
        `Framer.completed` returned; and seconds per photograph, to find the face and in all.
    """
    from model import DCGAN

    choice = complete.parse_args([photos, "--align", "--mask", os.path.join(config.folder, "masks"),
                                  "--preset", config.preset, "--seed", str(config.seed),
                                  "--checkpointDir", config.checkpointDir, *more])
    model = DCGAN.from_checkpoint(choice.checkpointDir, jit=choice.jit).configured(choice)
    files = [os.path.join(photos, name) for name in sorted(os.listdir(photos))]
    files = evenly_spaced(files, config.count) if config.count else files
    framer = Framer(choice, files, model.image_size, model.c_dim, choice.seed,
                    margin=model.margin)
    begun = time.perf_counter()
    frames = list(framer.frames())
    to_find = time.perf_counter() - begun
    found = model.complete(np.stack([frame.image for frame in frames]),
                           np.stack([frame.mask for frame in frames]), preset=config.preset,
                           seed=config.seed, blend="poisson")
    results = {naming.stem(frame.path): (frame.place.points,
                                         *framer.completed([frame], fill[np.newaxis], "poisson"))
               for frame, fill in zip(frames, found.fills)}
    return results, np.array([to_find, time.perf_counter() - begun]) / len(files)


def measure(results, folder, landmarks, size):
    """`{name: Measured}` of what `complete_photographs` returned."""
    measured, faces = {}, []
    for name, (points, pixels, hole) in results.items():
        truth = reading.read_image(os.path.join(folder, "whole", f"{name}.png"))
        true = landmarks[name][list(ALIGNMENT)]
        transform = alignment.points_transform(true, ALIGNMENT, EMBEDDED)
        faces += [alignment.warp_face(image, transform, EMBEDDED) for image in (pixels, truth)]
        one = pixels[np.newaxis], truth[np.newaxis], hole
        measured[name] = [frame_error(points, true, size), float(psnr(*one)[0]),
                          float(ssim(*one)[0])]
    vectors = embeddings(faces).reshape(-1, 2, 128)
    distances = np.linalg.norm(vectors[:, 0] - vectors[:, 1], axis=1)
    return {name: Measured(*values, distance)
            for (name, values), distance in zip(measured.items(), distances)}


def print_table(found, true):
    """Print the means by kind of hole: of what was found, and of the same with true landmarks."""
    head("hole", "found", "frame off by, mean (median)", "PSNR", "true", "behind", "SSIM", "true",
         "E", "true")
    for kind in (*KINDS, "all"):
        names = [name for name in true if kind in ("all", kind_of(name))]
        mine = np.array([found[name] for name in names if name in found])
        theirs = np.array([true[name] for name in names if name in found])
        if not len(mine):
            continue
        a, b = mine.mean(axis=0), theirs.mean(axis=0)
        row(kind, f"{len(mine)} of {len(names)}", f"{a[0]:.2f} ({np.median(mine[:, 0]):.2f})",
            *(f"{value:.2f}" for value in (a[1], b[1], b[1] - a[1])),
            *(f"{value:.3f}" for value in (a[2], b[2], a[3], b[3])))


def save(results, folder):
    """Write completed photographs, to look at."""
    writing.make_folder(folder, by="photographs.py")
    for name, (_, pixels, _) in results.items():
        drawing.save_image(os.path.join(folder, f"{name}.png"), pixels)


def write_csv(path, found, true):
    """Every photograph's figures."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["name", *Measured._fields, *(f"true_{each}" for each in Measured._fields)])
        table.writerows([name, *found.get(name, [""] * 4), *true[name]] for name in true)


def parse_args(argv=None):
    parser = flags.Parser(prog="photographs.py", description=__doc__)
    parser.add_argument("folder", type=settings.path, help="what photo_holes.py wrote")
    parser.add_argument("--photos", default="photos", choices=("photos", "whole"),
                        help="photos: the hole is painted over; whole: it holds what was there")
    parser.add_argument("--preset", default="fast", help="of complete.py")
    parser.add_argument("--seed", type=settings.Number(int, low=0), default=0, help="of the search")
    parser.add_argument("--checkpointDir", type=settings.path, default="pretrained",
                        help="the checkpoint")
    parser.add_argument("--count", type=settings.Number(int, low=1), help="only so many of them")
    parser.add_argument("--save", type=settings.path, metavar="FOLDER",
                        help="write the completed photographs and figures.csv there")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    photos = os.path.join(config.folder, config.photos)
    marks = os.path.join(config.folder, "landmarks.csv")
    landmarks = read_landmarks(marks)
    results, seconds = complete_photographs(config, photos, [])
    best, _ = complete_photographs(config, photos, ["--landmarks", marks])
    found, true = (measure(each, config.folder, landmarks, 64) for each in (results, best))
    print(f"{config.photos}, {len(true)} photographs, --preset {config.preset}\n")
    print_table(found, true)
    print(f"\nSeconds per photograph: {seconds[0]:.2f} to find the face, {seconds[1]:.2f} in all")
    if config.save:
        save(results, config.save)
        write_csv(os.path.join(config.save, "figures.csv"), found, true)


if __name__ == "__main__":
    running.run(main, "photographs.py")
