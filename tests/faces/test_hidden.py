"""Landmarks behind a hole: the likely shape, the network's layers, and real photographs."""

import numpy as np
import pytest
from conftest import SHARED, needs_shared

import utils
from dcgan.faces import detection, hidden
from dcgan.faces.alignment import apply_transform, invert_transform, similarity
from dcgan.faces.hidden import HiddenLandmarks
from dcgan.pictures.filling import smooth

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(0)
TURNED = np.array([[30.0, -12, 200], [12, 30, 150]])


def models(k=3):
    """Of random shapes, without a network."""
    mean = RNG.normal(size=(68, 2))
    mean -= mean.mean(axis=0)
    mean /= np.sqrt((mean**2).sum(axis=1).mean())
    return HiddenLandmarks(mean, 0.1 * RNG.normal(size=(k, 136)), 0.01, {})


def test_a_similarity_is_found_and_led_back():
    points = RNG.normal(size=(20, 2))
    moved = apply_transform(TURNED, points)
    np.testing.assert_allclose(similarity(points, moved), TURNED, atol=1e-9)
    np.testing.assert_allclose(similarity(moved, points), invert_transform(TURNED), atol=1e-9)
    np.testing.assert_allclose(apply_transform(invert_transform(TURNED), moved), points)
    weights = np.where(np.arange(20) < 5, 1.0, 0.0)
    moved[5:] = 0  # of no weight
    np.testing.assert_allclose(similarity(points, moved, weights), TURNED, atol=1e-9)


def test_a_similarity_is_the_best_one():
    """As scipy minimises it, of points that none fits."""
    from scipy.optimize import least_squares

    points, onto, weights = RNG.normal(size=(9, 2)), RNG.normal(size=(9, 2)), RNG.uniform(size=9)

    def residuals(p):
        transform = np.array([[p[0], -p[1], p[2]], [p[1], p[0], p[3]]])
        off = apply_transform(transform, points) - onto
        return (np.sqrt(weights)[:, np.newaxis] * off).ravel()

    a, b, x, y = least_squares(residuals, [1, 0, 0, 0]).x
    np.testing.assert_allclose(similarity(points, onto, weights), [[a, -b, x], [b, a, y]],
                               atol=1e-6)


def test_hidden_landmarks_come_from_the_visible_ones():
    """A shape of the model, turned and scaled, of which a third of the landmarks is anywhere."""
    m = models()
    shape = m.mean + (RNG.normal(size=3) @ m.modes).reshape(-1, 2)
    truth = apply_transform(TURNED, shape)
    points, deviations = truth.copy(), np.full(68, 0.001)
    points[40:62] += RNG.normal(size=(22, 2)) * 40
    deviations[40:62] = 5.0
    found = m.most_likely(points, deviations)
    assert np.abs(found - truth).max() < 0.03 * np.abs(points - truth).max()


def test_the_convolution_is_tensorflows():
    import tensorflow as tf

    for size, k in ((16, 5), (8, 3), (12, 7)):
        x = RNG.normal(size=(size, size, 4)).astype(np.float32)
        w = RNG.normal(size=(k, k, 4, 6)).astype(np.float32)
        expected = tf.nn.conv2d(x[np.newaxis], w, 2, "SAME")[0]
        np.testing.assert_allclose(hidden.conv2d(x, w), expected, rtol=1e-4, atol=1e-4)


def test_the_distance_from_a_hole():
    known = np.ones((100, 120), bool)
    known[40:60, 50:70] = False
    points = np.array([[60.0, 50], [49, 50], [30, 50], [60, 79], [110, 95]])
    found = hidden.distance_from_hole(known, points)
    np.testing.assert_allclose(found[:4], [-10, 1, 20, 20], atol=0.6)
    assert found[4] > 40
    assert (hidden.distance_from_hole(np.ones((50, 60), bool), points) == 60).all()
    assert (hidden.distance_from_hole(known, points - (59, 49))[:1] > 40).all()


def test_the_network_does_not_see_what_is_hidden():
    m = models()
    pixels = RNG.integers(0, 256, (300, 400, 3), np.uint8)
    known = np.ones((300, 400), bool)
    known[120:180, 150:250] = False
    points = apply_transform(TURNED, m.mean)
    inputs = []
    for _ in range(2):
        view, features = m.network_input(pixels, known, points, points, np.zeros(68),
                                         similarity(points, m.mean))
        inputs.append((view, features))
        pixels[~known] = 255 - pixels[~known]
    np.testing.assert_array_equal(inputs[0][0], inputs[1][0])
    view, features = inputs[0]
    assert view.shape == (hidden.EDGE, hidden.EDGE, 4) and features.shape == (3 * 136 + 68,)
    seen = view[..., 3] == 1
    assert 0.5 < seen.mean() < 1 and (view[~seen] == 0).all()
    assert abs(view[seen][:, :3].mean()) < 1e-4 and 0.8 < view[seen][:, :3].std() < 1.01


@needs_shared
@pytest.mark.parametrize("parts,share", [(slice(48, 68), 0.7), (slice(36, 48), 0.75)])
def test_hidden_mouths_and_eyes_are_nearer_than_dlib_has_them(parts, share):
    """Of 12 photographs: what is off of the frame's three landmarks, beside what dlib's are off in
    the filled hole."""
    predictor, off = detection.face_predictor_path(), []
    for path in sorted((SHARED / "lfw" / "valid").glob("*/*.jpg"))[::60]:
        image = utils.read_image(path)
        boxes = detection.WHOLE.boxes(image, predictor, 0.0)
        if not boxes:
            continue
        box = min(boxes, key=lambda found: np.abs(found[0].reshape(2, 2).mean(axis=0) - 125).sum())
        truth = detection.predict(image, box[0], predictor)
        low, high = truth[parts].min(axis=0) - 6, truth[parts].max(axis=0) + 6
        known = np.ones(image.shape[:2], bool)
        known[int(low[1]):int(high[1]), int(low[0]):int(high[0])] = False
        predicted = detection.predict(smooth(image, known), box[0], predictor)
        found = HiddenLandmarks.load().estimate(image, known, predicted)
        off.append([np.linalg.norm((points - truth)[[39, 42, 57]], axis=1).mean()
                    for points in (found, predicted)])
    assert len(off) >= 10
    ours, dlibs = np.mean(off, axis=0)
    assert ours < share * dlibs, (ours, dlibs)
