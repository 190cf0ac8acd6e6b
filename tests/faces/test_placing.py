"""Which face a hole touches, and by what it is placed."""

import numpy as np
import pytest
from conftest import SHARED, astronaut, needs_shared

import utils
from dcgan.faces import detection, placing

pytestmark = pytest.mark.slow
PREDICTOR = detection.face_predictor_path()
MOUTH, EYES, FRAME = slice(48, 68), slice(36, 48), [39, 42, 57]
PAINTS = {"white": 255, "black": 0, "red": (200, 30, 40)}


def hide(image, points, margin=0.3, paint=None):
    """The mask of a box around landmarks, and the image with that painted over."""
    low, high = points.min(axis=0), points.max(axis=0)
    more = margin * (high - low)
    (x0, y0), (x1, y1) = (low - more).astype(int), (high + more).astype(int)
    known, painted = np.ones(image.shape[:2], bool), image.copy()
    known[y0:y1, x0:x1] = False
    if paint is not None:
        painted[~known] = paint
    return known, painted


def off(placed, truth):
    """How far the frame's landmarks are off, as a share of the distance of the eyes' corners."""
    error = np.linalg.norm((placed.landmarks - truth)[FRAME], axis=1).mean()
    return error / np.linalg.norm(truth[39] - truth[42])


@pytest.mark.parametrize("part", [MOUTH, EYES])
@pytest.mark.parametrize("paint", PAINTS)
def test_a_painted_face_is_found_where_it_is(part, paint):
    """dlib is surer of a face in the astronaut's suit, which the mask does not touch."""
    image, truth = astronaut()
    known, painted = hide(image, truth[part], paint=PAINTS[paint])
    first = placing.find_faces(painted, known, PREDICTOR)[0]
    assert first.by == "visible part" and off(first, truth) < 0.12


@pytest.mark.parametrize("part", [MOUTH, EYES, slice(0, 68)])
def test_a_face_that_shows_is_taken_as_it_is(part):
    """Somebody wants it replaced, and the file holds it."""
    image, truth = astronaut()
    known, _ = hide(image, truth[part], margin=0.05)
    first = placing.find_faces(image, known, PREDICTOR)[0]
    assert first.by == "face"
    np.testing.assert_array_equal(first.landmarks, truth)


def test_noise_is_no_face():
    image, truth = astronaut()
    known, painted = hide(image, truth[EYES], margin=0.4)
    painted[~known] = np.random.default_rng(0).integers(0, 256, (np.sum(~known), 3))
    first = placing.find_faces(painted, known, PREDICTOR)[0]
    assert first.by == "visible part" and off(first, truth) < 0.2


@pytest.mark.parametrize("size", [400, 1600])
def test_half_a_face_is_found(size):
    """In small photographs and in large ones, which are first searched as a copy."""
    import cv2

    image, truth = astronaut()
    image, truth = image[:320, 80:400], truth - (80, 0)
    image = cv2.resize(image, (size, size))
    truth = (truth + 0.5) * size / 320 - 0.5
    known = np.ones(image.shape[:2], bool)
    low, high = truth.min(axis=0), truth.max(axis=0)
    known[int(1.5 * low[1] - 0.5 * high[1]):int(high[1]), int(truth[27, 0]):int(high[0])] = False
    image[~known] = 255
    first = placing.find_faces(image, known, PREDICTOR)[0]
    assert off(first, truth) < 0.3


def test_a_hole_beside_every_face_finds_none():
    image, _ = astronaut()
    known = np.ones(image.shape[:2], bool)
    known[-40:, -40:] = False
    assert placing.find_faces(image, known, PREDICTOR) == []


@needs_shared
def test_of_two_faces_the_one_first_that_most_of_the_hole_lies_on():
    image, truth = astronaut()
    both = np.concatenate([image, image], axis=1)
    known, painted = hide(both, truth[MOUTH] + (512, 0), paint=255)
    faces = placing.find_faces(painted, known, PREDICTOR)
    assert len(faces) == 1 and off(faces[0], truth + (512, 0)) < 0.12
    more, _ = hide(both, truth[[36, 38, 40]], margin=0.1)
    painted[~more] = 255
    faces = placing.find_faces(painted, known & more, PREDICTOR)
    assert [round(face.landmarks[30, 0] / 512) for face in faces] == [1, 0]


@needs_shared
def test_photographs_of_people(tmp_path):
    """As many as there are, painted over in turn: mouth, eyes, lower half, one side."""
    found = []
    for number, path in enumerate(sorted((SHARED / "lfw" / "valid").glob("*/*.jpg"))[::95]):
        image = utils.read_image(path)
        faces = detection.find_landmarks(image, PREDICTOR)
        truth = min(faces, key=lambda face: np.abs(face.mean(axis=0) - 125).sum())
        part = (MOUTH, EYES, slice(2, 15), [*range(27, 36), *range(8, 17)])[number % 4]
        known, painted = hide(image, truth[part], margin=0.05, paint=number * 40 % 256)
        placed = placing.find_faces(painted, known, PREDICTOR)
        found.append(off(placed[0], truth) if placed else np.inf)
    assert len(found) >= 8 and np.median(found) < 0.15 and np.mean(np.array(found) < 0.4) > 0.85


@pytest.mark.parametrize("colours,expected", [
    (np.full((50, 3), 255), True), (np.full((50, 3), (200, 30, 40)), True),
    (np.arange(150).reshape(50, 3), False),
    (np.random.default_rng(0).integers(0, 256, (50, 3)), False)])
def test_what_is_flat(colours, expected):
    colours = np.uint8(colours)
    assert placing.is_flat(colours) is expected
    colours[:3] = 99  # a few others, as beside the edge of a stroke
    assert placing.is_flat(colours) is expected
