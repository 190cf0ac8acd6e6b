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


def find_landmarks(image, predictor, threshold=0.0, enough=bool):
    """The 68 landmarks of every face, the largest face first.

    Args:
        image: `[H, W, 3]` uint8.
        predictor: path of dlib's predictor.
        threshold: how sure dlib has to be that it is a face.
        enough: whether the faces that are found in a copy of `FIRST_LOOK` pixels, a list like the
            result, are all that is wanted; else a large picture is searched whole.

    Returns:
        A list of `[68, 2]` float64: x, y in pixels.
    """
    faces = []
    for whole in looks(image):
        found = sorted((box for box, _ in boxes(image, predictor, threshold, whole)),
                       key=lambda box: -np.prod(box[2:] - box[:2]))
        faces = [predict(image, box, predictor) for box in found] or faces
        if enough(faces):
            break
    return faces


def looks(image):
    """The values of `whole` with which `boxes` is called in turn, until what it finds is enough."""
    return (False, True) if image.shape[0] * image.shape[1] > FIRST_LOOK // 4 else (True,)


def boxes(image, predictor, threshold, whole=True):
    """Where the faces are that dlib's detector finds, of 40 pixels and more.

    Those of a higher threshold are among them: of faces that overlap, dlib takes the surest first.

    Args:
        image: `[H, W, 3]` uint8.
        predictor: path of dlib's predictor.
        threshold: how sure dlib has to be that it is a face: 0 is usual, less finds more.
        whole: search the image enlarged twice; else a copy of `FIRST_LOOK` pixels, in which faces
            from 4% of the edge on are found, 80 pixels of 2000, in half a second instead of ten for
            16 megapixels.

    Returns:
        A list of `(box, sure)`: `[4]` float64, left, top, right and bottom; and how sure.
    """
    import cv2

    detector, _ = _dlib(predictor)
    if whole:
        found, sure, _ = detector.run(image, 1, threshold)
        scale = 1.0
    else:
        scale = np.sqrt(FIRST_LOOK / (image.shape[0] * image.shape[1]))
        copy = cv2.resize(image, None, fx=scale, fy=scale,
                          interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        found, sure, _ = detector.run(copy, 0, threshold)
    return [(np.array([box.left(), box.top(), box.right(), box.bottom()]) / scale, sure)
            for box, sure in zip(found, sure)]


def predict(image, box, predictor):
    """The 68 landmarks that dlib's predictor sees in a box, `[68, 2]` float64: x, y in pixels.

    Args:
        image: `[H, W, 3]` uint8.
        box: left, top, right and bottom.
        predictor: path of dlib's predictor.
    """
    import dlib

    _, shape = _dlib(predictor)
    parts = shape(image, dlib.rectangle(*(round(float(edge)) for edge in box))).parts()
    return np.array([(point.x, point.y) for point in parts], np.float64)
