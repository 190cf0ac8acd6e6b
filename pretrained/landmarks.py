#!/usr/bin/env python3
"""Make landmarks.npz, the models that find the landmarks of a face behind a hole.

    .venv/bin/python pretrained/landmarks.py ../shared/lfw/train landmarks.npz

takes the landmarks that dlib finds in photographs of one face in their middle (Labeled Faces in the
Wild) for the truth, paints holes over these faces as users do, fills the holes, and lets dlib
predict the landmarks again, in boxes that are off as the detector's are. From these, it fits the
principal components of shapes, and trains the network of `dcgan.faces.hidden`. It takes about half
an hour on 2 cores.
"""

import _path

import functools
import os

import numpy as np

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.faces import detection, hidden
from dcgan.faces.alignment import apply_transform, similarity
from dcgan.faces.jobs import run_jobs
from dcgan.files import writing
from dcgan.files.listing import list_images
from dcgan.messages import UserError
from dcgan.pictures.filling import smooth

MARGIN = 40  # pixels at each edge of a photograph of LFW, which hold no face in its middle
MODES = 30  # principal components of shapes
FRAME = [39, 42, 57]  # the landmarks that place the frame: their error counts most
# Landmarks that users paint over together: mouth, eyes, one eye, nose, brows, ...
PARTS = ([*range(48, 68)], [*range(36, 48)], [*range(36, 42)], [*range(42, 48)], [*range(27, 36)],
         [*range(17, 27)], [*range(17, 22), *range(36, 42)], [*range(22, 27), *range(42, 48)],
         [*range(27, 36), *range(48, 68)], [*range(17, 48)], [*range(31, 68)])
HOLES = {"part": 0.5, "lower": 0.12, "side": 0.14, "upper": 0.06, "line": 0.1, "blot": 0.08}
# The number of each landmark in a picture that is mirrored.
MIRRORED = np.array([*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
                     45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48,
                     59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65])
CHANNELS = (4, 32, 48, 96, 128)  # of the convolutions
BATCH, RATE, AVERAGE, DROPOUT, DECAY = 64, 1e-3, 0.998, 0.2, 0.01
SCALE = 0.05  # errors below count squared, and above as they are; units of the mean shape


def true_landmarks(path, predictor):
    """The box and the `[68, 2]` landmarks of the face in the middle of a photograph, or None."""
    image = utils.read_image(path)
    inner = np.ascontiguousarray(image[MARGIN:-MARGIN, MARGIN:-MARGIN])
    boxes = [box for box, _ in detection.WHOLE.boxes(inner, predictor, 0.0)]
    if not boxes:
        return None
    middle = np.array(inner.shape[1::-1]) / 2
    box = min((np.array(box) for box in boxes),
              key=lambda box: np.linalg.norm((box[:2] + box[2:]) / 2 - middle)) + MARGIN
    return box, detection.predict(image, box, predictor)


def draw_hole(shape, face, rng):
    """What somebody paints over a face, `[H, W]` bool.

    Args:
        shape: (H, W).
        face: its `[68, 2]` landmarks.
        rng: of where and what.
    """
    import cv2

    mask = np.zeros(shape, np.uint8)
    low, high = face.min(axis=0), face.max(axis=0)
    width = high[0] - low[0]
    over = rng.uniform(-0.05, 0.4, 2) * width

    def rectangle(a, b):
        cv2.rectangle(mask, [int(v) for v in a], [int(v) for v in b], 1, -1)

    def ellipse(centre, axes, angle):
        cv2.ellipse(mask, [int(v) for v in centre], [max(2, int(v)) for v in axes], angle, 0, 360,
                    1, -1)

    kind = rng.choice(list(HOLES), p=list(HOLES.values()))
    if kind == "part":
        points = face[PARTS[rng.integers(len(PARTS))]]
        centre = points.mean(axis=0) + rng.normal(0, 0.03 * width, 2)
        points = (points - points.mean(axis=0)) * rng.uniform(1.1, 2) + centre
        a, b = points.min(axis=0), points.max(axis=0)
        b = np.maximum(b, a + 0.08 * width)
        if rng.random() < 0.5:
            ellipse((a + b) / 2, (b - a) / 2, rng.normal(0, 10))
        else:
            rectangle(a, b)
    elif kind == "lower":
        y = rng.uniform(0.3 * face[27, 1] + 0.7 * face[29, 1],
                        0.3 * face[33, 1] + 0.7 * face[51, 1])
        jaw = (face[:17] - face.mean(axis=0)) * rng.uniform(0.9, 1.25) + face.mean(axis=0)
        jaw = jaw[jaw[:, 1] > y]
        if rng.random() < 0.6 and len(jaw) > 2:
            cv2.fillPoly(mask, [np.int32([(jaw[0, 0], y), *jaw, (jaw[-1, 0], y)])], 1)
        else:
            rectangle((low[0] - over[0], y), high + over)
    elif kind == "side":
        x = face[27, 0] + rng.uniform(-0.2, 0.2) * width
        top = low[1] - rng.uniform(0, 0.6) * width
        left, right = (low[0] - over[0], x) if rng.random() < 0.5 else (x, high[0] + over[0])
        rectangle((left, top), (right, high[1] + over[1]))
    elif kind == "upper":
        rectangle(low - (over[0], rng.uniform(-0.05, 0.5) * width),
                  (high[0] + over[1], rng.uniform(face[37, 1], face[30, 1])))
    if kind == "line" or rng.random() < 0.12:
        points = rng.uniform(low - 0.1 * width, high + 0.1 * width, (rng.integers(2, 7), 2))
        cv2.polylines(mask, [np.int32(points)], False, 1,
                      max(3, int(width * rng.uniform(0.04, 0.16))))
    if kind == "blot" or rng.random() < 0.08:
        ellipse(rng.uniform(low, high), width * rng.uniform(0.06, 0.32, 2), rng.uniform(0, 180))
    return mask > 0


def sample(job, models, predictor):
    """What the network sees of a photograph with a hole, and where it has to move the landmarks.

    Args:
        job: `(path, box, landmarks, number of the photograph, number of the hole)`.
        models: a `HiddenLandmarks` without weights.

    Returns:
        `(view, features, moves)`, as of `network_input` and `network`; None for a hole of next to
        nothing or of nearly everything.
    """
    path, box, face, number, hole = job
    rng = np.random.default_rng([number, hole])
    image = utils.read_image(path)
    known = ~draw_hole(image.shape[:2], face, rng)
    if not 40 < (~known).sum() < 0.4 * known.size:
        return None
    filled = smooth(image, known)
    width = box[2] - box[0]
    off = 3 if rng.random() < 0.15 else 1  # some boxes are far off
    centre = (box[:2] + box[2:]) / 2 + rng.normal(0, 0.03 * off * width, 2)
    half = width / 2 * np.exp(rng.normal(0, 0.055 * off))
    predicted = detection.predict(filled, np.concatenate([centre - half, centre + half]), predictor)
    distances, shape = models.begin(known, predicted)
    if rng.random() < 0.3:  # the second pass begins closer to the truth
        shape = shape + rng.uniform(0.3, 1) * (face - shape)
    transform = similarity(shape, models.mean)
    view, features = models.network_input(image, known, predicted, shape, distances, transform)
    moves = apply_transform(transform, face) - apply_transform(transform, shape)
    return view.astype(np.float16), features, moves.astype(np.float32)


def fit_shapes(faces):
    """A `HiddenLandmarks` without weights: mean and principal components of `[N, 68, 2]`."""
    def normalised(shape):
        shape = shape - shape.mean(axis=0)
        return shape / np.sqrt((shape**2).sum(axis=1).mean())

    mean = normalised(np.mean([normalised(face) for face in faces], axis=0))
    for _ in range(3):
        aligned = np.stack([apply_transform(similarity(face, mean), face) for face in faces])
        mean = normalised(aligned.mean(axis=0))
    x = (aligned - mean).reshape(len(faces), -1)
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    modes = (vectors * np.sqrt(np.maximum(values, 0))).T[:-MODES - 1:-1]
    return hidden.HiddenLandmarks(mean, modes, float(np.sqrt(max(values[:-MODES].mean(), 0))), {})


def train(views, features, moves, models, steps, seed):
    """The network's weights, `{name: array}`, after so many steps; the last tenth of the samples,
    which are of other people, only says how good it is."""
    import tensorflow as tf

    import ops

    rng, draw = np.random.default_rng(seed), tf.random.Generator.from_seed(seed)
    known = len(views) - len(views) // 10
    importance = np.full(68, 0.3, np.float32)
    importance[[8, 33, 36, 45, 48, 51, 54]], importance[FRAME] = 1, 4
    importance /= importance.mean()

    def layer(name, *shape):
        spread = np.sqrt(2 / np.prod(shape[:-1])) if name != "moves" else 0.0
        return {f"{name}_w": tf.Variable(draw.normal(shape) * np.float32(spread)),
                f"{name}_biases": tf.Variable(tf.zeros(shape[-1]))}

    w = {}
    for k, pair in enumerate(zip(CHANNELS, CHANNELS[1:])):
        w |= layer(f"conv{k}", *((5, 5) if k == 0 else (3, 3)), *pair)
    flat = CHANNELS[-1] * (hidden.EDGE // 2 ** (len(CHANNELS) - 1)) ** 2
    w |= layer("points", features.shape[1], 128) | layer("hidden0", flat + 128, 256)
    w |= layer("hidden1", 256, 128) | layer("moves", 128, 136)

    def network(x, points, dropout):
        def lrelu(x):
            return tf.nn.leaky_relu(x, hidden.LEAK)

        for k in range(len(CHANNELS) - 1):
            x = lrelu(tf.nn.conv2d(x, w[f"conv{k}_w"], 2, "SAME") + w[f"conv{k}_biases"])
        x = tf.concat([tf.reshape(x, [-1, flat]),
                       lrelu(points @ w["points_w"] + w["points_biases"])], axis=1)
        x = tf.nn.dropout(x, dropout)
        for name in ("hidden0", "hidden1"):
            x = lrelu(x @ w[f"{name}_w"] + w[f"{name}_biases"])
        return tf.reshape(x @ w["moves_w"] + w["moves_biases"], [-1, 68, 2])

    adam = ops.Adam(w, RATE, 0.9)
    averages = {name: tf.Variable(v) for name, v in w.items()}

    @tf.function(autograph=False)
    def step(x, points, moves, rate, n):
        with tf.GradientTape() as tape:
            error = (network(x, points, DROPOUT) - moves) / SCALE
            loss = tf.reduce_mean(
                (tf.sqrt(tf.reduce_sum(error**2, axis=2) + 1) - 1) * importance)
        adam.apply(tape.gradient(loss, w), rate)
        for name, v in w.items():
            if name.endswith("_w"):
                v.assign_sub(rate * DECAY * v)
        ops.move_average(averages, w, AVERAGE, n)
        return loss

    mirror = np.float32([-1, 1])
    for n in range(steps):
        rows = rng.integers(known, size=BATCH)
        x, points, target = views[rows].astype(np.float32), features[rows], moves[rows]
        turned = rng.random(BATCH) < 0.5
        x[turned] = x[turned, :, ::-1]
        target[turned] = target[turned][:, MIRRORED] * mirror
        shapes, distances = points[:, :-68].reshape(BATCH, 3, 68, 2), points[:, -68:]
        # What is off the mean shape is mirrored as the mean shape is, which is nearly symmetrical.
        mean = np.float32([models.mean, models.mean, 0 * models.mean])
        shapes[turned] = (shapes[turned] + mean)[:, :, MIRRORED] * mirror - mean
        distances[turned] = distances[turned][:, MIRRORED]
        points = np.concatenate([shapes.reshape(BATCH, -1), distances], axis=1)
        rate = RATE * min(1, (n + 1) / 200) * (np.cos(np.pi * n / steps) + 1) / 2
        loss = step(x, points, target, tf.constant(rate, tf.float32), tf.constant(n))
        if (n + 1) % 500 == 0 or n + 1 == steps:
            weights = {name: v.numpy() for name, v in averages.items()}
            judge = models._replace(weights=weights)
            off = [np.linalg.norm((judge.network(view.astype(np.float32), f) - m)[FRAME], axis=1)
                   for view, f, m in zip(*(t[known::8] for t in (views, features, moves)))]
            print(f"step {n + 1}: loss {float(loss):.3f}; the frame's landmarks of other people "
                  f"are off by {np.mean(off):.4f}, {np.median(off):.4f} (median)", flush=True)
    return weights


def parse_args(argv=None):
    parser = flags.Parser(prog="landmarks.py", description=__doc__)
    parser.add_argument("folder", help="photographs with a face in their middle, as LFW's are")
    parser.add_argument("output", help="the file that is written")
    parser.add_argument("--holes", type=settings.Number(int, low=1), default=3,
                        help="painted into each photograph")
    parser.add_argument("--steps", type=settings.Number(int, low=1), default=7000,
                        help=f"of the training, of {BATCH} samples each")
    parser.add_argument("--seed", type=settings.Number(int, low=0), default=0,
                        help="of the weights")
    parser.add_argument("--jobs", type=settings.Number(int, low=1), default=os.cpu_count(),
                        help="processes")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    if os.path.exists(config.output):
        raise UserError(f"{config.output}: is there already; name another file")
    predictor = detection.face_predictor_path()
    files = list_images([config.folder])
    found = list(run_jobs(functools.partial(true_landmarks, predictor=predictor), files,
                          config.jobs, failed=lambda path: None))
    faces = [(path, *each, number) for number, (path, each) in enumerate(zip(files, found)) if each]
    if len(faces) < 10 * MODES:
        raise UserError(f"{config.folder}: a face in the middle of only {len(faces)} pictures; "
                        f"{10 * MODES} are needed")
    models = fit_shapes([face for _, _, face, _ in faces])
    jobs = [(*face, hole) for face in faces for hole in range(config.holes)]
    samples = [each for each in run_jobs(
        functools.partial(sample, models=models, predictor=predictor), jobs, config.jobs,
        failed=lambda job: None) if each]
    weights = train(*(np.stack(each) for each in zip(*samples)), models, config.steps, config.seed)
    arrays = {"mean": models.mean, "modes": models.modes, "rest": models.rest} | weights
    with writing.whole(config.output) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{name: np.asarray(value, np.float16 if name in weights else np.float32)
                          for name, value in arrays.items()})
    print(f"{len(samples)} faces with a hole: {config.output}")


if __name__ == "__main__":
    running.run(main, "landmarks.py")
