"""Finding faces and their 68 landmarks, by dlib."""

import functools
import importlib.util
import os
from typing import NamedTuple

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

    return dlib.get_frontal_face_detector(), dlib.shape_predictor(os.fsdecode(predictor))


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
        raise UserError(f"--dlibFacePredictor {path}: not a dlib predictor of 68 landmarks")


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
    for look in looks(image):
        found = sorted((box for box, _ in look.boxes(look.of(image), predictor, threshold)),
                       key=lambda box: -np.prod(box[2:] - box[:2]))
        faces = [predict(image, box, predictor) for box in found] or faces
        if enough(faces):
            break
    return faces


class Look(NamedTuple):
    """How large the copy of an image is that dlib's detector searches, for faces of 80 pixels."""

    scale: float  # of the copy
    enlarged: int  # how many times dlib doubles it

    def of(self, image):
        """The copy of an image, `[H, W]` or `[H, W, C]`; itself if it has the same size."""
        import cv2

        if self.scale == 1:
            return image
        return cv2.resize(image, None, fx=self.scale, fy=self.scale,
                          interpolation=cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR)

    def boxes(self, copy, predictor, threshold):
        """Where the faces are that dlib's detector finds.

        Those of a higher threshold are among them: of faces that overlap, dlib takes the surest
        first.

        Args:
            copy: `[h, w, 3]` uint8, what `of` returned.
            predictor: path of dlib's predictor.
            threshold: how sure dlib has to be that it is a face: 0 is usual, less finds more.

        Returns:
            A list of `(box, sure)`: `[4]` float64, left, top, right and bottom in the image; and
            how sure.
        """
        found, sure, _ = _dlib(predictor)[0].run(copy, self.enlarged, threshold)
        edges = [np.array([box.left(), box.top(), box.right(), box.bottom()]) for box in found]
        return list(zip([each / self.scale for each in edges], sure))


WHOLE = Look(1, 1)


def looks(image):
    """The `Look`s to be taken in turn until what they find is enough.

    Of a picture of over a megapixel the first is at a copy of `FIRST_LOOK` pixels, in which faces
    from 4% of the edge on are found, 80 pixels of 2000, in half a second instead of ten for 16
    megapixels.
    """
    pixels = image.shape[0] * image.shape[1]
    return (Look(np.sqrt(FIRST_LOOK / pixels), 0), WHOLE) if pixels > FIRST_LOOK // 4 else (WHOLE,)


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
