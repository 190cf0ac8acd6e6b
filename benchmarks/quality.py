#!/usr/bin/env python3
"""How good completions are, by method and mask, beside interpolation and the article's paste.

    .venv/bin/python benchmarks/quality.py ../shared/faces/test \\
        --checkpointDir ../shared/reference-checkpoint

Prints for each mask the means over the pictures of PSNR in the hole, SSIM over the hole and two
pixels around it, and the distance of dlib's face embeddings of completed and true picture.
"""

import _path

import os
import shlex
import time

import numpy as np
import search
from measure import inpaint
from tables import head, row

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.faces import detection
from dcgan.files.listing import list_images
from dcgan.inpainting import blending
from dcgan.inpainting.blending import blend_into_holes, fill_from_candidates
from dcgan.inpainting.gaussian import Gaussian, read_faces
from dcgan.inpainting.masks import MASKS
from dcgan.machine import importing
from dcgan.messages import UserError
from dcgan.metrics import psnr, ssim

# Those with something known and something missing.
MEASURED = [name for name in MASKS if name not in ("full", "lowres")]
# What a search makes: label, flags, and the blend if not theirs. Presets bring a search of
# their own, all others have that of --search.
ROWS = (
    ("random G(z), Poisson", "--nIter 0", "poisson"),
    ("G(z), paste (the article)", "", "paste"),
    ("G(z), Poisson", "", "poisson"),
    ("best of 4 candidates by loss, Poisson", "--nCandidates 4", "poisson"),
    ("mean of 4 candidates, Poisson", "--nCandidates 4 --combine mean", "poisson"),
    ("weighted contextual, Poisson", "--contextual weighted", "poisson"),
    ("half uniform and half weighted, Poisson", "--contextual mixed", "poisson"),
    ("`--preset fast`", "--preset fast", None),
    ("`--preset best --gaussian 0`", "--preset best --gaussian 0", None),
    ("`--preset best`", "--preset best", None))


def embeddings(images):
    """dlib's descriptors of aligned RGB faces, `[B, H, W, 3]` uint8 to `[B, 128]` float64.

    Two pictures of one person are typically less than 0.6 apart (dlib's own threshold).
    """
    import cv2
    import dlib

    folder = os.path.dirname(detection.face_predictor_path())
    net = dlib.face_recognition_model_v1(
        os.path.join(folder, "dlib_face_recognition_resnet_model_v1.dat"))
    faces = [cv2.copyMakeBorder(cv2.resize(image, (106, 106), interpolation=cv2.INTER_CUBIC),
                                22, 22, 22, 22, cv2.BORDER_REPLICATE) for image in images]
    return np.array([net.compute_face_descriptor(face) for face in faces])


def interpolations(batch):
    """Yield `(label, images)` of what needs no network."""
    import cv2

    holes = batch.mask[..., 0] == 0
    yield "OpenCV Telea", inpaint(batch.images, holes, cv2.INPAINT_TELEA)
    yield "OpenCV Navier-Stokes", inpaint(batch.images, holes, cv2.INPAINT_NS)
    smooth = np.stack([blending.harmonic(y, mask[..., 0]) for y, mask in zip(batch.y, batch.mask)])
    yield "harmonic interpolation, no network", utils.to_uint8(smooth)


def linear_fills(batch, gaussians):
    """Yield `(label, images)` of what is most likely under each of `{label: Gaussian}`."""
    for label, gaussian in gaussians.items():
        fills = gaussian.fills(batch.y, batch.mask)
        for method, name in (("paste", "paste"), ("poisson", "Poisson")):
            yield f"{label}, {name}", blend_into_holes(batch, fills, method)


def completions(config, files, mask_flags):
    """Yield `(label, images)` of what a search makes, each search run once."""
    found = {}
    for label, words, blend in ROWS:
        if config.only not in label:
            continue
        base = "" if "--preset" in words else config.search
        settings, model, batch = search.load(
            [*shlex.split(f"{base} {words}"), *mask_flags], files, config.checkpointDir)
        key = words.replace(" --combine mean", "").replace(" --gaussian 0", "")
        if key not in found:
            _, found[key] = search.search(settings, model, batch)
        fill = fill_from_candidates(batch, found[key].complete, found[key].G, settings)
        yield label, blend_into_holes(batch, fill, blend or settings.blend)


def blending_seconds(batch):
    """Seconds of a picture's Poisson blending, its mask's equation included."""
    images = batch.y[::-1].copy(), batch.y, batch.mask[..., 0]
    times = []
    for _ in range(5):
        before = time.perf_counter()
        for image, fill, mask in zip(*images):
            blending.factors.cache_clear()
            blending.poisson_blend(image, fill, mask)
        times.append((time.perf_counter() - before) / len(batch.y))
    return min(times)


def fit_linear(config, files):
    """`{label: Gaussian}` of each number of `--components`."""
    _, model, _ = search.load(["--maskType", "center"], files[:1], config.checkpointDir)
    faces = read_faces(
        list_images([config.linear], "--linear "), model.image_size, model.c_dim)
    most = min(faces.shape) - 1
    if max(config.components) > most:
        raise UserError(f"--components {max(config.components)}: must be at most {most} for "
                        f"the {len(faces)} pictures in {config.linear}")
    gaussian = Gaussian.fit(faces, max(config.components), config.noise)
    return {f"linear, {count} components": gaussian._replace(factors=gaussian.factors[:count])
            for count in config.components}


def parse_args(argv=None):
    parser = flags.Parser(prog="quality.py", description=__doc__)
    search.add_flags(parser, count=64)
    parser.add_argument("--maskType", nargs="+", choices=MEASURED, metavar="MASK",
                        default=MEASURED, help="the masks")
    parser.add_argument("--search", default="--approach adam --lr 0.1 --nIter 150", metavar="FLAGS",
                        help="flags of complete.py, in one word: the search of all rows but those "
                             "of the presets")
    parser.add_argument("--seed", type=settings.Number(int, low=0), default=0,
                        help="another starts the searches from other z, and draws other masks")
    parser.add_argument("--linear", metavar="FOLDER",
                        help="measure the most likely hole under a normal distribution too, which "
                             "is fitted to the aligned faces in this folder")
    parser.add_argument("--components", nargs="+", type=settings.Number(int, low=1), default=[100],
                        help="principal components of that distribution")
    parser.add_argument("--noise", type=settings.Number(float, above=0), default=1.0,
                        help="standard deviation of its noise in a pixel, of -1 to 1")
    parser.add_argument("--only", metavar="TEXT", default="",
                        help="only the methods with this in their name, such as 'preset best'")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    files = search.spread(config.imgs, config.count)
    gaussians = fit_linear(config, files) if config.linear else {}
    for mask in config.maskType:
        flags = ["--maskType", mask, "--seed", str(config.seed)]
        _, _, batch = search.load(flags, files, config.checkpointDir)
        hole = batch.mask[..., 0] == 0
        truth = embeddings(batch.images)
        print(f"\n{mask} mask, {len(files)} pictures\n")
        head("method", "PSNR", "SSIM", "face distance")
        for rows in (interpolations(batch), linear_fills(batch, gaussians),
                     completions(config, files, flags)):
            for label, images in rows:
                if config.only not in label:
                    continue
                distance = np.linalg.norm(embeddings(images) - truth, axis=1)
                row(label, f"{psnr(images, batch.images, hole).mean():.2f}",
                    f"{ssim(images, batch.images, hole).mean():.3f}", f"{distance.mean():.3f}")
        print(f"\nPoisson blending: {1000 * blending_seconds(batch):.1f} ms a picture")


if __name__ == "__main__":
    running.run(main, "quality.py")
