"""Finding faces and their 68 landmarks, by dlib."""

import functools
import importlib.util
import os

import numpy as np

from dcgan.messages import UserError

# Pixels that the detector looks at first. Pictures of a quarter of them or less are enlarged twice,
# as dlib's own programs do; larger ones less, or reduced.
FIRST_LOOK = 2**22


def face_predictor_path():
    """The 68-landmark predictor inside the face_recognition_models package.

    Found by its file: importing the package needs `pkg_resources`, which setuptools dropped.

    Raises:
        UserError: the package is not installed.
    """
    package = importlib.util.find_spec("face_recognition_models")
    if package is None:
        raise UserError("the landmark predictor is missing: pip install face_recognition_models, "
                        "or name the file with --dlibFacePredictor")
    return os.path.join(os.path.dirname(package.origin), "models",
                        "shape_predictor_68_face_landmarks.dat")


@functools.cache
def _dlib(predictor):
    """dlib's detector and landmark predictor, made once in each process."""
    import dlib

    return dlib.get_frontal_face_detector(), dlib.shape_predictor(predictor)


def check_predictor(path):
    """Raise UserError unless the file is a predictor of 68 landmarks."""
    import dlib

    if not os.path.isfile(path):
        raise UserError(f"--dlibFacePredictor {path}: no such file")
    try:
        _, shape = _dlib(path)
        count = shape(np.zeros((8, 8, 3), np.uint8), dlib.rectangle(0, 0, 7, 7)).num_parts
    except RuntimeError:
        count = 0
    if count != 68:
        raise UserError(f"--dlibFacePredictor {path}: is not a predictor of 68 landmarks")


def find_landmarks(image, predictor, thresholds=(0.0,), enough=bool):
    """The 68 landmarks of every face, the largest face first.

    The detector finds faces from 40 pixels on. Of a picture of over a megapixel it first looks at a
    copy of four, where those from 4% of the edge on are found, 80 pixels of 2000, in half a second
    instead of ten for 16 megapixels; and at all of it if those faces are not enough.

    Args:
        image: `[H, W, 3]` uint8.
        predictor: path of dlib's predictor.
        thresholds: how sure dlib has to be that it is a face, tried in turn until there is one;
            below 0, less than usual.
        enough: whether the faces of the first look, a list like the result, are all that is wanted.

    Returns:
        A list of `[68, 2]` float64: x, y in pixels.
    """
    _, shape = _dlib(predictor)
    large = image.shape[0] * image.shape[1] > FIRST_LOOK // 4
    whole = functools.cache(functools.partial(_boxes, image, predictor, min(thresholds)))
    first = _first_look(image, predictor, min(thresholds)) if large else whole()

    def landmarks(boxes, threshold):
        boxes = sorted((box for box, sure in boxes if sure >= threshold),
                       key=lambda box: -box.area())
        return [np.array([(point.x, point.y) for point in shape(image, box).parts()], np.float64)
                for box in boxes]

    for threshold in thresholds:
        faces = landmarks(first, threshold)
        if large and not enough(faces):
            faces = landmarks(whole(), threshold) or faces
        if faces:
            return faces
    return []


def _boxes(image, predictor, threshold, enlarged=1):
    """`(dlib's rectangle, how sure it is)` of each face, in an image enlarged twice, or as it is.

    Those of a higher threshold are among them: of faces that overlap, dlib takes the surest first.
    """
    return list(zip(*_dlib(predictor)[0].run(image, enlarged, threshold)[:2]))


def _first_look(image, predictor, threshold):
    """`_boxes`, as found in a copy of `FIRST_LOOK` pixels."""
    import cv2
    import dlib

    scale = np.sqrt(FIRST_LOOK / (image.shape[0] * image.shape[1]))
    copy = cv2.resize(image, None, fx=scale, fy=scale,
                      interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    edges = [(box.left(), box.top(), box.right(), box.bottom(), sure)
             for box, sure in _boxes(copy, predictor, threshold, enlarged=0)]
    return [(dlib.rectangle(*(round(edge / scale) for edge in box)), sure) for *box, sure in edges]
