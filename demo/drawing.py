"""A face and its parts, as draw_faces.py draws them."""

import cv2
import numpy as np

CANVAS = 192  # drawn at this size, then averaged down
SHIFT = 4  # OpenCV draws with this many fractional bits
SKINS = np.array([[255, 224, 196], [240, 194, 160], [205, 150, 110], [150, 100, 70], [90, 60, 45]])
HAIRS = np.array([[25, 20, 20], [70, 45, 25], [130, 85, 45], [200, 165, 95], [150, 60, 30],
                  [160, 160, 160]])
IRISES = np.array([[60, 40, 25], [70, 110, 150], [80, 110, 70]])


class Canvas:
    """A picture drawn on in unit coordinates, under the rotation of a tilted head."""

    def __init__(self, tilt):
        self.pixels = np.zeros((CANVAS, CANVAS, 3), np.uint8)
        self.tilt = tilt

    def place(self, points):
        """Unit coordinates as OpenCV's fixed-point pixels, turned about the neck."""
        angle = np.radians(self.tilt)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        pivot = np.array([0.5, 0.85])
        turned = (np.asarray(points, float) - pivot) @ turn.T + pivot
        return np.round(turned * CANVAS * 2**SHIFT).astype(np.int32)

    def ellipse(self, x, y, width, height, color, angle=0, start=0, end=360, thickness=-1):
        axes = np.round(np.array([width, height]) * CANVAS * 2**SHIFT).astype(int)
        cv2.ellipse(self.pixels, tuple(map(int, self.place([x, y]))), tuple(map(int, axes)),
                    angle + self.tilt, start, end, tuple(map(float, color)),
                    thickness if thickness < 0 else round(thickness * CANVAS), cv2.LINE_AA, SHIFT)

    def polygon(self, points, color):
        cv2.fillPoly(self.pixels, [self.place(points)], tuple(map(float, color)), cv2.LINE_AA,
                     SHIFT)

    def line(self, points, color, thickness):
        cv2.polylines(self.pixels, [self.place(points)], False, tuple(map(float, color)),
                      max(1, round(thickness * CANVAS)), cv2.LINE_AA, SHIFT)


def pick(rng, palette, jitter=12):
    """A colour between two of a palette's neighbours, slightly off."""
    place = rng.uniform(0, len(palette) - 1)
    low = int(place)
    color = palette[low] + (place - low) * (palette[min(low + 1, len(palette) - 1)] - palette[low])
    return np.clip(color + rng.normal(0, jitter, 3), 0, 255)


def ramp(rng, low, high, size=CANVAS):
    """A plane of brightness that rises in a random direction: `[size, size, 1]`."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1:1:size * 1j, -1:1:size * 1j]
    plane = (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(2) / 2 + 0.5
    return (low + (high - low) * plane)[:, :, np.newaxis]


def draw_face(rng, size):
    """One face, `[size, size, 3]` uint8."""
    canvas = Canvas(tilt=rng.normal(0, 3))
    turn = rng.normal(0, 0.025)  # of the head: features move, the face's outline less
    skin, hair = pick(rng, SKINS), pick(rng, HAIRS)
    jaw = rng.uniform(0.33, 0.39)

    draw_background(canvas, rng)
    draw_shoulders(canvas, rng.uniform(20, 230, 3))
    draw_head(canvas, rng, turn, skin, hair, jaw)
    draw_eyes(canvas, rng, turn, skin, hair)
    draw_nose(canvas, rng, turn, skin)
    draw_mouth(canvas, rng, turn, skin)

    lit = canvas.pixels * ramp(rng, rng.uniform(0.5, 1.0), rng.uniform(0.9, 1.2))
    lit *= rng.uniform(0.85, 1.1) * rng.normal(1, 0.04, 3)
    return cv2.resize(np.clip(lit, 0, 255).astype(np.uint8), (size, size),
                      interpolation=cv2.INTER_AREA)


def draw_head(canvas, rng, turn, skin, hair, jaw):
    """Hair, neck, ears, the face's outline and a beard."""
    long_hair = rng.random() < 0.4
    if long_hair:
        canvas.ellipse(0.5, 0.55, jaw + 0.12, 0.62, hair * 0.8)
    canvas.polygon([(0.36, 0.8), (0.64, 0.8), (0.68, 1.1), (0.32, 1.1)], skin * 0.75)
    for side in (-1, 1):
        canvas.ellipse(0.5 - turn + side * jaw, 0.37, 0.05, 0.09, skin * 0.85)
    canvas.ellipse(0.5, 0.42, jaw, 0.53, skin)
    draw_beard(canvas, rng, skin, hair, jaw)
    draw_hair(canvas, rng, hair, jaw)


def draw_background(canvas, rng, low=50, high=210, spread=25):
    """Two colours that run into each other."""
    mix = np.clip(ramp(rng, 0, 1), 0, 1)
    one, other = np.clip(rng.uniform(low, high, (2, 1)) + rng.normal(0, spread, (2, 3)), 0, 255)
    canvas.pixels[:] = one * mix + other * (1 - mix)


def draw_shoulders(canvas, color):
    canvas.ellipse(0.5, 1.12, 0.55, 0.22, color)


def draw_beard(canvas, rng, skin, hair, jaw):
    if rng.random() < 0.25:
        color = skin + (hair - skin) * rng.uniform(0.25, 0.8)
        canvas.ellipse(0.5, 0.68, jaw * 0.9, 0.27, color)
        canvas.ellipse(0.5, 0.5, jaw * 0.86, 0.3, skin)


def draw_hair(canvas, rng, hair, jaw):
    """A cap of hair down to a hairline, parted somewhere; or none."""
    if rng.random() < 0.1:
        return
    line = rng.uniform(-0.05, 0.05)
    part = rng.uniform(0.2, 0.8)
    canvas.polygon([(0.5 - jaw - 0.03, 0.3), (0.5 - jaw + 0.03, 0.12 + line), (part, line - 0.02),
                    (0.5 + jaw - 0.03, 0.12 + line), (0.5 + jaw + 0.03, 0.3), (0.95, -0.2),
                    (0.05, -0.2)], hair)


def draw_eyes(canvas, rng, turn, skin, hair):
    iris, gaze = pick(rng, IRISES), rng.normal(0, 0.012)
    openness, brow = rng.uniform(0.018, 0.04), rng.uniform(0.08, 0.12)
    slant, thick = rng.normal(0, 0.015), rng.uniform(0.015, 0.035)
    paint_eyes(canvas, turn, skin, hair, iris, gaze, openness, brow, slant, thick,
               has_glasses=rng.random() < 0.15)


def paint_eyes(canvas, turn, skin, hair, iris, gaze, openness, brow, slant, thick,
               has_glasses=False):
    for side in (-1, 1):
        x, y = 0.5 + turn + side * 0.19, 0.19
        canvas.ellipse(x, y, 0.105, openness + 0.035, skin * 0.86)
        canvas.ellipse(x, y, 0.08, openness, (235, 235, 235))
        canvas.ellipse(x + gaze, y, 0.034, min(0.034, openness), iris)
        canvas.ellipse(x + gaze, y, 0.015, min(0.015, openness), (10, 10, 10))
        canvas.line([(x - 0.085, y), (x, y - openness - 0.008), (x + 0.085, y)], skin * 0.35, 0.012)
        canvas.line([(x - side * 0.1, y - brow + slant), (x, y - brow - 0.02),
                     (x + side * 0.11, y - brow + 0.01 - slant)], hair * 0.8, thick)
        if has_glasses:
            canvas.ellipse(x, y, 0.13, 0.1, (30, 30, 35), thickness=0.015)
    if has_glasses:
        canvas.line([(0.44 + turn, 0.19), (0.56 + turn, 0.19)], (30, 30, 35), 0.015)


def draw_nose(canvas, rng, turn, skin):
    width, tip = rng.uniform(0.06, 0.1), rng.uniform(0.47, 0.53)
    x = 0.5 + 1.7 * turn
    side = np.sign(turn)
    canvas.polygon([(0.5 + turn + side * 0.03, 0.2), (x + side * width, tip), (x, tip + 0.03),
                    (x - side * width * 0.2, tip - 0.04)], skin * 0.88)
    draw_nostrils(canvas, x, tip, width, skin)


def draw_nostrils(canvas, x, tip, width, skin):
    canvas.ellipse(x, tip, width, 0.035, skin * 0.9)
    for nostril in (-1, 1):
        canvas.ellipse(x + nostril * width * 0.5, tip + 0.015, 0.018, 0.012, skin * 0.45)


def draw_mouth(canvas, rng, turn, skin):
    x, y = 0.5 + 1.2 * turn, 0.7
    width, smile = rng.uniform(0.12, 0.19), rng.normal(0.01, 0.02)
    lips = skin * (0.85, 0.6, 0.6) + rng.uniform(0, 40) * np.array([1, 0, 0])
    paint_mouth(canvas, x, y, width, smile, lips, opening=max(0, rng.normal(0, 0.03)))


def paint_mouth(canvas, x, y, width, smile, lips, opening):
    t = np.linspace(-1, 1, 15)
    corners = y - smile * 2 * t**2
    upper, lower = (0.03 * (1 - t**2) + 0.002, 0.045 * (1 - t**2) + opening * (1 - t**2))
    outline = np.stack([np.r_[x + width * t, x + width * t[::-1]],
                        np.r_[corners - upper, (corners + lower)[::-1]]], axis=1)
    canvas.polygon(outline, lips)
    if opening > 0.012:
        canvas.polygon(np.stack([np.r_[x + 0.8 * width * t, x + 0.8 * width * t[::-1]], np.r_[
            corners, (corners + opening * (1 - t**2))[::-1]]], axis=1), (235, 230, 225))
    else:
        canvas.line(np.stack([x + width * t, corners], axis=1), lips * 0.5, 0.012)
