#!/usr/bin/env python3
"""Draw photographs of faces, with something painted over each face.

Below the folder: `photos/`, of any size and with the face anywhere and turned; `masks/`, what was
painted over (glasses, a mouth, a corner of the face) under the same names; and `landmarks.csv`,
where the inner eyes and the lower lip are, for `complete.py --align --landmarks`.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dcgan.cli.environment  # noqa: E402, F401  (first: it says so where packages are missing)

# isort: split
import cv2  # noqa: E402
import numpy as np  # noqa: E402
from draw_faces import CANVAS, draw_face  # noqa: E402

import utils  # noqa: E402  (the project's root is on the path only now)
from dcgan import settings  # noqa: E402
from dcgan.cli import flags, running  # noqa: E402
from dcgan.faces import alignment  # noqa: E402
from dcgan.files import writing  # noqa: E402
from dcgan.files.listing import list_images  # noqa: E402
from dcgan.settings import Number  # noqa: E402

EDGE = CANVAS // 4
STROKES = (  # in the face's unit box: lines, and their width
    ([[(0.2, 0.18), (0.42, 0.18), (0.58, 0.18), (0.8, 0.18)]], 0.2),
    ([[(0.36, 0.7), (0.5, 0.75), (0.64, 0.7)]], 0.2),
    ([[(0.1, 0.6), (0.25, 0.75), (0.4, 0.95)], [(0.15, 0.8), (0.3, 0.6)]], 0.24))


def draw_photo(rng, strokes, face=None):
    """A photograph, a mask and three landmarks.

    Args:
        rng: what varies.
        strokes: one of `STROKES`.
        face: `[H, H, 3]` uint8, aligned; or None for a drawn one.

    Returns:
        `([H, W, 3] uint8, [H, W] uint8 with 255 where something is painted, [3, 2] float)`.
    """
    width, height = rng.integers(280, 400), rng.integers(260, 320)
    edge, angle = rng.uniform(130, 190), rng.normal(0, 8)
    center = rng.uniform(0.6 * edge, (width - 0.6 * edge, height - 0.6 * edge))
    turn = cv2.getRotationMatrix2D((0, 0), angle, edge / CANVAS)
    turn[:, 2] = center - turn[:, :2] @ [CANVAS / 2, CANVAS / 2]

    y, x = np.mgrid[:height, :width, :1][:2]
    colors = rng.uniform(40, 200, (2, 3))
    wave = np.sin(x / rng.uniform(30, 60) + rng.uniform(0, 6)) * np.sin(y / rng.uniform(30, 60))
    photo = colors[0] + (colors[1] - colors[0]) * (0.4 * wave + 0.5)
    # The face's edges are continued, and run into the rest outside of what the network sees.
    face = draw_face(rng, CANVAS) if face is None else cv2.resize(
        face, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
    face = cv2.copyMakeBorder(face, *[EDGE] * 4, cv2.BORDER_REPLICATE)
    ramp = np.clip(np.minimum(np.arange(len(face)), np.arange(len(face))[::-1]) / EDGE, 0, 1)
    around = turn + turn[:, :2] @ [[0, 0, -EDGE], [0, 0, -EDGE]]
    face, alpha = (cv2.warpAffine(layer, around, (width, height), flags=cv2.INTER_AREA)
                   for layer in (face.astype(np.float32), np.minimum.outer(ramp, ramp)))
    photo += (face - photo) * alpha[..., np.newaxis]

    def place(points):
        return np.asarray(points) * CANVAS @ turn[:, :2].T + turn[:, 2]

    lines, thickness = strokes
    mask = np.zeros((height, width), np.uint8)
    for line in lines:
        shaky = place(line) + rng.normal(0, 0.01 * edge, (len(line), 2))
        cv2.polylines(mask, [shaky.astype(np.int32)], False, 255, round(thickness * edge))
    landmarks = place([alignment.LANDMARK_TEMPLATE[i]
                       for i in alignment.ALIGNMENTS["innerEyesAndBottomLip"]])
    return np.clip(photo, 0, 255).astype(np.uint8), mask, landmarks


def parse_args(argv=None):
    parser = flags.Parser(prog="draw_photos.py", description=__doc__.splitlines()[0])
    parser.add_argument("outDir", type=settings.path, help="where they go")
    parser.add_argument("--faces", type=settings.path, metavar="FOLDER",
                        help="aligned faces to use instead of drawn ones, one for each photograph")
    parser.add_argument("--count", type=Number(int, low=1), default=6, help="how many")
    parser.add_argument("--seed", type=Number(int, low=0), default=0,
                        help="another seed draws others")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    for folder in ("photos", "masks"):
        writing.make_folder(os.path.join(config.outDir, folder))
    faces = [utils.read_image(path) for path in list_images([config.faces], "--faces ")
             ] if config.faces else [None] * config.count
    rows = []
    for i, face in enumerate(faces[:config.count]):
        photo, mask, landmarks = draw_photo(
            np.random.default_rng([config.seed, i]), STROKES[i % len(STROKES)], face)
        name = f"photo_{i:03d}.png"
        utils.save_image(os.path.join(config.outDir, "photos", name), photo)
        utils.save_image(os.path.join(config.outDir, "masks", name), mask[..., np.newaxis])
        rows.append(",".join([name, *(f"{value:.2f}" for value in landmarks.ravel())]) + "\n")

    def write(path):
        with open(path, "w") as file:
            file.writelines(rows)

    writing.write_whole(os.path.join(config.outDir, "landmarks.csv"), write)
    print(f"{len(rows)} photographs with masks and landmarks in {config.outDir}")


if __name__ == "__main__":
    running.run(main, "draw_photos.py")
