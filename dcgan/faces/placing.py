"""Where the faces are that a hole touches, whatever the hole hides of them."""

import functools
from typing import NamedTuple

import numpy as np

from dcgan.faces import detection
from dcgan.faces.hidden import HiddenLandmarks
from dcgan.pictures.filling import mirrored, smooth

# How sure dlib has to be of a face: of 252 photographs of 36 people, each with a hole in the face,
# 252 faces have this in the smooth or the mirrored fill (docs/photographs.md).
LOWEST = -0.8
SURE = 0.0  # dlib's own threshold
OVERLAP = 0.3  # of two boxes, from which on they are of one face: intersection over union
FADED = 0.5  # how much less sure a face may be in what the hole holds than in what fills it
FLAT = 16  # of 255: a hole whose colours are mostly closer than this is painted over
NOISE = 0.8  # the mean step between neighbours, in standard deviations; 1.1 is white noise


class Placed(NamedTuple):
    """The landmarks of a face, and where they come from."""

    landmarks: np.ndarray  # `[68, 2]` float64: x, y in pixels; or the three that are put in place
    by: str  # a key of `BY`


BY = {"landmarks": "the landmarks in --landmarks",
      "face": "the face in the photograph",
      "visible part": "the part of the face that the mask leaves"}


class _Found(NamedTuple):
    box: np.ndarray  # left, top, right and bottom
    score: float  # how sure dlib is, and the share of the hole in the box
    sure: float


def find_faces(pixels, known, predictor):
    """The faces that a hole touches.

    Where the photograph shows a whole face under the mask, such as one whose closed eyes are to be
    replaced, dlib's landmarks of it are taken. Where the hole is painted over, dlib searches the
    photograph with its hole filled, once smoothly, and once with what the hole's edge mirrors:
    that completes a face of which one side is hidden.

    Args:
        pixels: `[H, W, 3]` uint8, the photograph as it came.
        known: `[H, W]` bool, False in the hole.
        predictor: path of dlib's predictor.

    Returns:
        A list of `Placed`, the face first that most of the hole lies on.
    """
    shows_nothing = is_flat(pixels[~known]) or is_noise(pixels, ~known)
    for look in detection.looks(pixels):
        copy, seen = look.of(pixels), look.of(255 * np.uint8(known)) == 255
        shown = [] if shows_nothing else _touched(copy, seen, predictor, look)
        guessed = [face for fill in (smooth, mirrored)
                   for face in _touched(fill(copy, seen), seen, predictor, look)]
        faces = _different(guessed)
        faces = [face for face in faces if face.sure >= SURE] or faces[:1]
        # A face that shows is not lost for being no face with its hole filled.
        faces = _different(faces + [face for face in shown if face.sure >= SURE])
        if faces:
            break
    filled, models = smooth(pixels, known), HiddenLandmarks.load()
    return [_place(face, shown, pixels, filled, known, predictor, models) for face in faces]


def _place(face, shown, pixels, filled, known, predictor, models):
    """The `Placed` of a `_Found`, by what the hole holds if a face is `shown` in its place."""
    same = [other for other in shown if _overlap(face.box, other.box) > OVERLAP]
    if same and same[0].sure >= SURE and same[0].score > face.score - FADED:
        return Placed(detection.predict(pixels, same[0].box, predictor), "face")
    predict = functools.partial(detection.predict, predictor=predictor)
    return Placed(models.find(pixels, known, filled, face.box, predict), "visible part")


def _touched(copy, seen, predictor, look):
    """Every `_Found` that the hole touches, the one of the highest score first.

    Args:
        copy, seen: the photograph and what is known of it, as the `detection.Look` has them.
    """
    total, found = np.count_nonzero(~seen), []
    for box, sure in look.boxes(copy, predictor, LOWEST):
        left, top, right, bottom = np.clip(np.rint(box * look.scale), 0, None).astype(int)
        hidden = np.count_nonzero(~seen[top:bottom + 1, left:right + 1])
        if hidden:
            found.append(_Found(box, sure + hidden / total, sure))
    return sorted(found, key=lambda face: -face.score)


def _different(faces):
    """Those of `_Found` that are not of one face, the one of the highest score first."""
    kept = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_overlap(face.box, other.box) <= OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(a, b):
    """Intersection over union of two boxes."""
    edges = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = np.prod(np.clip(edges, 0, None))
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


def is_flat(colours):
    """Whether at least nine tenths of the colours `[N, 3]` uint8 are nearly the same."""
    off = np.abs(colours.astype(np.int16) - np.median(colours, axis=0).astype(np.int16))
    return bool((off.max(axis=1) <= FLAT).mean() > 0.9)


def is_noise(pixels, hole):
    """Whether neighbouring pixels of a hole, `[H, W]` bool, have nothing to do with each other."""
    pairs = hole[:, 1:] & hole[:, :-1]
    if not pairs.any():
        return False
    step = np.abs(pixels[:, 1:][pairs].astype(np.int16) - pixels[:, :-1][pairs]).mean()
    return bool(step > NOISE * pixels[hole].std(axis=0).mean())
