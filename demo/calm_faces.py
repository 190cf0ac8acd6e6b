"""Faces as drawing.py draws them, but calmer: fewer things vary, and those less.

A small network learns these in two minutes: no glasses, a head that hardly turns, plain clothes,
and one mood that shows in brows and mouth.
"""

import cv2
import numpy as np
from drawing import (
    HAIRS,
    IRISES,
    SKINS,
    Canvas,
    draw_background,
    draw_head,
    draw_nostrils,
    draw_shoulders,
    paint_eyes,
    paint_mouth,
    pick,
    ramp,
)

CLOTHES = np.array([[40, 45, 60], [60, 90, 140], [150, 60, 55], [225, 220, 210]])
JITTER = 4  # of a colour


def draw_calm_face(rng, size):
    """One face, `[size, size, 3]` uint8."""
    canvas = Canvas(tilt=rng.normal(0, 1))
    turn, mood = rng.normal(0, 0.012), rng.normal()
    skin, hair = pick(rng, SKINS, JITTER), pick(rng, HAIRS, JITTER)
    jaw = rng.uniform(0.33, 0.39)

    draw_background(canvas, rng, 110, 200, spread=10)
    draw_shoulders(canvas, pick(rng, CLOTHES, JITTER))
    draw_head(canvas, rng, turn, skin, hair, jaw)
    iris, gaze = pick(rng, IRISES, JITTER), rng.normal(0, 0.008)
    openness, brow = rng.uniform(0.025, 0.04), rng.uniform(0.09, 0.11)
    paint_eyes(canvas, turn, skin, hair, iris, gaze, openness, brow, slant=0.015 * mood,
               thick=rng.uniform(0.02, 0.035))
    draw_nose(canvas, rng, turn, skin)
    width = rng.uniform(0.14, 0.18)
    lips = skin * (0.85, 0.6, 0.6) + rng.uniform(0, 40) * np.array([1, 0, 0])
    paint_mouth(canvas, 0.5 + 1.2 * turn, 0.7, width, 0.01 + 0.012 * mood, lips,
                opening=max(0, 0.015 * mood))

    face = cv2.resize(canvas.pixels, (size, size), interpolation=cv2.INTER_AREA)
    lit = face * ramp(rng, rng.uniform(0.5, 1.0), rng.uniform(0.95, 1.2), size)
    return np.clip(lit, 0, 255).astype(np.uint8)


def draw_nose(canvas, rng, turn, skin):
    """Seen from the front."""
    width, tip = rng.uniform(0.07, 0.09), rng.uniform(0.48, 0.52)
    x = 0.5 + 1.7 * turn
    canvas.polygon([(0.5 + turn, 0.2), (x + width * 0.7, tip), (x - width * 0.7, tip)], skin * 0.92)
    draw_nostrils(canvas, x, tip, width, skin)
