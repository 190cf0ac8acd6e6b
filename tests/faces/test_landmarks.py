"""pretrained/landmarks.py: holes, shapes, samples, and the network that it trains."""

import sys

import numpy as np
import pytest
from conftest import astronaut, load_script

from dcgan.faces import detection, hidden
from dcgan.faces.alignment import apply_transform

script = load_script("pretrained/landmarks.py")
RNG = np.random.default_rng(1)


def test_holes_lie_on_the_face_and_differ():
    _, face = astronaut()
    masks = [script.draw_hole((512, 512), face, np.random.default_rng(seed)) for seed in range(60)]
    low, high = face.min(axis=0) - 100, face.max(axis=0) + 60
    for mask in masks:
        rows, columns = np.nonzero(mask)
        assert mask.any() and mask.mean() < 0.2
        assert columns.min() > low[0] and columns.max() < high[0] and rows.max() < high[1]
    assert len({mask.tobytes() for mask in masks}) > 50
    hidden_eyes = np.mean([mask[tuple(face[39].astype(int)[::-1])] for mask in masks])
    assert 0.1 < hidden_eyes < 0.7


def test_shapes_are_fitted_whatever_their_pose():
    """Of shapes with two degrees of freedom, moved, turned and scaled: these two explain all."""
    mean = RNG.normal(size=(68, 2))
    mean -= mean.mean(axis=0)
    modes = 0.05 * RNG.normal(size=(2, 68, 2))
    faces = []
    for a, b in RNG.normal(size=(400, 2)):
        angle, scale = RNG.uniform(-0.5, 0.5), RNG.uniform(20, 60)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        faces.append((mean + a * modes[0] + b * modes[1]) @ turn.T + RNG.uniform(0, 200, 2))
    models = script.fit_shapes(faces)
    assert models.modes.shape == (script.MODES, 136)
    lengths = np.linalg.norm(models.modes, axis=1)
    assert lengths[1] > 5 * lengths[2] and models.rest < 1e-3
    np.testing.assert_allclose(models.mean.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((models.mean**2).sum(axis=1).mean(), 1)
    truth, deviations = faces[0], np.full(68, 1e-3)
    points = truth.copy()
    points[:20], deviations[:20] = 0, 9.0
    assert np.abs(models.most_likely(points, deviations) - truth).max() < 0.1 * np.ptp(truth)


@pytest.mark.slow
def test_a_sample_leads_to_the_truth(tmp_path):
    image, face = astronaut()
    import utils

    utils.save_image(str(tmp_path / "a.png"), image)
    predictor = detection.face_predictor_path()
    box, _ = max(detection.WHOLE.boxes(image, predictor, 0.0), key=lambda found: found[1])
    models = hidden.HiddenLandmarks.load()
    seen = []
    for hole in range(6):
        job = str(tmp_path / "a.png"), box, face, 0, hole
        view, features, moves = script.sample(job, models, predictor)
        assert view.shape == (64, 64, 4) and features.shape == (476,) and moves.shape == (68, 2)
        shape = features[136:272].reshape(68, 2) + models.mean  # where the moves begin
        led = shape + moves
        fitted = apply_transform(script.similarity(face, led), face)
        np.testing.assert_allclose(fitted, led, atol=1e-4)
        seen.append(view[..., 3].mean())
        again = script.sample(job, models, predictor)
        np.testing.assert_array_equal(again[0], view)
    assert len(set(seen)) > 3 and max(seen) < 1


def test_the_mirrored_landmarks():
    mean = hidden.HiddenLandmarks.load().mean
    assert sorted(script.MIRRORED) == list(range(68))
    np.testing.assert_array_equal(script.MIRRORED[script.MIRRORED], np.arange(68))
    assert np.abs(mean[script.MIRRORED] * (-1, 1) - mean).max() < 0.1


@pytest.mark.slow
def test_what_is_trained_is_what_is_used(capsys):
    """The network in NumPy, with the weights that TensorFlow trained: it has learned two moves."""
    models = hidden.HiddenLandmarks.load()._replace(weights={})
    views = np.zeros((40, 64, 64, 4), np.float16)
    views[::2, :, :32, 0] = views[1::2, :, 32:, 3] = 1
    features = np.zeros((40, 476), np.float32)
    moves = np.where(np.arange(40)[:, np.newaxis, np.newaxis] % 2, [0.1, 0], [0, -0.2])
    moves = np.repeat(moves, 68, axis=1).astype(np.float32)
    weights = script.train(views, features, moves, models, steps=150, seed=0)
    trained = models._replace(weights=weights)
    # Mirrored, the second kind moves the other way: its mean over both is learned.
    off = [np.abs(trained.network(view.astype(np.float32), f) - m)[:, 1].mean()
           for view, f, m in zip(views[:2], features, moves)]
    assert max(off) < 0.05, off
    assert "step 150: loss" in capsys.readouterr().out


def test_too_few_faces_is_one_line(tmp_path, monkeypatch):
    from conftest import draw_faces

    from dcgan.messages import UserError

    monkeypatch.setitem(sys.modules, "script", script)  # which other processes look its jobs up in
    draw_faces(tmp_path / "faces", 2, size=120)
    with pytest.raises(UserError, match="a face in the middle of only"):
        script.main([str(tmp_path / "faces"), str(tmp_path / "out.npz"), "--jobs", "1"])
    (tmp_path / "out.npz").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        script.main([str(tmp_path / "faces"), str(tmp_path / "out.npz")])
    assert (tmp_path / "out.npz").read_text() == "mine"
