"""The work of align.py: finding the faces of many pictures, and aligning them."""

import collections
import functools
import itertools
import os
import sys

import numpy as np
from tqdm import tqdm

from dcgan import messages
from dcgan.faces import alignment, detection, places
from dcgan.faces.jobs import run_jobs
from dcgan.files import locking, writing
from dcgan.files.listing import MAKERS, list_images
from dcgan.messages import UserError
from dcgan.pictures import drawing, reading

CUT = "aligned with over a tenth of the face outside the picture"  # whose edge is continued there
IN_SUMMARY = {places.NO_FACE: "without a face", places.SEVERAL: "with several faces"}
FAILED = "not enough memory, or its process was killed; --jobs 1 needs the least memory"


def align_file(job, settings):
    """Align one picture; returns the path and what became of it."""
    path, output = job
    try:
        image = reading.read_image(path)
    except (OSError, ValueError) as error:
        return path, f"could not be read ({error})"
    several = (lambda faces: len(faces) > 1) if settings.skipMulti else bool
    faces = detection.find_landmarks(image, settings.dlibFacePredictor, enough=several)
    if faces and not (len(faces) > 1 and settings.skipMulti):
        transform = alignment.face_transform(
            faces[0], alignment.ALIGNMENTS[settings.landmarks], settings.size, settings.margin)
        face = alignment.warp_face(image, transform, settings.size, continued=True)
        outside = alignment.share_outside(image.shape, transform, settings.size)
        result = "aligned" if outside <= 0.1 else CUT
    else:
        face = fallback_face(path, settings) if settings.fallbackLfw else None
        result = "taken from LFW"
    if face is None:
        return path, places.SEVERAL if len(faces) > 1 else places.NO_FACE
    try:
        drawing.save_image(output, face, of=places.made_of(path, settings))
    except UserError as error:
        return path, f"could not be written ({error})"
    return path, result


def fallback_face(path, settings):
    """The centre of the deep-funneled LFW picture of the same person and name, or None."""
    folder, name = os.path.split(os.path.splitext(path)[0])
    funneled = os.path.join(settings.fallbackLfw, os.path.basename(folder), f"{name}.jpg")
    try:
        image = reading.read_image(funneled)
    except (OSError, ValueError):
        return None
    taken = round(104 * (1 + 2 * settings.margin))  # 104 of its 250 pixels is what OpenFace takes
    top, left = ((edge - taken) // 2 for edge in image.shape[:2])
    transform = settings.size / taken * np.array([[1.0, 0, -left], [0, 1.0, -top]])
    return alignment.warp_face(image, transform, settings.size, continued=True)


def pictures_of(inputDir, outputDir, reads=()):
    """The pictures in `inputDir`, but for faces that were aligned before."""
    return list_images([inputDir], writes=[outputDir], reads=list(reads),
                       makers=(*MAKERS, "align.py"))


def align_faces(settings, jobs, verbose):
    """Align every picture that is not done yet; raises UserError when that leaves nothing.

    Args:
        settings: the `Alignment`.
        jobs: how many processes work at it.
        verbose: say what became of every picture. In any case those are named that could not be
            read or written, and the first few without a face.
    """
    files = pictures_of(settings.inputDir, settings.outputDir,
                        reads=filter(None, [settings.fallbackLfw]))
    writing.make_folder(settings.outputDir, by="align.py")
    with locking.locked(settings.outputDir, "outputDir ", "align.py"):
        _align(files, settings, jobs, verbose)


def _align(files, settings, jobs, verbose):
    """`align_faces` of the files."""
    missing = places.plan(files, settings)
    known = places.known_without([path for path, _ in missing], settings)
    to_do = [job for job in missing if job[0] not in known]
    for folder in {os.path.dirname(output) for _, output in to_do}:
        writing.make_folder(folder)
    results = collections.Counter({"already there": len(files) - len(missing)})
    without = 0  # pictures
    for path, result in itertools.chain(known.items(), run_jobs(
            functools.partial(align_file, settings=settings), to_do, jobs,
            failed=lambda job: (job[0], f"could not be aligned ({FAILED})"))):
        results[result.partition(" (")[0]] += 1
        if verbose or result.startswith("could not"):
            tqdm.write(f"{path}: {result}", file=sys.stderr)
        if result in (places.NO_FACE, places.SEVERAL):
            without += 1
            if path not in known:
                places.remember(path, settings, result)
            if without <= messages.NOTED and not verbose:
                messages.warn(path, result)
    if without > messages.NOTED and not verbose:
        messages.warn(settings.inputDir, f"{without - messages.NOTED} more pictures without a face "
                      "to align; --verbose names all")
    summary = ", ".join(f"{count} {IN_SUMMARY.get(result, result)}"
                        for result, count in results.items() if count)
    if not any(results[kind] for kind in ("aligned", CUT, "taken from LFW", "already there")):
        raise UserError(f"{settings.inputDir}: nothing aligned: {summary}")
    print(f"{len(files)} pictures: {summary}; faces in {settings.outputDir}")
