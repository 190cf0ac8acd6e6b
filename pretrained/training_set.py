#!/usr/bin/env python3
"""Make the sets that the network in pretrained/ is trained, chosen and measured on.

    .venv/bin/python pretrained/training_set.py ../data

aligns `train`, `valid` and `test` of Labeled Faces in the Wild to `lfw-train`, `lfw-valid` and
`lfw-test`, as `align.py` does but for which face of several it takes, and copies those of `train`
and of folders of aligned faces to `train`, not too many of any one person. Faces that are aligned
already are skipped, so it can be stopped and started.
"""

import _path

import collections
import functools
import os
import re
import shutil
import tempfile

import numpy as np

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.faces import alignment, detection
from dcgan.faces.jobs import run_jobs
from dcgan.files import naming, writing
from dcgan.files.listing import list_images
from dcgan.machine import cpu
from dcgan.messages import UserError

PARTS = ("train", "valid", "test")


def central_face(faces, shape):
    """Which face a photograph of LFW is named after: the one in its middle, where the faces of the
    set were found; others may be larger.

    Args:
        faces: `[68, 2]` landmarks each, the largest face first.
        shape: of the photograph, `(H, W, ...)`.

    Returns:
        Its index; None if no face is within a quarter of the photograph's edge of the middle.
    """
    middle = np.array([shape[1], shape[0]]) / 2
    distances = [np.linalg.norm(face.mean(axis=0) - middle) for face in faces]
    nearest = np.argmin(distances) if faces else None
    return nearest if faces and distances[nearest] <= min(shape[:2]) / 4 else None


def align_person(job, predictor, size, margin):
    """Align the face of the person whom a photograph is of; returns its path and what came of it.
    """
    path, output = job
    image = utils.read_image(path)
    faces = detection.find_landmarks(image, predictor)
    person = central_face(faces, image.shape)
    if person is None:
        return path, "without a face in the middle" if faces else "without a face"
    transform = alignment.face_transform(
        faces[person], alignment.ALIGNMENTS["innerEyesAndBottomLip"], size, margin)
    utils.save_image(output, alignment.warp_face(image, transform, size))
    return path, "of the middle face, not the largest" if person else "of the largest face"


def align_photographs(folder, output, config):
    """Align every photograph below a folder that is not aligned yet, and say what came of them."""
    files = list_images([folder])
    names = [os.path.splitext(os.path.relpath(path, folder))[0] for path in files]
    jobs = [(path, os.path.join(output, f"{name}.png")) for path, name in zip(files, names)]
    jobs = [job for job in jobs if not os.path.exists(job[1])]
    for place in {os.path.dirname(job[1]) for job in jobs}:
        writing.make_folder(place)
    work = functools.partial(
        align_person, predictor=detection.face_predictor_path(), size=config.size,
        margin=config.margin)
    results = collections.defaultdict(list)
    for path, result in run_jobs(
            work, jobs, config.jobs,
            failed=lambda job: (job[0], "where memory was short, or the process was killed")):
        results[result].append(os.path.basename(path))
    print(f"{output}: {len(files)} photographs, {len(files) - len(jobs)} aligned before", *(
        f"{len(names)} {result}" for result, names in sorted(results.items())), sep=", ")
    for result, names in results.items():
        if result != "of the largest face":
            print(f"  {result}: {' '.join(sorted(names))}")


def person_of(path):
    """The person whom a file is named after: of `Ann_B_0001.png` and `Ann_B_10t.png`, `Ann_B`."""
    return re.sub(r"_\d+t?$", "", naming.stem(path))


def spread(items, count):
    """At most so many of the items, in equal steps from the first to the last."""
    if len(items) <= count:
        return items
    return [items[i] for i in np.linspace(0, len(items) - 1, count).round().astype(int)]


def by_person(folders):
    """`{person: [(folder, path in it), ...]}` of the aligned faces in the folders."""
    people = collections.defaultdict(list)
    for folder in folders:
        for path in list_images([folder]):
            people[person_of(path)].append((folder, os.path.relpath(path, folder)))
    return people


def gather(folders, output, cap):
    """Copy the faces in the folders, at most `cap` of a person, to a new folder, which appears
    whole: to a subfolder for each of the folders, of its name."""
    found = by_person(folders)
    people = {person: spread(faces, cap) for person, faces in found.items()}
    with tempfile.TemporaryDirectory(dir=os.path.dirname(output) or ".") as beside:
        for folder, name in (face for faces in people.values() for face in faces):
            part = os.path.basename(os.path.normpath(folder))
            place = os.path.join(beside, "whole", part, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copyfile(os.path.join(folder, name), place)
        os.rename(os.path.join(beside, "whole"), output)
    copied, total = (sum(map(len, each.values())) for each in (people, found))
    held_down = sum(len(faces) > cap for faces in found.values())
    print(f"{output}: {copied} of {total} faces, of {len(people)} people, {held_down} of whom had "
          f"more than {cap}")


def parse_args(argv=None):
    parser = flags.Parser(prog="training_set.py", description=__doc__)
    count = settings.Number(int, low=1)
    parser.add_argument("outDir", help="where the folders go; outside of any repository")
    parser.add_argument("--lfw", default="../shared/lfw",
                        help="the photographs: train, valid and test, a folder per person in each")
    parser.add_argument("--faces", nargs="*", default=["../shared/faces/train"],
                        help="folders of more to train on, aligned already in the same way")
    parser.add_argument("--cap", type=count, default=40, help="faces of a person, at most")
    parser.add_argument("--size", type=count, default=64, help="edge of the aligned faces")
    parser.add_argument("--margin", type=alignment.MARGIN, default=0.0, help="as of align.py")
    parser.add_argument("--jobs", type=count, default=cpu.usable(), help="processes")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    output = os.path.join(config.outDir, "train")
    if os.path.exists(output):
        raise UserError(f"{output}: is there already; remove it to make it anew")
    for part in PARTS:
        align_photographs(os.path.join(config.lfw, part),
                          os.path.join(config.outDir, f"lfw-{part}"), config)
    gather([*config.faces, os.path.join(config.outDir, "lfw-train")], output, config.cap)


if __name__ == "__main__":
    running.run(main, "training_set.py")
