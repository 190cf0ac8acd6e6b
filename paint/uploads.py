"""Pictures that the page sent, in a folder that is deleted when the server ends."""

import os
import re
import secrets
import shutil
import threading

import utils
from dcgan.faces import alignment, detection
from dcgan.messages import UserError, attempt, kept_warnings
from dcgan.pictures.colours import as_seen

MOST_BYTES = 64 * 2**20  # per picture
MOST_PICTURES = 16  # at once; the least recently used picture is deleted
POINTS = alignment.ALIGNMENTS["innerEyesAndBottomLip"]  # of the 68 landmarks
SHOWN_EDGE = 2400  # largest width and height of the copy that the page shows


class Picture:
    """A picture that was sent.

    Args:
        folder: the folder for the picture and its results.
        name: the name of its file.
        data: the bytes of its file.

    Raises:
        UserError: it is not a picture.
        OSError: it cannot be written.
    """

    def __init__(self, folder, name, data):
        self.id, self.name = os.path.basename(folder), name
        self.folder, self.path = folder, os.path.join(folder, "picture", name)
        self.results = []
        os.makedirs(os.path.dirname(self.path))
        with open(self.path, "wb") as file:
            file.write(data)
        with kept_warnings() as kept:
            image, reason = attempt(lambda: utils.open_image(self.path))
        self.notes = self.notes_of(kept)
        if reason is not None:
            raise UserError(f"{name}: {reason}")
        self.size = image.size
        shown = as_seen(image)
        shown.thumbnail((SHOWN_EDGE, SHOWN_EDGE))
        self.shown = shown.size
        self.shown_path = os.path.join(folder, "shown.png")
        shown.save(self.shown_path, compress_level=1)

    def notes_of(self, kept):
        """The warnings for the page, a list: each once, with the file named as it was sent."""
        return list(dict.fromkeys(
            (text if path in (None, self.path) else f"{path}: {text}").replace(self.path, self.name)
            for path, text in kept))

    def is_here(self):
        """Whether its files still exist; some systems clean their temporary folders."""
        return os.path.exists(self.path) and os.path.exists(self.shown_path)

    def faces(self):
        """The three points of each face, the largest face first: a list of `[3, 2]` floats."""
        image, found = utils.read_image(self.path), []
        for threshold in (0.0, -0.3, -0.6):  # a damaged face scores lower
            found = found or detection.find_landmarks(
                image, detection.face_predictor_path(), threshold)
        return [face[list(POINTS)].tolist() for face in found]

    def describe(self):
        """The properties of the picture that the page needs."""
        return {"id": self.id, "name": self.name, "width": self.size[0], "height": self.size[1],
                "notes": self.notes,
                "shownWidth": self.shown[0], "shownHeight": self.shown[1]}


class Uploads:
    """All pictures that were sent.

    Args:
        folder: an empty folder; it is created again if it was deleted.
    """

    def __init__(self, folder):
        self.folder, self.pictures, self.lock = folder, {}, threading.Lock()

    def add(self, name, data):
        """Keep a picture; UserError if it is not one."""
        folder = os.path.join(self.folder, secrets.token_urlsafe(16))
        os.makedirs(self.folder, 0o700, exist_ok=True)
        os.mkdir(folder)
        try:
            picture = Picture(folder, safe_name(name), data)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self.lock:
            self.pictures[picture.id] = picture
            oldest = list(self.pictures)[:-MOST_PICTURES]
        for each in oldest:
            self.remove(each)
        return picture

    def get(self, identity):
        """The picture with this identity, or None; it becomes the most recently used one."""
        with self.lock:
            picture = self.pictures.pop(identity, None)
            if picture is not None:
                self.pictures[identity] = picture
        if picture is not None and not picture.is_here():
            self.remove(identity)
            return None
        return picture

    def remove(self, identity):
        """Delete a picture and all its results."""
        with self.lock:
            picture = self.pictures.pop(identity, None)
        if picture is not None:
            for search in picture.results:
                search.cancelled = True
            shutil.rmtree(picture.folder, ignore_errors=True)


def safe_name(name):
    """The last part of a name that a browser sent, made valid as a file name."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(c for c in name if c.isprintable()).strip().lstrip(".")
    stem, suffix = os.path.splitext(name)
    while len(os.fsencode(stem + suffix[:10])) > 200:
        stem = stem[:-1]
    return stem + suffix[:10] if stem else "picture"
