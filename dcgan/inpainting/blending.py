"""Puts G(z) into the hole: pasted, or blended with Poisson's equation (Perez, Gangnet and Blake
2003), which keeps the gradients of G(z) and fits them to the known pixels without a seam."""

import functools

import numpy as np

from dcgan.inpainting.masks import group_by_mask
from dcgan.pictures import drawing
from dcgan.pictures.filling import bounding_slices

CACHE_LIMIT = 20_000  # largest hole, in pixels, whose factors are kept; they take megabytes
DIRECT_LIMIT = 2**16  # largest box around a hole, in pixels, whose equation is factored


def paste(image, fill, mask):
    """`fill` in the hole, `image` elsewhere; see `poisson_blend` for the arguments."""
    return np.where(mask[..., np.newaxis] != 0, image, fill)


def poisson_blend(image, fill, mask):
    """Fill the hole with the gradients of `fill`; the known pixels of `image` are the boundary.

    The result solves the discrete Poisson equation on the four neighbours of each pixel. It is
    fill + h, where h is harmonic in the hole and equals image - fill around it.

    Args:
        image: `[..., H, W, C]` float; pixels in the hole are not read.
        fill: `[..., H, W, C]` float.
        mask: `[H, W]`, 1 = known, 0 = missing.

    Returns:
        `[..., H, W, C]` float, with the known pixels of `image`; `fill` if no pixel is known.
    """
    known = mask != 0
    difference = np.where(known[..., np.newaxis], image - fill, 0)
    return np.where(known[..., np.newaxis], image, fill + harmonic(difference, mask))


BLENDS = {"paste": paste, "poisson": poisson_blend}


def blend(method, images, fills, masks):
    """Blend a batch: `images` and `fills` `[B, H, W, C]`, `masks` `[B, H, W]`. Images that share a
    mask are solved together."""
    results = np.empty_like(images)
    for mask, indices in group_by_mask(masks):
        results[indices] = BLENDS[method](images[indices], fills[indices], mask)
    return results


def blend_into_holes(batch, G, method):
    """G(z) `[B, S, S, C]` blended into the holes of a `CompletionBatch`, as uint8. The known pixels
    do not change."""
    blended = blend(method, batch.y, G, batch.mask[..., 0])
    return np.where(batch.mask == 1, batch.images, drawing.to_uint8(blended))


def combine_candidates(losses, G, method):
    """Combine the candidates of each image into one fill.

    Args:
        losses: `[B, K]`.
        G: `[B, K, S, S, C]`, the candidates' G(z).
        method: best, for the candidate with the lowest loss, or mean, for the mean of all.

    Returns:
        `[B, S, S, C]`.
    """
    return G.mean(axis=1) if method == "mean" else G[np.arange(len(G)), losses.argmin(axis=1)]


def hole_depth(mask):
    """The largest distance of a missing pixel from the nearest known one, in widths of the image;
    0 if no pixel is known. The mask is `[H, W]`, 1 = known, 0 = missing."""
    from scipy.ndimage import distance_transform_edt

    return distance_transform_edt(mask == 0).max() / mask.shape[1] if mask.any() else 0


def mix_with_gaussian(batch, G, loss):
    """The fill of a `CompletionBatch`, `[B, S, S, C]` float32: G, mixed with the linear model of
    faces, whose weight is that of an `inpainting.settings.Loss`."""
    if batch.likely is None:
        return G
    depths = np.array([hole_depth(mask[..., 0]) for mask in batch.mask], np.float32)
    shares = np.minimum(loss.gaussian + loss.gaussianGrowth * np.maximum(depths - 0.25, 0), 1)
    share = shares[:, np.newaxis, np.newaxis, np.newaxis]
    return (1 - share) * G + share * batch.likely


def fill_from_candidates(batch, losses, G, settings):
    """The fill of a `CompletionBatch`, `[B, S, S, C]` float32, from the losses and G(z) of its
    candidates: combined, and mixed with the linear model of faces."""
    G = combine_candidates(losses, G, settings.combine)
    return mix_with_gaussian(batch, G, settings)


def harmonic(image, mask):
    """Fill the hole smoothly: each of its pixels becomes the mean of its neighbours.

    Args:
        image: `[..., H, W, C]` float; pixels in the hole are not read.
        mask: `[H, W]`, 1 = known, 0 = missing.

    Returns:
        `[..., H, W, C]` float; the hole is 0 if no pixel is known.
    """
    known = np.ascontiguousarray(mask != 0)
    result = np.where(known[..., np.newaxis], image, 0)
    if known.all() or not known.any():
        return result
    part = bounding_slices(known)  # the only pixels that matter
    known, values = known[part], np.moveaxis(result, (-3, -2), (0, 1))[part]
    flat = values.reshape(*known.shape, -1)
    if known.size > DIRECT_LIMIT:
        from dcgan.inpainting import multigrid

        for k in range(flat.shape[-1]):  # one channel at a time, to save memory
            flat[..., k] = multigrid.harmonic(flat[..., k], known)
    else:
        flat[~known] = _direct(flat, known)
    np.moveaxis(result, (-3, -2), (0, 1))[part] = flat.reshape(values.shape)
    return result


def _direct(flat, known):
    """The unknown pixels `[N, K]` of `[H, W, K]`, solved by factoring their equation."""
    cached = np.count_nonzero(~known) <= CACHE_LIMIT
    A, B = (factors if cached else factors.__wrapped__)(known.shape, known.tobytes())
    return A.solve(B @ flat.reshape(known.size, -1).astype(float))


def _equation(known):
    """The equation `A h = B k` of the unknown pixels h; k has all pixels, with 0 for the unknown.

    Each row says that a pixel, times the number of its neighbours, equals their sum.
    """
    from scipy import sparse

    index = np.arange(known.size).reshape(known.shape)
    pairs = np.concatenate([
        np.stack([index[:, :-1].ravel(), index[:, 1:].ravel()]),
        np.stack([index[:-1].ravel(), index[1:].ravel()])], axis=1)
    pairs = np.concatenate([pairs, pairs[::-1]], axis=1)
    unknown = ~known.ravel()
    row, column = pairs[:, unknown[pairs[0]]]
    place = np.cumsum(unknown) - 1
    count = int(unknown.sum())
    inside = unknown[column]
    degree = np.bincount(place[row], minlength=count)
    diagonal = np.arange(count)
    A = sparse.csc_matrix(
        (np.concatenate([degree, -np.ones(inside.sum())]),
         (np.concatenate([diagonal, place[row[inside]]]),
          np.concatenate([diagonal, place[column[inside]]]))), shape=(count, count))
    B = sparse.csr_matrix((np.ones((~inside).sum()), (place[row[~inside]], column[~inside])),
                          shape=(count, known.size))
    return A, B


@functools.lru_cache(maxsize=32)
def factors(shape, known):
    """The factored `A` and the `B` of the equation of a mask, given by its shape and bytes."""
    from scipy.sparse.linalg import splu

    A, B = _equation(np.frombuffer(known, bool).reshape(shape))
    # A is symmetric and diagonally dominant, so it needs no pivoting.
    return splu(A, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0,
                options={"SymmetricMode": True}), B
