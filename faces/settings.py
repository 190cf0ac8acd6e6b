"""The settings of align.py's modes."""

from dataclasses import dataclass

from faces.alignment import ALIGNMENTS
from settings.kinds import Number, path
from settings.setting import Settings, setting


@dataclass(frozen=True)
class Alignment(Settings):
    """Which faces are aligned, how, and where they go."""

    inputDir: str = setting(".", "folder of pictures, searched recursively", path)
    landmarks: str = setting(
        "innerEyesAndBottomLip", "the landmarks that are put in place", choices=tuple(ALIGNMENTS))
    outputDir: str = setting("aligned", "where the aligned faces go, as PNG", path)
    dlibFacePredictor: str = setting(
        None, "dlib's 68-landmark predictor (that of face_recognition_models)", path,
        metavar="FILE")
    size: int = setting(96, "edge of the aligned faces", Number(int, 8, 4096))
    flat: bool = setting(
        False, "no subfolders: a name that several pictures have gets its folder's in front")
    skipMulti: bool = setting(False, "skip pictures of several faces")
    fallbackLfw: str = setting(
        None, "deep-funneled LFW, whose centre is used where no face is found", path,
        metavar="DIR")
