"""Cuts the network's frames from pictures of any size, and puts the completed frames back.

A frame is the square that the network sees. An affine map `[2, 3]` cuts it from a picture: a face,
aligned by its landmarks, or a box. Pixels that the user's mask hides are overwritten as soon as a
picture is read, so that no fill can depend on them; only the face detector sees them.
"""

import functools
import os
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from dcgan.faces import alignment, detection, placing
from dcgan.faces.landmarks import read_landmarks
from dcgan.files import naming
from dcgan.files.listing import list_images
from dcgan.inpainting.blending import BLENDS, harmonic
from dcgan.inpainting.masks import MASKS, OwnMask
from dcgan.inpainting.settings import Framing
from dcgan.messages import UserError, or_warn, warn
from dcgan.pictures import colours, drawing, filling, reading
from dcgan.settings import PathLike

INVERTED = " (white pixels of a mask file are missing; is it inverted?)"
HIDDEN = 128  # the grey that replaces pixels hidden by the user's mask


class Photo(NamedTuple):
    """A picture at its own size, upright."""

    pixels: np.ndarray  # `[H, W, 3]` uint8; unknown pixels are filled from their surroundings
    known: np.ndarray  # `[H, W]` bool
    original: np.ndarray = None  # unchanged pixels, which only the face detector sees


class Place(NamedTuple):
    """The position of a frame in a picture."""

    transform: np.ndarray  # `[2, 3]`, from pixels of the picture to pixels of the frame
    points: np.ndarray = None  # `[3, 2]`, the landmarks of the alignment: x, y in pixels
    by: str = ""  # the source of the landmarks, a key of `placing.BY`
    box: tuple = None  # x and y of the corner, width, height, if the frame is a box

    @classmethod
    def of_box(cls, x, y, width, height, size):
        """The place of a frame that is `size` pixels wide."""
        scale_x, scale_y = size / width, size / height
        return cls(np.array([[scale_x, 0, (0.5 - x) * scale_x - 0.5],
                             [0, scale_y, (0.5 - y) * scale_y - 0.5]]), box=(x, y, width, height))

    def corners(self, size):
        """The corners of the frame, which is `size` pixels wide, in the picture: `[4, 2]` x, y."""
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size - 0.5
        return alignment.apply_transform(alignment.invert_transform(self.transform), corners)


class Cut(NamedTuple):
    """The pixels of a frame, cut from a picture."""

    place: Place
    image: np.ndarray  # `[S, S, C]` uint8
    known: np.ndarray  # `[S, S]` bool, covers only known pixels inside the picture
    inside: np.ndarray  # `[S, S]` bool, lies inside the picture

    @property
    def has_hole(self):
        """Whether the mask hides a pixel of the frame."""
        return (~self.known & self.inside).any()


class Frame(NamedTuple):
    """What the network sees of a picture."""

    name: str  # of the result files
    path: str  # of the picture
    place: Place
    image: np.ndarray  # `[S, S, C]` uint8
    mask: np.ndarray  # `[S, S]` float32, 1 = known, 0 = missing
    hole: np.ndarray  # `[S, S]` bool, missing and inside the picture
    truth: np.ndarray  # `[S, S, C]` uint8, the undamaged frame, or None
    siblings: int  # how many frames this picture has
    whole: bool  # the picture is larger than this frame


class Framer:
    """Cuts the frames of pictures.

    Args:
        framing: the `inpainting.settings.Framing`.
        files: the pictures.
        size, c_dim: width and channels of a frame.
        seed: for the random masks.
        writes: folders whose pictures are results, neither masks nor undamaged pictures.
        margin: the margin of the frame around a face; see `alignment.template`.

    Raises:
        UserError: a file of masks, landmarks or undamaged pictures is missing or invalid.
    """

    def __init__(self, framing: Framing, files: Sequence[PathLike], size: int, c_dim: int,
                 seed: int = 0, writes: Sequence[str] = (), margin: float = 0.0):
        files = list(map(os.fsdecode, files))
        self.framing, self.files, self.size, self.c_dim = framing, files, size, c_dim
        self.seed, self.margin = seed, margin
        self.names = naming.unique_names([naming.stem(path) for path in files])
        self.taken = naming.Names(self.names)
        self.own_mask = OwnMask(framing, files, writes) if framing.own_mask else None
        self.landmarks = read_landmarks(framing.landmarks) if framing.landmarks else None
        self.truths = (naming.by_stem(list_images([framing.truth], "--truth ", writes), "--truth")
                       if framing.truth else {})
        if self.truths and not self.truths.keys() & set(map(naming.seen_stem, files)):
            raise UserError(f"--truth {framing.truth}: no file matches a picture by name, such as "
                            f"{naming.stem(files[0])}.png")

    def frames(self) -> Iterator[Frame]:
        """Yield the frames of all pictures; unusable pictures are skipped with a warning."""
        for index, path in enumerate(self.files):
            yield from or_warn(path, functools.partial(self.frames_of, index)) or []

    def photo(self, path):
        """Read a picture and its mask; ValueError if the mask hides nothing or everything."""
        image = reading.open_image(path)
        # With --maskFromAlpha, transparency is the mask; otherwise it shows white.
        pixels = np.array(colours.as_seen(image, over_white=not self.framing.maskFromAlpha))
        if self.own_mask is None:
            return Photo(pixels, np.ones(pixels.shape[:2], bool))
        known = self.own_mask.known(os.fsdecode(path), image)
        if known.all():
            raise ValueError("its mask hides nothing")
        if not known.any():
            raise ValueError(f"its mask hides everything{INVERTED}")
        return Photo(filling.smooth(pixels, known), known, pixels)

    def frames_of(self, index: int, photo: Photo | None = None) -> list[Frame]:
        """The frames of picture number `index`, a list; OSError or ValueError if it has none.
        `photo` is the result of the method `photo`, if the picture was already read."""
        path = self.files[index]
        photo = photo or self.photo(path)
        cuts = [self.cut(photo, place) for place in self.places(photo, path)]
        if self.own_mask:
            cuts = [cut for cut in cuts if cut.has_hole]
            if not cuts:
                raise ValueError(f"its mask hides nothing of {self.what()}")
            cuts = [cut for cut in cuts if cut.known.any()]
            if not cuts:
                raise ValueError(f"its mask hides everything of {self.what()}{INVERTED}")
        if self.framing.faces == "largest":
            if self.own_mask and len(cuts) > 1:
                x, y = cuts[0].place.points.mean(axis=0)
                warn(path, f"its mask touches {len(cuts)} faces; the one at {x:.0f}, {y:.0f} is "
                           "completed (--faces all completes each)")
            cuts = cuts[:1]
        truth = self.truth(path, photo.known.shape)
        return [self.frame(index, k, len(cuts), cut, truth, photo) for k, cut in enumerate(cuts)]

    def what(self):
        """The name of the part of a picture that the network sees."""
        places = {"face": "the face", "region": "--region", "crop": "the centre square"}
        return places.get(self.framing.frame, "the picture")

    def frame(self, index, k, count, cut, truth, photo):
        """Frame k of `count` of a picture, from its `Cut`."""
        place, image, known, inside = cut
        if self.own_mask:
            mask = known.astype(np.float32)
            image = np.where(known[..., np.newaxis], image, HIDDEN).astype(np.uint8)
            truth = truth and self.cut(truth, place).image
        else:
            # The seed depends on the name only: not on other pictures, nor on hidden pixels.
            number = zlib.crc32(os.fsencode(naming.seen_stem(self.files[index])))
            rng = np.random.default_rng([self.seed, number, k, 1])
            mask = MASKS[self.framing.maskType](known.shape, rng, self.framing) * known
            truth = image
        whole = photo.known.shape != known.shape or not np.allclose(
            place.transform, np.eye(2, 3))
        name = self.names[index] if k == 0 else self.taken.untaken(
            self.names[index], f"-face{k + 1}")
        return Frame(name, self.files[index], place, image, mask, (mask == 0) & inside, truth,
                     count, whole)

    def places(self, photo, path):
        """The `Place`s of the frames of a picture; if only one frame is completed, it is the
        first."""
        height, width = photo.known.shape
        if self.framing.frame == "face":
            return self.face_places(photo, path)
        x, y, w, h = self.framing.region or (0, 0, width, height)
        if x + w > width or y + h > height:
            raise ValueError(f"--region {x},{y},{w},{h} is not inside its {width}x{height} pixels")
        if self.framing.frame != "stretch":  # the square around the box or inside it
            edge = min(w, h) if self.framing.frame == "crop" else max(w, h)
            x, y, w, h = x + (w - edge) / 2, y + (h - edge) / 2, edge, edge
        return [Place.of_box(x, y, w, h, self.size)]

    def face_places(self, photo, path):
        indices = alignment.ALIGNMENTS[self.framing.alignBy]
        faces = self.find_faces(photo) if self.landmarks is None else self.given_faces(path)
        places = []
        for face in faces:
            points = face.landmarks[list(indices)] if len(face.landmarks) > 3 else face.landmarks
            transform = alignment.points_transform(points, indices, self.size, self.margin)
            places.append(Place(transform, points, face.by))
        if not all(1e-6 < abs(np.linalg.det(place.transform[:, :2])) < 1e6 for place in places):
            raise ValueError("its landmarks are in one place or on one line")
        return places

    def find_faces(self, photo):
        """The faces of a photo, a list of `placing.Placed`; ValueError if no face is found."""
        predictor = self.framing.dlibFacePredictor or detection.face_predictor_path()
        if self.own_mask:
            faces = placing.find_faces(photo.original, photo.known, predictor)
            if not faces:
                raise ValueError("no face found that its mask touches; give its landmarks with "
                                 "--landmarks")
            return faces
        every = self.framing.faces == "all"
        faces = detection.find_landmarks(
            photo.pixels, predictor, enough=(lambda faces: False) if every else bool)
        if not faces:
            raise ValueError("no face found; give its landmarks with --landmarks")
        return [placing.Placed(face, "face") for face in faces]

    def given_faces(self, path):
        """The face of a picture, as given by `--landmarks`."""
        points = self.landmarks.get(naming.seen_stem(path), self.landmarks.get(None))
        if points is None:
            raise ValueError(f"no line for it in --landmarks {self.framing.landmarks}")
        return [placing.Placed(points, "landmarks")]

    def cut(self, photo, place):
        """The `Cut` of a photo at a `Place`."""
        if place.box:
            image, *layers = cut_box(photo, place.box, self.size, self.c_dim)
        else:
            image, *layers = (
                alignment.warp_face(layer, place.transform, self.size) for layer in (
                    photo.pixels, *(layer.astype(np.float32)[..., np.newaxis] for layer in (
                        photo.known, np.ones_like(photo.known)))))
        known, inside = (layer.reshape(self.size, self.size) > 1 - 1e-5 for layer in layers)
        if image.shape[2] != self.c_dim:
            image = np.asarray(Image.fromarray(image).convert("L"))[..., np.newaxis]
        return Cut(place, image, known, inside)

    def truth(self, path, shape):
        """The undamaged picture for a picture with a mask, as a Photo; None if there is none."""
        truth = self.truths.get(naming.seen_stem(path))
        pixels = reading.read_or_warn(truth) if truth else None
        if pixels is None:
            return None
        if pixels.shape[:2] != shape:
            warn(path, f"is not measured, because {truth} has {pixels.shape[1]}x{pixels.shape[0]} "
                       f"pixels and not {shape[1]}x{shape[0]}")
            return None
        return Photo(pixels, np.ones(shape, bool))

    def completed(self, frames: Sequence[Frame], fills: np.ndarray, method: str,
                  photo: Photo | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The whole picture with its frames completed.

        Args:
            frames: all frames of one picture.
            fills: `[n, S, S, C]` float32 in [-1, 1], the fill of each frame.
            method: a name in `BLENDS`.
            photo: the picture's `Photo`, if it was already read.

        Returns:
            `(pixels, hole)`: `[H, W, 3]` uint8, which is unchanged outside the hole; and the hole,
            `[H, W]` bool.
        """
        import cv2

        photo = photo or self.photo(frames[0].path)
        hole = ~photo.known
        if self.own_mask is None:
            for frame in frames:
                hole |= cv2.warpAffine(
                    frame.hole.astype(np.uint8), frame.place.transform, hole.shape[::-1],
                    flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0
        if not hole.any():
            return photo.pixels, hole
        part = filling.bounding_slices(~hole)
        corner = [[0, 0, part[1].start], [0, 0, part[0].start]]
        transforms = [frame.place.transform for frame in frames]
        fill, distance = spread_fills([t + t[:, :2] @ corner for t in transforms], fills,
                                      hole[part].shape)
        outside = distance > self.size / 2
        image = drawing.to_float(photo.pixels[part])
        share = (hole[part] & outside).sum() / hole.sum()
        if share > 0.01:
            warn(frames[0].path, f"{share:.0%} of the hole lies outside {self.what()}; that part "
                                 "is filled smoothly from its surroundings")
        if share:
            either = np.where(hole[part][..., np.newaxis], fill, image)
            membrane = harmonic(either, ~(hole[part] & outside))
            fill = np.where(outside[..., np.newaxis], membrane, fill).astype(np.float32)
        blended = BLENDS[method](image, fill, ~hole[part])
        pixels = photo.pixels.copy()
        pixels[part][hole[part]] = drawing.to_uint8(blended)[hole[part]]
        return pixels, hole


def cut_box(photo, box, size, c_dim):
    """`(image, known, inside)` of a box `(x, y, width, height)`: the image `[S, S, C]` uint8,
    antialiased as in `utils.read_image`; and, `[S, S]` float32, the fractions of each pixel that
    are known and inside the picture."""
    height, width = photo.known.shape
    corner, box_size = np.array(box[:2]), np.array(box[2:])
    # Pillow needs a box inside the picture; the picture is padded by repeating its border.
    before = np.maximum(np.ceil(-corner), 0).astype(int)
    behind = np.maximum(np.ceil(corner + box_size - (width, height)), 0).astype(int)
    pad = (before[1], behind[1]), (before[0], behind[0])
    if reading.has_too_many_pixels(before + behind + (width, height)):
        raise ValueError(f"{width}x{height} pixels are too long for a square; choose a --region")
    box = (*(corner + before), *(corner + before + box_size))

    def resized(picture, resample):
        if picture.size == (size, size) and not np.any(before) and not np.any(behind):
            return np.asarray(picture)
        return np.asarray(picture.resize((size, size), resample, box=box))

    pixels = Image.fromarray(np.pad(photo.pixels, (*pad, (0, 0)), mode="edge"))
    image = resized(pixels.convert("L" if c_dim == 1 else "RGB"), Image.Resampling.LANCZOS)
    layers = (resized(Image.fromarray(np.pad(layer.astype(np.float32), pad)),
                      Image.Resampling.BOX)
              for layer in (photo.known, np.ones_like(photo.known)))
    return image.reshape(size, size, c_dim), *layers


def spread_fills(transforms, fills, shape):
    """Warp frames back into a picture; each pixel comes from the frame in which it is most central.

    Pixels outside all frames repeat the frames' borders.

    Args:
        transforms: the maps `[2, 3]` from the picture's pixels to those of each frame.
        fills: `[n, S, S, C]` float32, C 1 or 3.
        shape: (H, W).

    Returns:
        `(fill, distance)`: `[H, W, 3]` float32; and, `[H, W]`, the horizontal or vertical distance
        to the frame's centre, whichever is larger, in the frame's pixels. Inside the frame it is at
        most half the width.
    """
    import cv2

    size = fills.shape[1]
    y, x = np.mgrid[:shape[0], :shape[1]]
    nearest, result = np.full(shape, np.inf), np.zeros((*shape, 3), np.float32)
    for transform, fill in zip(transforms, fills):
        warped = cv2.warpAffine(fill, transform, shape[::-1], borderMode=cv2.BORDER_REPLICATE,
                                flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP).reshape(*shape, -1)
        u, v = (row[0] * x + row[1] * y + row[2] - (size - 1) / 2 for row in transform)
        distance = np.maximum(abs(u), abs(v))
        result = np.where((distance < nearest)[..., np.newaxis], warped, result)
        nearest = np.minimum(distance, nearest)
    return result, nearest
