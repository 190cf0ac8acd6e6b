"""How G(z) is put into the hole: pasted, or blended by solving Poisson's equation (Perez, Gangnet
and Blake 2003), so that its gradients meet the known pixels without a seam."""

import functools

import numpy as np

from dcgan.inpainting.masks import group_by_mask
from dcgan.pictures import drawing
from dcgan.pictures.filling import bounding_slices

CACHE_LIMIT = 20_000  # unknown pixels up to which the factors of a mask are kept: megabytes each
DIRECT_LIMIT = 2**16  # pixels around a hole up to which its equation is factored: any network's


def paste(image, fill, mask):
    """`fill` in the hole, `image` elsewhere; arguments as of `poisson_blend`."""
    return np.where(mask[..., np.newaxis] != 0, image, fill)


def poisson_blend(image, fill, mask):
    """The gradients of `fill` in the hole, with the known pixels of `image` as boundary.

    Solves the discrete Poisson equation on the four neighbours that a pixel has inside the picture.
    As fill + h, its solution is the one in which h is harmonic and equals image - fill around the
    hole.

    Args:
        image: `[..., H, W, C]` float; pixels in the hole are not read.
        fill: `[..., H, W, C]` float.
        mask: `[H, W]`, 1 = known, 0 = missing.

    Returns:
        `[..., H, W, C]` float, `image` where it is known; `fill` if nothing is.
    """
    known = mask != 0
    difference = np.where(known[..., np.newaxis], image - fill, 0)
    return np.where(known[..., np.newaxis], image, fill + harmonic(difference, mask))


BLENDS = {"paste": paste, "poisson": poisson_blend}


def blend(method, images, fills, masks):
    """Blend a batch: `images` and `fills` `[B, H, W, C]`, `masks` `[B, H, W]`; one solution for all
    that share a mask."""
    results = np.empty_like(images)
    for mask, indices in group_by_mask(masks):
        results[indices] = BLENDS[method](images[indices], fills[indices], mask)
    return results


def blend_into_holes(batch, G, method):
    """G(z) `[B, S, S, C]` blended into the holes of a `CompletionBatch`, as uint8; the known pixels
    are the images' bit for bit."""
    blended = blend(method, batch.y, G, batch.mask[..., 0])
    return np.where(batch.mask == 1, batch.images, drawing.to_uint8(blended))


def combine_candidates(losses, G, method):
    """One fill of several candidates.

    Args:
        losses: `[B, K]`.
        G: `[B, K, S, S, C]`, their G(z).
        method: best, that of the lowest loss, or mean, of all.

    Returns:
        `[B, S, S, C]`.
    """
    return G.mean(axis=1) if method == "mean" else G[np.arange(len(G)), losses.argmin(axis=1)]


def mix_with_gaussian(batch, G, share):
    """What fills the holes of a `CompletionBatch`: G, and by a share what is most likely under the
    Gaussian of its network, `[B, S, S, C]` float32."""
    return G if batch.likely is None else (1 - share) * G + share * batch.likely


def fill_from_candidates(batch, losses, G, settings):
    """What fills the holes of a `CompletionBatch`, `[B, S, S, C]` float32: of its candidates, as
    `combine_candidates` takes them, with the Gaussian's share in it."""
    G = combine_candidates(losses, G, settings.combine)
    return mix_with_gaussian(batch, G, settings.gaussian)


def harmonic(image, mask):
    """The hole filled so smoothly that each pixel is the mean of its neighbours.

    Args:
        image: `[..., H, W, C]` float; pixels in the hole are not read.
        mask: `[H, W]`, 1 = known, 0 = missing.

    Returns:
        `[..., H, W, C]` float; 0 in the hole if nothing is known.
    """
    known = np.ascontiguousarray(mask != 0)
    result = np.where(known[..., np.newaxis], image, 0)
    if known.all() or not known.any():
        return result
    part = bounding_slices(known)  # all that matters
    known, values = known[part], np.moveaxis(result, (-3, -2), (0, 1))[part]
    flat = values.reshape(*known.shape, -1)
    if known.size > DIRECT_LIMIT:
        from dcgan.inpainting import multigrid

        for k in range(flat.shape[-1]):  # one by one, for the memory's sake
            flat[..., k] = multigrid.harmonic(flat[..., k], known)
    else:
        flat[~known] = _direct(flat, known)
    np.moveaxis(result, (-3, -2), (0, 1))[part] = flat.reshape(values.shape)
    return result


def _direct(flat, known):
    """The unknown pixels `[N, K]` of `[H, W, K]`, by factoring their equation."""
    cached = np.count_nonzero(~known) <= CACHE_LIMIT
    A, B = (factors if cached else factors.__wrapped__)(known.shape, known.tobytes())
    return A.solve(B @ flat.reshape(known.size, -1).astype(float))


def _equation(known):
    """The equation of the unknown pixels: `A h = B k` with k all pixels, where 0 is the unknown.

    Each says that so many times the pixel as it has neighbours is their sum.
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
    """The equation of a mask, given by its shape and bytes: `A` factored, and `B`."""
    from scipy.sparse.linalg import splu

    A, B = _equation(np.frombuffer(known, bool).reshape(shape))
    # Symmetric and diagonally dominant: the order may follow the pattern alone, without pivots.
    return splu(A, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0,
                options={"SymmetricMode": True}), B
