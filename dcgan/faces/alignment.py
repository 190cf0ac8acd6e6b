"""Where the landmarks of an aligned face go, and warping a picture so that they do."""

from dataclasses import dataclass

import numpy as np

from dcgan.settings import Number, Settings, path, setting

# Where landmarks of the 68 go in the unit box: OpenFace's mean face, min-max normalised.
LANDMARK_TEMPLATE = {
    33: (0.494950891, 0.514441371), 36: (0.194157004, 0.169266924), 39: (0.363784939, 0.177946866),
    42: (0.618963182, 0.172778130), 45: (0.788859129, 0.158171147), 57: (0.500203967, 0.750584424)}
ALIGNMENTS = {"innerEyesAndBottomLip": (39, 42, 57), "outerEyesAndNose": (36, 45, 33)}
MARGIN = Number(float, 0, 2)


def template(indices, margin=0.0):
    """The places of three landmarks in a frame of width 1, `[3, 2]` x, y.

    Args:
        indices: of the landmarks, a value of `ALIGNMENTS`.
        margin: how much wider than the article's frame this frame is at each side, as a share of
            the article's width.
    """
    return (np.array([LANDMARK_TEMPLATE[i] for i in indices]) + margin) / (1 + 2 * margin)


def face_transform(landmarks, indices, size, margin=0.0):
    """The affine map that puts three landmarks at their template places, as OpenFace aligns.

    Args:
        landmarks: `[68, 2]` x, y in pixels.
        indices: three of them, a value of `ALIGNMENTS`.
        size: edge of the aligned picture.
        margin: as `template` takes it.

    Returns:
        `[2, 3]` float64: picture coordinates to aligned ones, in pixels.
    """
    return points_transform([landmarks[i] for i in indices], indices, size, margin)


def points_transform(points, indices, size, margin=0.0):
    """`face_transform` of the three landmarks alone, `[3, 2]`."""
    import cv2

    target = size * np.float32(template(indices, margin))
    return cv2.getAffineTransform(np.float32(points), target)


def warp_face(image, transform, size, continued=False):
    """Warp a picture by `face_transform`, antialiased where that shrinks it.

    Args:
        image: `[H, W, C]` uint8.
        transform: `[2, 3]`.
        size: edge of the result.
        continued: whether the picture's edge goes on outside of it; else it is black there.

    Returns:
        `[size, size, C]` uint8.
    """
    import cv2

    # The warp samples bilinearly, which aliases when one step spans several pixels: warp to k times
    # the size instead, and average k x k blocks. The centre of block i is at k i + (k - 1) / 2.
    shrink = 1 / np.sqrt(abs(np.linalg.det(transform[:, :2])))
    k = int(np.clip(np.ceil(shrink), 1, 16))
    fine = k * transform
    fine[:, 2] += (k - 1) / 2
    warped = cv2.warpAffine(image, fine, (k * size, k * size), flags=cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_REPLICATE if continued else cv2.BORDER_CONSTANT)
    if k > 1:
        warped = cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA)
    return warped.reshape(size, size, image.shape[2])


@dataclass(frozen=True)
class Alignment(Settings):
    """Which faces are aligned, how, and where they go."""

    inputDir: str = setting(".", "folder of pictures, searched recursively", path)
    landmarks: str = setting(
        "innerEyesAndBottomLip", "the three landmarks to align by", choices=tuple(ALIGNMENTS))
    outputDir: str = setting("aligned", "folder of the aligned faces (PNG)", path)
    dlibFacePredictor: str = setting(
        None, "dlib's 68-landmark predictor (default: that of face_recognition_models)", path,
        metavar="FILE")
    size: int = setting(
        96, "width and height of the aligned faces, in pixels", Number(int, 8, 4096))
    margin: float = setting(
        0.0, "see more than the article's frame: widen it at each side by this share of its width; "
        "0.3 is the whole head", MARGIN)
    flat: bool = setting(
        False, "write all faces into one folder; if several pictures have the same name, the names "
        "of their folders are put in front")
    skipMulti: bool = setting(False, "skip pictures with several faces")
    fallbackLfw: str = setting(
        None, "folder of deep-funneled LFW: if no face is found, the centre of its picture is used",
        path, metavar="FOLDER")


def share_outside(shape, transform, size):
    """The share of a frame's pixels that lies outside of a picture of `shape` (H, W, ...)."""
    x, y = apply_transform(invert_transform(transform),
                           np.stack(np.meshgrid(*[np.arange(size)] * 2), -1).reshape(-1, 2)).T
    inside = (x >= -0.5) & (x <= shape[1] - 0.5) & (y >= -0.5) & (y <= shape[0] - 0.5)
    return 1 - inside.mean()


def similarity(points, onto, weights=None):
    """The move, turn and scaling that puts points onto others, by least squares.

    Args:
        points, onto: `[N, 2]`.
        weights: `[N]`; None for equal ones.

    Returns:
        `[2, 3]` float64, from coordinates of `points` to those of `onto`.
    """
    weights = np.ones(len(points)) if weights is None else weights
    weights = weights / weights.sum()
    a, b = (weights @ each for each in (points, onto))
    (ax, ay), (bx, by) = (points - a).T, (onto - b).T
    scale = weights @ (ax**2 + ay**2)
    cos, sin = weights @ (ax * bx + ay * by) / scale, weights @ (ax * by - ay * bx) / scale
    matrix = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([matrix, b - matrix @ a])


def apply_transform(transform, points):
    """Points `[N, 2]` moved by a map `[2, 3]`."""
    return points @ transform[:, :2].T + transform[:, 2]


def invert_transform(transform):
    """The map `[2, 3]` that leads back."""
    inverse = np.linalg.inv(transform[:, :2])
    return np.column_stack([inverse, -inverse @ transform[:, 2]])
