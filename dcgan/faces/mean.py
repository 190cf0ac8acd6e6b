"""The mean landmarks of many faces."""

import functools
import os

import numpy as np

from dcgan import messages
from dcgan.faces import detection, places
from dcgan.faces.aligning import FAILED, pictures_of
from dcgan.faces.jobs import run_jobs
from dcgan.files import record, writing
from dcgan.messages import UserError
from dcgan.pictures import reading

MEAN = ("mean.csv", "std.csv", "mean.png")  # what computeMean writes


def normalised_landmarks(path, predictor):
    """The landmarks of a picture's largest face in the unit box of their extremes; `()` if it has
    none, None if it cannot be read."""
    image = reading.read_or_warn(path)
    if image is None:
        return None
    faces = detection.find_landmarks(image, predictor)
    if not faces:
        return ()
    landmarks = faces[0]
    low = landmarks.min(axis=0)
    return (landmarks - low) / (landmarks.max(axis=0) - low)


def compute_mean(inputDir, outputDir, predictor, jobs, numImages=0):
    """Write the mean and deviation of normalised landmarks, and a picture of the mean.

    Args:
        inputDir: folder of pictures.
        outputDir: where the files go.
        predictor: path of dlib's predictor.
        jobs: how many processes work at it.
        numImages: use only this many pictures, drawn at random; 0 for all.
    """
    files = pictures_of(inputDir, outputDir)
    record.require_free([os.path.join(outputDir, name) for name in MEAN], files,
                        f"--outputDir {outputDir}: ")
    if 0 < numImages < len(files):
        files = list(np.random.default_rng(0).choice(files, numImages, replace=False))
    writing.make_folder(outputDir, by="align.py computeMean")
    function = functools.partial(normalised_landmarks, predictor=predictor)
    found = list(run_jobs(
        function, files, jobs, failed=lambda path: messages.warn(path, f"{FAILED}; skipped")))
    for path, face in zip(files, found):
        if face is not None and not len(face):
            messages.warn_once(path, places.NO_FACE)
    faces = [face for face in found if face is not None and len(face)]
    if not faces:
        raise UserError(f"{inputDir}: no face in {len(files)} pictures")
    mean, std = np.mean(faces, axis=0), np.std(faces, axis=0)
    for name, values in zip(MEAN, (mean, std)):
        with writing.whole(os.path.join(outputDir, name)) as temporary:
            np.savetxt(temporary, values, delimiter=",")
    with writing.whole(os.path.join(outputDir, MEAN[2])) as temporary:
        plot_landmarks(mean, temporary)
    print(f"mean of {len(faces)} faces in {len(files)} pictures: "
          f"{os.path.join(outputDir, 'mean.csv')}, std.csv and mean.png")


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
