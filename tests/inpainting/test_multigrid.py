"""Large holes, filled by multigrid, against SciPy's direct solution of the equation."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import spsolve

from dcgan.inpainting import blending, multigrid


def direct(values, known):
    """The harmonic filling of `[H, W]`, by the sum of the Laplacians of its rows and columns."""
    def line(count):
        neighbours = np.full(count, 2.0)
        neighbours[[0, -1]] = 1
        return sparse.diags([-np.ones(count - 1), neighbours, -np.ones(count - 1)], (-1, 0, 1))

    height, width = known.shape
    A = (sparse.kron(line(height), sparse.identity(width))
         + sparse.kron(sparse.identity(height), line(width))).tocsr()
    unknown, result = ~known.ravel(), values.astype(float).ravel()
    A = A[unknown]
    result[unknown] = spsolve(A[:, unknown].tocsc(), -A[:, ~unknown] @ result[~unknown])
    return result.reshape(known.shape)


def holes(height, width):
    """`{name: known}`: holes of every shape."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    blots = gaussian_filter(rng.normal(size=(height, width)), 12)
    return {
        "square": (np.minimum(y, x) < 1) | (y >= height - 1) | (x >= width - 1),
        "disc": np.hypot(y - height / 2, x - width / 2) > 0.4 * height,
        "at the border": (x > 0.9 * width) | (y > 0.7 * height),
        "in the corners": abs(y / height - 0.5) + abs(x / width - 0.5) < 0.6,
        "all but one pixel": (y == height // 3) & (x == width // 2),
        "blots": blots > 0,
        "strokes": ((y - x) % 97 > 5) & ((y + 2 * x) % 151 > 3),
        "scattered": rng.random((height, width)) < 0.02,
        "a grid": (y % 9 == 0) & (x % 9 == 0)}


@pytest.mark.parametrize("name", holes(9, 9))
@pytest.mark.parametrize("shape", [(167, 210), (211, 128)])
def test_a_large_hole_is_filled_as_by_the_direct_solution(monkeypatch, name, shape):
    """Grey and RGB, smooth and rough; known pixels stay, and nothing hidden is read."""
    monkeypatch.setattr(blending, "DIRECT_LIMIT", 0)
    known, rng = holes(*shape)[name], np.random.default_rng(1)
    y, x = np.mgrid[:shape[0], :shape[1]] / 40
    smooth = np.sin(2 * x + y)
    for image in (smooth[..., np.newaxis], np.stack(
            [smooth, rng.uniform(-1, 1, shape), np.full(shape, 0.3)], axis=-1)):
        image = image.astype(np.float32)
        hidden = np.where(known[..., np.newaxis], image, np.nan)
        filled = blending.harmonic(hidden, known)
        np.testing.assert_array_equal(filled[known], image[known])
        for k in range(image.shape[2]):
            difference = np.abs(filled[..., k] - direct(image[..., k], known))
            assert difference.max() < 2 / 255 / 8, "an eighth of a byte's step"


def test_small_holes_are_solved_as_ever(monkeypatch):
    """Those of every network's pictures are, bit for bit, by factoring."""
    known = np.zeros((256, 256), bool)
    known[0, 0] = True
    monkeypatch.setattr(multigrid, "harmonic", None)
    blending.harmonic(np.ones((256, 256, 1)), known)
    with pytest.raises(TypeError):
        blending.harmonic(np.ones((256, 257, 1)), np.pad(known, ((0, 0), (0, 1))))


@pytest.mark.slow
def test_a_hole_of_500_pixels_square_is_blended_as_by_the_direct_solution():
    rng, known = np.random.default_rng(2), np.ones((520, 540), bool)
    known[10:510, 20:520] = False
    image, fill = (gaussian_filter(rng.normal(size=(520, 540, 3)), (3, 3, 0)).astype(np.float32)
                   for _ in range(2))
    blended = blending.poisson_blend(image, fill, known)
    np.testing.assert_array_equal(blended[known], image[known])
    for k in range(3):
        expected = fill[..., k] + direct(image[..., k] - fill[..., k], known)
        assert np.abs(blended[..., k] - expected)[~known].max() < 1 / 255 / 8


def test_no_seam_around_a_large_hole():
    """A fill that is the image but for another brightness at every place becomes the image."""
    y, x = np.mgrid[:400, :500, :1][:2] / 400
    image = np.random.default_rng(3).uniform(-0.5, 0.5, (400, 500, 3)).astype(np.float32)
    known = holes(400, 500)["disc"]
    fill = image + np.float32(0.4 * x - 0.2 * y + 0.3 * x * y)  # which is harmonic
    blended = blending.poisson_blend(image, fill, known)
    np.testing.assert_allclose(blended, image, atol=1 / 255 / 4)


def test_batches_share_their_mask():
    known = holes(300, 300)["disc"]
    images = np.random.default_rng(4).uniform(-1, 1, (2, 300, 300, 3)).astype(np.float32)
    filled = blending.harmonic(images, known)
    for image, one in zip(images, filled):
        np.testing.assert_array_equal(blending.harmonic(image, known), one)


@pytest.mark.parametrize("value", [0, 0.25, np.nan])
def test_what_leaves_nothing_to_solve_ends(value):
    known = holes(20, 30)["square"]
    filled = multigrid.harmonic(np.full((20, 30), value), known)
    np.testing.assert_allclose(filled[known], value)
    if value == value:
        np.testing.assert_allclose(filled, value, atol=1e-4)


def test_memory_is_of_the_hole_alone():
    """250 bytes for each pixel of the hole are 1 GB of 4 megapixels."""
    known = np.ones((900, 900), bool)
    known[200:700, 200:700] = False
    image = np.random.default_rng(7).uniform(-1, 1, (900, 900, 3)).astype(np.float32)
    peaks = []
    for method in ("paste", "poisson"):
        tracemalloc.start()
        blending.BLENDS[method](image, image[::-1], known)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 250 * 500 * 500


def test_the_cycle_is_symmetric():
    """As conjugate gradients need it, else they may not converge: <Mx, y> = <x, My>."""
    rng = np.random.default_rng(5)
    for known in holes(41, 58).values():
        levels = multigrid._levels(known)
        x, y = (levels[0] * rng.normal(size=known.shape).astype(np.float32) for _ in range(2))
        left, right = np.vdot(multigrid._cycle(x, levels), y), np.vdot(
            x, multigrid._cycle(y, levels))
        assert left == pytest.approx(right, rel=1e-3, abs=1e-3)
        assert np.vdot(multigrid._cycle(x, levels), x) > 0


def test_a_few_steps_are_enough(monkeypatch):
    """Of any size: the time grows with the pixels alone."""
    counts, cycle = {}, multigrid._cycle

    def count(residual, levels):
        counts[residual.shape] = counts.get(residual.shape, 0) + 1
        return cycle(residual, levels)

    monkeypatch.setattr(multigrid, "_cycle", count)
    for edge in (60, 240, 960):
        for name in ("square", "disc", "at the border", "scattered"):
            counts.clear()
            image = np.random.default_rng(6).uniform(-1, 1, (edge, edge))
            multigrid.harmonic(image, holes(edge, edge)[name])
            assert counts[edge, edge] <= 9, (edge, name, counts[edge, edge])
