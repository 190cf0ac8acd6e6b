#!/usr/bin/env python3
"""Find faces and align them by three landmarks, as OpenFace's align-dlib does."""

import cli.environment  # noqa: F401  (first: it says so where packages are missing)

# isort: split
import argparse
import collections
import functools
import os
import sys

import numpy as np
from tqdm import tqdm

import utils
from cli import flags, running
from faces import alignment, detection
from faces.processes import run_jobs
from faces.settings import Alignment
from files import aligned, notices, ownership, writing
from files.errors import UserError
from files.listing import MAKERS, list_images
from settings import kinds
from settings.kinds import Number
from settings.setting import part

MEAN = ("mean.csv", "std.csv", "mean.png")  # what computeMean writes
FAILED = "memory was short, or its process was killed; --jobs 1 takes the least memory"


def parse_args(argv=None):
    parser = flags.Parser(prog="align.py", description=__doc__)
    parser.add_argument("inputDir", type=kinds.path,
                        help="folder of pictures, searched recursively")
    flags.add_settings(parser, Alignment, "dlibFacePredictor")
    modes = parser.add_subparsers(dest="mode", required=True, prog="align.py")
    common = argparse.ArgumentParser(add_help=False)
    # The published place is in front of the mode; SUPPRESS keeps this one from clearing that.
    common.add_argument("--dlibFacePredictor", type=kinds.path, metavar="FILE",
                        default=argparse.SUPPRESS, help="as in front of the mode")
    common.add_argument("--jobs", type=Number(int, low=1), default=os.cpu_count(),
                        help="processes")

    align = modes.add_parser("align", parents=[common],
                             help="write every picture's largest face, aligned")
    align.add_argument("landmarks", choices=tuple(alignment.ALIGNMENTS),
                       help="the landmarks that are put in place")
    align.add_argument("outputDir", type=kinds.path, help="where the aligned faces go, as PNG")
    flags.add_settings(align, Alignment, "size", "flat")
    align.add_argument("--skipMulti", action="store_true", help="skip pictures of several faces")
    flags.add_settings(align, Alignment, "fallbackLfw")
    align.add_argument("--verbose", action="store_true", help="say what became of every picture")

    mean = modes.add_parser("computeMean", parents=[common],
                            help="the mean landmarks of the faces, min-max normalised: mean.csv, "
                                 "std.csv and mean.png")
    mean.add_argument("--numImages", type=Number(int, low=0), default=0,
                      help="use only this many pictures, drawn at random; 0 for all")
    mean.add_argument("--outputDir", type=kinds.path, default=".", help="where the files go")
    return parser.parse_args(argv)


def align_file(job, settings):
    """Align one picture; returns the path and what became of it."""
    path, output = job
    try:
        image = utils.read_image(path)
    except (OSError, ValueError) as error:
        return path, f"could not be read ({error})"
    several = (lambda faces: len(faces) > 1) if settings.skipMulti else bool
    faces = detection.find_landmarks(image, settings.dlibFacePredictor, enough=several)
    if faces and not (len(faces) > 1 and settings.skipMulti):
        transform = alignment.face_transform(
            faces[0], alignment.ALIGNMENTS[settings.landmarks], settings.size)
        face = alignment.warp_face(image, transform, settings.size)
        result = "aligned"
    else:
        face = fallback_face(path, settings) if settings.fallbackLfw else None
        result = "taken from LFW"
    if face is None:
        return path, "several faces" if len(faces) > 1 else "no face"
    try:
        utils.save_image(output, face, of=aligned.made_of(path, settings))
    except UserError as error:
        return path, f"could not be written ({error})"
    return path, result


def fallback_face(path, settings):
    """The centre of the deep-funneled LFW picture of the same person and name, or None."""
    folder, name = os.path.split(os.path.splitext(path)[0])
    funneled = os.path.join(settings.fallbackLfw, os.path.basename(folder), f"{name}.jpg")
    try:
        image = utils.read_image(funneled)
    except (OSError, ValueError):
        return None
    top, left = ((edge - 104) // 2 for edge in image.shape[:2])
    # 104 of LFW's 250 pixels is the part that OpenFace takes.
    transform = settings.size / 104 * np.array([[1.0, 0, -left], [0, 1.0, -top]])
    return alignment.warp_face(image, transform, settings.size)


def pictures_of(inputDir, outputDir, reads=()):
    """The pictures in `inputDir`, but for faces that were aligned before."""
    return list_images([inputDir], writes=[outputDir], reads=list(reads),
                       makers=(*MAKERS, "align.py"))


def align_faces(settings, jobs, verbose):
    """Align every picture that is not done yet; raises UserError when that leaves nothing.

    Args:
        settings: the `Alignment`.
        jobs: how many processes work at it.
        verbose: say what became of every picture.
    """
    files = pictures_of(settings.inputDir, settings.outputDir,
                        reads=filter(None, [settings.fallbackLfw]))
    to_do = aligned.plan(files, settings)
    writing.make_folder(settings.outputDir, by="align.py")
    for folder in {os.path.dirname(output) for _, output in to_do}:
        writing.make_folder(folder)
    results = collections.Counter({"already there": len(files) - len(to_do)})
    for path, result in run_jobs(
            functools.partial(align_file, settings=settings), to_do, jobs,
            failed=lambda job: (job[0], f"could not be aligned ({FAILED})")):
        results[result.partition(" (")[0]] += 1
        if verbose or result.startswith("could not"):
            tqdm.write(f"{path}: {result}", file=sys.stderr)
    summary = ", ".join(f"{count} {result}" for result, count in results.items() if count)
    if not any(results[kind] for kind in ("aligned", "taken from LFW", "already there")):
        raise UserError(f"{settings.inputDir}: nothing aligned: {summary}")
    print(f"{len(files)} pictures: {summary}; faces in {settings.outputDir}")


def normalised_landmarks(path, predictor):
    """The landmarks of a picture's largest face in the unit box of their extremes, or None."""
    image = utils.read_or_warn(path)
    faces = [] if image is None else detection.find_landmarks(image, predictor)
    if not faces:
        return None
    landmarks = faces[0]
    low = landmarks.min(axis=0)
    return (landmarks - low) / (landmarks.max(axis=0) - low)


def compute_mean(config):
    """Write the mean and deviation of normalised landmarks, and a picture of the mean."""
    files = pictures_of(config.inputDir, config.outputDir)
    ownership.require_free([os.path.join(config.outputDir, name) for name in MEAN], files,
                           f"--outputDir {config.outputDir}: ")
    if 0 < config.numImages < len(files):
        files = list(np.random.default_rng(0).choice(files, config.numImages, replace=False))
    writing.make_folder(config.outputDir, by="align.py computeMean")
    function = functools.partial(normalised_landmarks, predictor=config.dlibFacePredictor)
    faces = [face for face in run_jobs(
        function, files, config.jobs, failed=lambda path: notices.warn(path, f"{FAILED}; skipped"))
        if face is not None]
    if not faces:
        raise UserError(f"{config.inputDir}: no face in {len(files)} pictures")
    mean, std = np.mean(faces, axis=0), np.std(faces, axis=0)
    for name, values in zip(MEAN, (mean, std)):
        writing.write_whole(os.path.join(config.outputDir, name),
                          lambda path, values=values: np.savetxt(path, values, delimiter=","))
    writing.write_whole(os.path.join(config.outputDir, MEAN[2]),
                      functools.partial(plot_landmarks, mean))
    print(f"mean of {len(faces)} faces in {len(files)} pictures: "
          f"{os.path.join(config.outputDir, 'mean.csv')}, std.csv and mean.png")


def plot_landmarks(landmarks, path):
    """Draw numbered landmarks, y downwards as in pictures."""
    from matplotlib.figure import Figure

    axes = Figure(figsize=(6, 6)).subplots()
    axes.scatter(*landmarks.T)
    for i, point in enumerate(landmarks):
        axes.annotate(str(i), point)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.figure.savefig(path, format="png")


def main(argv=None):
    config = parse_args(argv)
    if config.dlibFacePredictor is None:
        config.dlibFacePredictor = detection.face_predictor_path()
    detection.check_predictor(config.dlibFacePredictor)
    if config.mode == "computeMean":
        compute_mean(config)
        return
    settings = part(config, Alignment)
    if not os.path.isdir(settings.fallbackLfw or "."):
        raise UserError(f"--fallbackLfw {settings.fallbackLfw}: no such folder")
    align_faces(settings, config.jobs, config.verbose)


if __name__ == "__main__":
    running.run(main, "align.py")
