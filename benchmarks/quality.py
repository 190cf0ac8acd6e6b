#!/usr/bin/env python3
"""How good completions are: PSNR, SSIM and face embedding distance to the truth, means over images.

    .venv/bin/python benchmarks/quality.py ../shared/faces/test completions
"""

import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import utils  # noqa: E402  (the project's root is on the path only now)
from utils import UserError, number  # noqa: E402

SSIM_MARGIN = 2  # pixels around the hole: an edge that shows is part of what is judged


def psnr(images, truth, hole):
    """PSNR of the pixels in the hole, of each image.

    Args:
        images, truth: `[B, H, W, C]` uint8.
        hole: `[H, W]` bool.

    Returns:
        `[B]` float64, in dB.
    """
    error = (images.astype(float) - truth)[:, hole] ** 2
    with np.errstate(divide="ignore"):  # inf where both are alike
        return 10 * np.log10(255**2 / error.mean(axis=(1, 2)))


def ssim(images, truth, hole):
    """Structural similarity (Wang et al. 2004) over the hole and `SSIM_MARGIN` pixels around it.

    Takes what `psnr` does and returns `[B]` float64, at most 1.
    """
    from scipy.ndimage import binary_dilation
    from skimage.metrics import structural_similarity

    region = binary_dilation(hole, np.ones((3, 3)), iterations=SSIM_MARGIN)
    maps = (structural_similarity(a, b, channel_axis=2, data_range=255, full=True)[1]
            for a, b in zip(images, truth))
    return np.array([values[region].mean() for values in maps])


def embeddings(images):
    """dlib's descriptors of aligned RGB faces, `[B, H, W, 3]` uint8 to `[B, 128]` float64.

    Two pictures of one person are typically less than 0.6 apart (dlib's own threshold).
    """
    import cv2
    import dlib

    folder = os.path.dirname(utils.face_predictor_path())
    net = dlib.face_recognition_model_v1(
        os.path.join(folder, "dlib_face_recognition_resnet_model_v1.dat"))
    faces = [cv2.copyMakeBorder(cv2.resize(image, (106, 106), interpolation=cv2.INTER_CUBIC),
                                22, 22, 22, 22, cv2.BORDER_REPLICATE) for image in images]
    return np.array([net.compute_face_descriptor(face) for face in faces])


def measures(images, truth, hole):
    """`{name: mean}` of all three, of `[B, H, W, 3]` uint8."""
    distances = np.linalg.norm(embeddings(images) - embeddings(truth), axis=1)
    return {"PSNR": psnr(images, truth, hole).mean(), "SSIM": ssim(images, truth, hole).mean(),
            "E": distances.mean()}


def read_results(folder, truth):
    """What complete.py wrote and the truth of it, each `[B, H, W, 3]` uint8.

    Args:
        folder: its --outDir.
        truth: a folder of the whole pictures, no two of one name.

    Raises:
        UserError: a result has no picture of its name in `truth`.
    """
    def stem(path):
        return os.path.splitext(os.path.basename(path))[0]

    whole = {stem(path): path for path in utils.list_images([truth])}
    results = utils.list_images([os.path.join(folder, "images")])
    if not {stem(path) for path in results} <= whole.keys():
        raise UserError(f"{folder}: has pictures that are not in {truth}")
    images = np.stack([utils.read_image(path) for path in results])
    return images, np.stack(
        [utils.read_image(whole[stem(path)], images.shape[1]) for path in results])


def parse_args(argv=None):
    parser = utils.Parser(prog="quality.py", description=__doc__.splitlines()[0])
    parser.add_argument("truth", help="folder of the whole pictures, no two of one name")
    parser.add_argument("outDirs", nargs="+", help="folders that complete.py wrote")
    parser.add_argument("--maskType", choices=("center", "left"), default="center",
                        help="the mask that was used")
    parser.add_argument("--centerScale", type=number(float, low=0, high=0.5), default=0.25,
                        help="as it was used")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    for folder in config.outDirs:
        images, whole = read_results(folder, config.truth)
        hole = utils.MASKS[config.maskType](images.shape[1:3], None, config) == 0
        values = measures(images, whole, hole)
        print(f"{folder}: {len(images)} images, "
              + ", ".join(f"{name} {value:.3f}" for name, value in values.items()))


if __name__ == "__main__":
    utils.run(main, "quality.py")
