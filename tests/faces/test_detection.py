"""Faces found, in small pictures and large ones."""

import csv
import os
import time

import dlib
import numpy as np
import pytest
from conftest import SHARED, needs_shared
from PIL import Image

import utils
from dcgan.faces import detection
from dcgan.faces.alignment import LANDMARK_TEMPLATE, face_transform

pytestmark = pytest.mark.slow
RAW = SHARED / "faces" / "raw"
PREDICTOR = detection.face_predictor_path()
PLACES = {i: 64 * np.array(LANDMARK_TEMPLATE[i]) for i in (39, 42, 57)}


@needs_shared
def test_true_landmarks_of_real_photographs_land_in_place():
    """At least 62 of 66 are found; their true inner eyes and lower lip land 2.5 pixels away from
    the template places at most, on average."""
    with open(RAW / "landmarks.csv") as file:
        rows = list(csv.DictReader(file))
    distances = []
    for row in rows:
        truth = np.array([[float(row[f"x{i}"]), float(row[f"y{i}"])] for i in range(68)])
        (path,) = RAW.glob(f"**/{os.path.basename(row['file'])}")
        found = detection.find_landmarks(utils.read_image(path), PREDICTOR)
        if found:
            transform = face_transform(found[0], (39, 42, 57), 64)
            distances.append(np.mean([np.linalg.norm(transform @ [*truth[i], 1] - place)
                                      for i, place in PLACES.items()]))
    assert len(rows) == 66 and len(distances) >= 62
    assert np.mean(distances) < 2.5
    print(f"{len(distances)} of {len(rows)} aligned, mean distance {np.mean(distances):.2f} px")


def photograph(person, width=None, height=None):
    """A real photograph, enlarged to `width`, or pasted into a grey one of `width` x `height`."""
    (path,) = (RAW / person).iterdir()
    image = Image.open(path).convert("RGB")
    if height:
        canvas = Image.new("RGB", (width, height), (110, 120, 130))
        canvas.paste(image, (width // 2, height // 3))
        return np.asarray(canvas)
    if width:
        image = image.resize((width, round(width * image.height / image.width)))
    return np.asarray(image)


def by_dlib(image, threshold=0.0):
    """The landmarks as dlib's own examples find them: in the picture enlarged twice."""
    boxes = dlib.get_frontal_face_detector().run(image, 1, threshold)[0]
    shape = dlib.shape_predictor(PREDICTOR)
    return [np.array([(point.x, point.y) for point in shape(image, box).parts()])
            for box in sorted(boxes, key=lambda box: -box.area())]


@needs_shared
@pytest.mark.parametrize("size", [(None,), (800,), (1024, 1024)])
def test_up_to_a_megapixel_faces_are_those_of_dlib(size):
    image = photograph("Darrell_Issa", *size)
    found, expected = detection.find_landmarks(image, PREDICTOR), by_dlib(image)
    assert len(expected) >= 1
    np.testing.assert_array_equal(found, expected)


@needs_shared
def test_a_lower_threshold_finds_the_same_faces_and_more():
    image = photograph("Abdullah_Gul").copy()
    image[int(0.45 * len(image)):int(0.6 * len(image))] = 128
    found = {threshold: detection.WHOLE.boxes(image, PREDICTOR, threshold)
             for threshold in (0.0, -0.3, -1.0)}
    assert [len(boxes) for boxes in found.values()] == [0, 1, 2]
    for threshold, boxes in found.items():
        landmarks = [detection.predict(image, box, PREDICTOR) for box, _ in boxes]
        np.testing.assert_array_equal(
            sorted(landmarks, key=lambda points: points.sum()),
            sorted(by_dlib(image, threshold), key=lambda points: points.sum()))
        assert all(sure >= threshold for _, sure in boxes)
    assert detection.find_landmarks(image, PREDICTOR) == []


@needs_shared
def test_16_megapixels_take_a_second_and_have_the_same_face():
    image = photograph("Ali_Abbas", 4132)
    assert image.shape[0] * image.shape[1] >= 16e6
    detection.find_landmarks(image[:99, :99], PREDICTOR)  # which reads the predictor
    start = time.process_time()
    (found,) = detection.find_landmarks(image, PREDICTOR)
    assert time.process_time() - start < 2
    (small,) = by_dlib(photograph("Ali_Abbas"))
    off = np.linalg.norm(found - small * 4132 / 256, axis=1).mean()
    assert off < 0.03 * np.ptp(small[:, 0]) * 4132 / 256


@needs_shared
def test_a_small_face_in_a_large_picture_is_found_where_none_is_larger():
    image = photograph("Bill_Bradley", 3000, 2000)
    expected = by_dlib(image)
    assert len(expected) == 1 and np.ptp(expected[0][:, 0]) < 0.04 * 3000
    np.testing.assert_array_equal(detection.find_landmarks(image, PREDICTOR), expected)


@needs_shared
def test_who_wants_more_than_the_first_look_finds_gets_every_face():
    image = photograph("Bill_Bradley", 3000, 2000).copy()
    large = photograph("Ali_Abbas", 1000)
    image[:len(large), :1000] = large
    assert len(detection.find_landmarks(image, PREDICTOR)) == 1
    found = detection.find_landmarks(image, PREDICTOR, enough=lambda faces: len(faces) > 1)
    assert len(found) == 2
    np.testing.assert_array_equal(found, by_dlib(image))
