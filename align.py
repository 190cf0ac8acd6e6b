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
from cli.flags import number
from faces import alignment, detection
from faces.processes import run_jobs
from files import aligned, notices, ownership, writing
from files.errors import UserError
from files.listing import MAKERS, list_images

MEAN = ("mean.csv", "std.csv", "mean.png")  # what computeMean writes
FAILED = "memory was short, or its process was killed; --jobs 1 takes the least memory"


def parse_args(argv=None):
    parser = flags.Parser(prog="align.py", description=__doc__)
    parser.add_argument("inputDir", type=flags.path,
                        help="folder of pictures, searched recursively")
    parser.add_argument("--dlibFacePredictor", type=flags.path, metavar="FILE",
                        help="dlib's 68-landmark predictor (that of face_recognition_models)")
    modes = parser.add_subparsers(dest="mode", required=True, prog="align.py")
    common = argparse.ArgumentParser(add_help=False)
    # The published place is in front of the mode; SUPPRESS keeps this one from clearing that.
    common.add_argument("--dlibFacePredictor", type=flags.path, metavar="FILE",
                        default=argparse.SUPPRESS, help="as in front of the mode")
    common.add_argument("--jobs", type=number(int, low=1), default=os.cpu_count(),
                        help="processes")

    align = modes.add_parser("align", parents=[common],
                             help="write every picture's largest face, aligned")
    align.add_argument("landmarks", choices=tuple(alignment.ALIGNMENTS),
                       help="the landmarks that are put in place")
    align.add_argument("outputDir", type=flags.path, help="where the aligned faces go, as PNG")
    align.add_argument("--size", type=number(int, low=8, high=4096), default=96,
                       help="edge of the aligned faces")
    align.add_argument("--flat", action=argparse.BooleanOptionalAction, default=False,
                       help="no subfolders: a name that several pictures have gets its folder's in "
                            "front")
    align.add_argument("--skipMulti", action="store_true", help="skip pictures of several faces")
    align.add_argument("--fallbackLfw", type=flags.path, metavar="DIR",
                       help="deep-funneled LFW, whose centre is used where no face is found")
    align.add_argument("--verbose", action="store_true", help="say what became of every picture")

    mean = modes.add_parser("computeMean", parents=[common],
                            help="the mean landmarks of the faces, min-max normalised: mean.csv, "
                                 "std.csv and mean.png")
    mean.add_argument("--numImages", type=number(int, low=0), default=0,
                      help="use only this many pictures, drawn at random; 0 for all")
    mean.add_argument("--outputDir", type=flags.path, default=".", help="where the files go")
    return parser.parse_args(argv)


def align_file(job, config):
    """Align one picture; returns the path and what became of it."""
    path, output = job
    try:
        image = utils.read_image(path)
    except (OSError, ValueError) as error:
        return path, f"could not be read ({error})"
    several = (lambda faces: len(faces) > 1) if config.skipMulti else bool
    faces = detection.find_landmarks(image, config.dlibFacePredictor, enough=several)
    if faces and not (len(faces) > 1 and config.skipMulti):
        transform = alignment.face_transform(
            faces[0], alignment.ALIGNMENTS[config.landmarks], config.size)
        face = alignment.warp_face(image, transform, config.size)
        result = "aligned"
    else:
        face = fallback_face(path, config) if config.fallbackLfw else None
        result = "taken from LFW"
    if face is None:
        return path, "several faces" if len(faces) > 1 else "no face"
    try:
        utils.save_image(output, face, of=aligned.made_of(path, config))
    except UserError as error:
        return path, f"could not be written ({error})"
    return path, result


def fallback_face(path, config):
    """The centre of the deep-funneled LFW picture of the same person and name, or None."""
    folder, name = os.path.split(os.path.splitext(path)[0])
    funneled = os.path.join(config.fallbackLfw, os.path.basename(folder), f"{name}.jpg")
    try:
        image = utils.read_image(funneled)
    except (OSError, ValueError):
        return None
    top, left = ((edge - 104) // 2 for edge in image.shape[:2])
    # 104 of LFW's 250 pixels is the part that OpenFace takes.
    transform = config.size / 104 * np.array([[1.0, 0, -left], [0, 1.0, -top]])
    return alignment.warp_face(image, transform, config.size)


def pictures_of(config, reads=()):
    """The pictures in `inputDir`, but for faces that were aligned before."""
    return list_images([config.inputDir], writes=[config.outputDir], reads=list(reads),
                       makers=(*MAKERS, "align.py"))


def align_faces(config):
    """Align every picture that is not done yet; raises UserError when that leaves nothing."""
    files = pictures_of(config, reads=filter(None, [config.fallbackLfw]))
    jobs = aligned.plan(files, config)
    writing.make_folder(config.outputDir, by="align.py")
    for folder in {os.path.dirname(output) for _, output in jobs}:
        writing.make_folder(folder)
    results = collections.Counter({"already there": len(files) - len(jobs)})
    for path, result in run_jobs(
            functools.partial(align_file, config=config), jobs, config.jobs,
            failed=lambda job: (job[0], f"could not be aligned ({FAILED})")):
        results[result.partition(" (")[0]] += 1
        if config.verbose or result.startswith("could not"):
            tqdm.write(f"{path}: {result}", file=sys.stderr)
    summary = ", ".join(f"{count} {result}" for result, count in results.items() if count)
    if not any(results[kind] for kind in ("aligned", "taken from LFW", "already there")):
        raise UserError(f"{config.inputDir}: nothing aligned: {summary}")
    print(f"{len(files)} pictures: {summary}; faces in {config.outputDir}")


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
    files = pictures_of(config)
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
    if config.mode == "align" and not os.path.isdir(config.fallbackLfw or "."):
        raise UserError(f"--fallbackLfw {config.fallbackLfw}: no such folder")
    {"align": align_faces, "computeMean": compute_mean}[config.mode](config)


if __name__ == "__main__":
    running.run(main, "align.py")
