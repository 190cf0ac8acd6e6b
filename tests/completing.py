"""complete.py in this process, and the pictures that its tests complete."""

import numpy as np
from conftest import load_script
from PIL import Image

complete = load_script("complete.py").main


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def run(checkpoint, *arguments):
    """complete.py in this process, with few iterations."""
    complete([str(a) for a in (*arguments, "--checkpointDir", checkpoint)
              + (("--nIter", 3, "--outInterval", 2) if "--nIter" not in arguments else ())])


def draw(path, size, seed=0, hole=None):
    """A smooth picture of (width, height), with other pixels in the hole for another seed."""
    width, height = size
    y, x = np.mgrid[:height, :width] / 9
    picture = np.stack([np.sin(x + y), np.cos(x - y), np.sin(2 * x)], axis=-1) * 100 + 127
    if hole is not None:
        picture[hole] = np.random.default_rng(seed).integers(0, 256, 3)
    Image.fromarray(picture.astype(np.uint8)).save(path)
