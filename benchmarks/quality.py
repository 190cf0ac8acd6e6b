#!/usr/bin/env python3
"""How good completions are, by method and mask, beside interpolation and the article's paste.

    .venv/bin/python benchmarks/quality.py ../shared/faces/test \\
        --checkpointDir ../shared/reference-checkpoint

Prints for each mask the means over the pictures of PSNR in the hole, SSIM over the hole and two
pixels around it, and the distance of dlib's face embeddings of completed and true picture.
"""

import os
import shlex
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dcgan.cli.environment  # noqa: E402, F401  (first: it says so where packages are missing)

# isort: split
import numpy as np  # noqa: E402
import search  # noqa: E402

import utils  # noqa: E402  (the project's root is on the path only now)
from dcgan import settings  # noqa: E402
from dcgan.cli import flags, running  # noqa: E402
from dcgan.faces import detection  # noqa: E402
from dcgan.files.listing import list_images  # noqa: E402
from dcgan.inpainting import blending  # noqa: E402
from dcgan.inpainting.blending import completed_images, fill_of  # noqa: E402
from dcgan.inpainting.gaussian import Gaussian, read_faces  # noqa: E402
from dcgan.inpainting.masks import MASKS  # noqa: E402
from dcgan.machine import importing  # noqa: E402
from dcgan.messages import UserError  # noqa: E402
from dcgan.metrics import psnr, ssim  # noqa: E402

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


def inpaint(images, mask, method):
    """OpenCV's inpainting, `cv2.INPAINT_TELEA` or `cv2.INPAINT_NS`, of `[B, H, W, 3]` uint8."""
    import cv2

    return np.stack([cv2.inpaint(image, (one[..., 0] == 0).astype(np.uint8), 3, method)
                     for image, one in zip(images, mask)])


def interpolations(batch):
    """Yield `(label, images)` of what needs no network."""
    import cv2

    known = np.where(batch.mask == 1, batch.images, 0).astype(np.uint8)
    yield "OpenCV Telea", inpaint(known, batch.mask, cv2.INPAINT_TELEA)
    yield "OpenCV Navier-Stokes", inpaint(known, batch.mask, cv2.INPAINT_NS)
    smooth = np.stack([blending.harmonic(y, mask[..., 0]) for y, mask in zip(batch.y, batch.mask)])
    yield "harmonic interpolation, no network", utils.to_uint8(smooth)


def linear_fills(batch, gaussians):
    """Yield `(label, images)` of what is most likely under each of `{label: Gaussian}`."""
    for label, gaussian in gaussians.items():
        fills = gaussian.fills(batch.y, batch.mask)
        for method, name in (("paste", "paste"), ("poisson", "Poisson")):
            yield f"{label}, {name}", completed_images(batch, fills, method)


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
            found[key] = list(search.search(settings, model, batch, [settings.nIter]))[-1][2:]
        yield label, completed_images(
            batch, fill_of(batch, *found[key], settings), blend or settings.blend)


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
        print(f"\n{mask} mask, {len(files)} pictures\n\n| method | PSNR | SSIM | face distance |\n"
              "| --- | --- | --- | --- |")
        for rows in (interpolations(batch), linear_fills(batch, gaussians),
                     completions(config, files, flags)):
            for label, images in rows:
                if config.only not in label:
                    continue
                distance = np.linalg.norm(embeddings(images) - truth, axis=1)
                print(f"| {label} | {psnr(images, batch.images, hole).mean():.2f} "
                      f"| {ssim(images, batch.images, hole).mean():.3f} "
                      f"| {distance.mean():.3f} |", flush=True)
        print(f"\nPoisson blending: {1000 * blending_seconds(batch):.1f} ms a picture")


if __name__ == "__main__":
    running.run(main, "quality.py")
