"""The landmarks of a face of which a hole hides a part.

dlib's predictor believes what fills a hole, and its landmarks beside the hole are disturbed too.
Two models correct them, both in `pretrained/landmarks.npz`, which pretrained/landmarks.py makes of
photographs with holes painted into them: how the landmarks of faces vary (a point distribution
model; Cootes et al. 1995, "Active Shape Models"), of which the most likely shape given the visible
landmarks is taken, the article's own first step once more; and a small convolutional network that
sees the pixels that are known, and moves the landmarks from there.
"""

import functools
import os
from typing import NamedTuple

import numpy as np

from dcgan.faces.alignment import apply_transform, invert_transform, similarity, warp_face

FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    "pretrained", "landmarks.npz")
# Lengths are in units of the mean shape, in which the landmarks' mean distance from their centre is
# 1 (root of the mean square): about 38 pixels of a face that is 100 wide.
EDGE, REACH = 64, 1.75  # of the network's view: pixels, and from its middle to its edges
# The standard deviation of a predicted landmark, by its distance from the hole (negative: inside).
DISTANCES = (-0.6, -0.3, -0.1, 0.0, 0.1, 0.2, 0.4, 0.8)
DEVIATIONS = (2.0, 1.5, 1.0, 0.4, 0.15, 0.08, 0.04, 0.02)
JAW = np.where(np.arange(68) < 17, 3.0, 1.0)  # these landmarks deviate more
LEAK = 0.1
PASSES = 2  # of the network, each from where the last one moved the landmarks to
# Rounds of dlib's predictor, the later ones in the box that its detector would find for a shape.
ROUNDS = 3
BOX_CENTRE, BOX_HALF = np.array([0.0, -0.14]), 1.43  # the means of 553 faces


class HiddenLandmarks(NamedTuple):
    """Both models."""

    mean: np.ndarray  # `[68, 2]`, centred, of mean square 1
    modes: np.ndarray  # `[k, 136]`, the principal components, each as long as its deviation
    rest: float  # standard deviation of what they leave over
    weights: dict  # of the network

    @classmethod
    @functools.cache
    def load(cls, path=FILE):
        """Those in the file, read once."""
        with np.load(path) as file:
            arrays = {name: file[name].astype(np.float32) for name in file.files}
        return cls(arrays.pop("mean").astype(float), arrays.pop("modes").astype(float),
                   float(arrays.pop("rest")), arrays)

    def most_likely(self, points, deviations):
        """The most likely shape given landmarks that are not equally sure.

        Args:
            points: `[68, 2]` x, y in pixels.
            deviations: `[68]`, their standard deviations in units of the mean shape.

        Returns:
            `[68, 2]` in pixels.
        """
        still = np.zeros_like(self.mean)
        pose = np.stack([still + (1, 0), still + (0, 1), self.mean,  # moved, scaled and turned
                         self.mean[:, ::-1] * (-1, 1)]).reshape(4, -1)
        factors = np.concatenate([self.modes, pose])
        prior = factors.T @ factors + self.rest**2 * np.eye(factors.shape[1])
        observed = prior + np.diag(np.repeat(deviations**2, 2))
        shape, weights = points, deviations**-2
        for _ in range(2):  # the second time from a better pose
            transform = similarity(shape, self.mean, weights)
            offset = (apply_transform(transform, points) - self.mean).ravel()
            likely = self.mean.ravel() + prior @ np.linalg.solve(observed, offset)
            shape = apply_transform(invert_transform(transform), likely.reshape(-1, 2))
            weights = np.ones(len(points))
        return shape

    def find(self, pixels, known, filled, box, predict):
        """The landmarks of the face in a box.

        Args:
            pixels: `[H, W, 3]` uint8; those of the hole are not read.
            known: `[H, W]` bool.
            filled: the same as `pixels` with the hole filled.
            box: left, top, right and bottom.
            predict: a function from an image and a box to `[68, 2]` landmarks.

        Returns:
            `[68, 2]` float64: x, y in pixels.
        """
        shapes = []
        for _ in range(ROUNDS):
            shape = self.estimate(pixels, known, predict(filled, box))
            shapes.append(shape)
            back = invert_transform(similarity(shape, self.mean))
            centre = apply_transform(back, BOX_CENTRE[np.newaxis])[0]
            half = BOX_HALF * np.sqrt(np.linalg.det(back[:, :2]))
            box = np.concatenate([centre - half, centre + half])
        return np.mean(shapes, axis=0)

    def estimate(self, pixels, known, predicted):
        """Landmarks from predicted ones.

        Args:
            pixels: `[H, W, 3]` uint8; those of the hole are not read.
            known: `[H, W]` bool.
            predicted: `[68, 2]`, dlib's, in the photograph with its hole filled.

        Returns:
            `[68, 2]` float64: x, y in pixels.
        """
        distances, shape = self.begin(known, predicted)
        for _ in range(PASSES):
            transform = similarity(shape, self.mean)
            view, features = self.network_input(pixels, known, predicted, shape, distances,
                                                transform)
            moved = apply_transform(transform, shape) + self.network(view, features)
            shape = apply_transform(invert_transform(transform), moved)
        return shape

    def begin(self, known, predicted):
        """How far each landmark is from the hole, `[68]`, in units of the mean shape; and the most
        likely shape, which trusts those that are far from it."""
        unit = np.sqrt(((predicted - predicted.mean(axis=0))**2).sum(axis=1).mean())
        distances = distance_from_hole(known, predicted) / unit
        deviations = np.interp(distances, DISTANCES, DEVIATIONS) * JAW
        return distances, self.most_likely(predicted, deviations)

    def network_input(self, pixels, known, predicted, shape, distances, transform):
        """What the network sees: `view` `[EDGE, EDGE, 4]` float32, the known pixels, of mean 0 and
        variance 1, and which they are; and `features` `[476]` float32, of the landmarks."""
        to_view = EDGE / (2 * REACH) * transform
        to_view[:, 2] += (EDGE - 1) / 2
        view = warp_face(pixels, to_view, EDGE).astype(np.float32)
        seen = warp_face(known.astype(np.float32)[..., np.newaxis], to_view, EDGE) > 0.99
        values = view[np.broadcast_to(seen, view.shape)]
        mean, deviation = (values.mean(), values.std() + 4.0) if values.size else (0.0, 1.0)
        predicted, shape = (apply_transform(transform, points) for points in (predicted, shape))
        features = [predicted - self.mean, shape - self.mean, predicted - shape,
                    np.clip(distances, DISTANCES[0], DISTANCES[-1])]
        return (np.concatenate([np.where(seen, (view - mean) / deviation, 0), seen], axis=2),
                np.concatenate([each.ravel() for each in features]).astype(np.float32))

    def network(self, view, features):
        """How far the landmarks are to be moved, `[68, 2]`, in units of the mean shape."""
        w, layers = self.weights, sorted(name for name in self.weights if name.startswith("conv"))
        for name in layers[::2]:  # convN_biases, convN_w
            view = lrelu(conv2d(view, w[name.replace("biases", "w")]) + w[name])
        x = np.concatenate([view.ravel(), lrelu(features @ w["points_w"] + w["points_biases"])])
        for name in ("hidden0", "hidden1"):
            x = lrelu(x @ w[f"{name}_w"] + w[f"{name}_biases"])
        return (x @ w["moves_w"] + w["moves_biases"]).reshape(-1, 2)


def lrelu(x):
    return np.maximum(x, LEAK * x)


def conv2d(x, w):
    """Stride-2 SAME convolution: `[H, W, in]`, H and W even, with `[k, k, in, out]`, k odd."""
    k = len(w)
    x = np.pad(x, (*[((k - 2) // 2, (k - 1) // 2)] * 2, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (0, 1))[::2, ::2]
    return np.tensordot(windows, w, ([3, 4, 2], [0, 1, 2]))


def distance_from_hole(known, points):
    """How far points are from a hole's edge, in pixels: `[N, 2]` to `[N]`, negative inside."""
    import cv2

    if known.all():
        return np.full(len(points), float(max(known.shape)))
    low, high = points.min(axis=0), points.max(axis=0)
    margin = int((high - low).max())  # beyond it, no landmark is disturbed
    x0, y0 = np.clip(low.astype(int) - margin, 0, None)
    x1, y1 = np.clip(high.astype(int) + margin, 1, known.shape[::-1])
    part = known[y0:y1, x0:x1].astype(np.uint8)
    if part.all():
        return np.full(len(points), float(margin))
    outside, inside = (cv2.distanceTransform(layer, cv2.DIST_L2, 5) for layer in (part, 1 - part))
    columns, rows = np.clip(np.rint(points).astype(int) - (x0, y0), 0,
                            np.array(part.shape[::-1]) - 1).T
    return (outside - inside)[rows, columns].astype(float)
