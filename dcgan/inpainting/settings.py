"""The settings of a completion: files, mask, view, search and loss."""

from dataclasses import dataclass

from dcgan.faces import alignment
from dcgan.inpainting import masks
from dcgan.inpainting.losses import PRIORS
from dcgan.settings import (
    Number,
    Odd,
    Settings,
    color,
    help_of,
    path,
    region,
    setting,
    video_name,
)

COUNT = Number(int, low=1)
SHARE = Number(float, low=0, high=0.999999)
EDGES = (4, 8, 16, 32, 64, 128)  # of G's layers


def of_approach(*names):
    """Arguments of `setting`: the original code's flag works only with these values of
    --approach."""
    return {"only_with": " ".join(f"approach={name}" for name in names), "published": True}


@dataclass(frozen=True)
class Files(Settings):
    """Inputs and outputs."""

    imgs: tuple = setting(
        (), "pictures, or folders of pictures", path, nargs="+", positional=True, metavar="PICTURE")
    checkpointDir: str = setting(
        "checkpoint", "folder of checkpoints, or one checkpoint without its suffix. pretrained is "
        "the face network that comes with this program; it is also used if the default folder has "
        "no checkpoint",
        path, aliases=("--checkpoint_dir",))
    outDir: str = setting("completions", "folder of the results", path)
    imgSize: int = setting(
        None, "the network's input size. It is read from the checkpoint, so there is no need to "
        "set it", Number(int))
    init: str = setting(
        None, "continue an earlier run from its latents.npz; settings that you do not give are "
        "taken from that run", path, metavar="FILE")
    log_dir: str = setting(
        None, "folder of losses and quality for TensorBoard: means and distributions, and curves "
        "of the first 16 pictures of each batch. If it has another run's, a subfolder is used",
        path, aliases=("--logDir",), metavar="FOLDER")
    video: str = setting(
        None, "also write completion.gif as a video, into the same folder", video_name,
        metavar="NAME.mp4")


@dataclass(frozen=True)
class Masking(Settings):
    """The missing part of a picture."""

    maskType: str = setting("center", help_of(masks.MASKS), choices=tuple(masks.MASKS))
    centerScale: float = setting(
        0.25, "with --maskType center: distance of the square from the border, as a share of the "
        "width", Number(float, 0, 0.5))
    maskSide: str = setting(
        "random", "with --maskType half: the missing half; random: another one for each picture",
        choices=(*masks.SIDES, "random"))
    fraction: float = setting(
        0.2, "with --maskType random: the share of missing pixels", Number(float, 0, 1))
    mask: str = setting(
        None, "your own mask: one file for all pictures, or a folder of masks named like the "
        "pictures. White pixels are missing; if the mask has transparency, its opaque pixels are",
        path, metavar="FILE|FOLDER")
    maskFromAlpha: bool = setting(False, "complete the transparent part of each picture")
    maskColor: tuple = setting(
        None, "complete all pixels of this colour", color, metavar="'#rrggbb'")
    maskTolerance: int = setting(
        8, "with --maskColor: largest difference in red, green and blue", Number(int, 0, 255),
        only_with="maskColor")
    truth: str = setting(
        None, "the undamaged pictures, under the same names, to measure the results against, if "
        "you give a mask of your own", path, only_with="mask maskFromAlpha maskColor",
        metavar="FILE|FOLDER")

    @property
    def own_mask(self):
        """Whether the user supplies the mask."""
        return bool(self.mask is not None or self.maskFromAlpha or self.maskColor)


@dataclass(frozen=True)
class View(Settings):
    """The part of a picture that the network sees."""

    faces: str = setting(
        "largest", "with --align: complete only the largest face (with a mask of your own: the "
        "face with the largest part of it), or all faces (that the mask touches)",
        choices=("largest", "all"), only_with="align")
    alignBy: str = setting(
        "innerEyesAndBottomLip", "with --align: the landmarks to align faces by, as in the "
        "network's training", choices=tuple(alignment.ALIGNMENTS), only_with="align")
    landmarks: str = setting(
        None, "with --align: a text file with x and y of 68 landmarks, or of the three of "
        "--alignBy, instead of finding the face; for several pictures one line each, which begins "
        "with the picture's name", path, only_with="align", metavar="FILE")
    dlibFacePredictor: str = setting(
        None, "with --align: dlib's 68-landmark predictor (default: that of "
        "face_recognition_models)", path, only_with="align", metavar="FILE")
    align: bool = setting(
        False, "find the face in each photograph, complete it, and put it back into the photograph")
    region: tuple = setting(
        None, "complete only this rectangle of the picture, in pixels", region, metavar="x,y,w,h")
    letterbox: bool = setting(
        False, "complete the whole picture, padded to a square; the default with a mask of your "
        "own")
    crop: bool = setting(
        None, "complete the centre square, which is the default with --maskType; --no-crop "
        "squeezes the whole picture into a square")


@dataclass(frozen=True)
class Framing(Masking, View):
    """The part of each picture that the network sees, and the missing part of that."""

    @property
    def frame(self):
        """How a picture becomes a square: face, region, letterbox, crop or stretch."""
        if self.align:
            return "face"
        if self.region:
            return "region"
        if self.letterbox or (self.own_mask and self.crop is None):
            return "letterbox"
        return "stretch" if self.crop is False else "crop"


@dataclass(frozen=True)
class Search(Settings):
    """The search for z."""

    batchSize: int = setting(64, "pictures per search", COUNT, aliases=("--batch_size",))
    seed: int = setting(
        0, "seed of the random z, the random masks and hmc", Number(int, 0, 2**31 - 1))
    approach: str = setting(
        "momentum", "how z is searched: gradient descent with Nesterov momentum, Adam, or "
        "Hamiltonian Monte Carlo",
        choices=("momentum", "adam", "hmc"))
    nIter: int = setting(1000, "number of iterations", Number(int, low=0))
    outInterval: int = setting(50, "iterations between pictures of the search", COUNT)
    lr: float = setting(
        None, "step size (default: 0.0001 for momentum, a hundredth of the original code's, and "
        "0.01 for adam)",
        Number(float, above=0), **of_approach("momentum", "adam"))
    schedule: str = setting(
        "constant", "how the step size of momentum and adam changes: cosine reduces it to 0 at the "
        "last iteration", choices=("constant", "cosine"),
        only_with="approach=momentum approach=adam")
    nInit: int = setting(
        1, "number of random z from which the start of each search is chosen; 1 starts each search "
        "from its own random z", COUNT, metavar="N")
    initBy: str = setting(
        "best", "how --nInit chooses the start. best: the one of the N z whose G(z) is closest to "
        "the known pixels; regression: the z that a linear regression of the N z on these pixels "
        "predicts",
        choices=("best", "regression"))
    tol: float = setting(
        None, "stop the search for a picture when --patience iterations have not reduced its loss "
        "by this share; 0 never stops early (default: 0.01 for momentum with a constant step size, "
        "otherwise 0)",
        Number(float, 0, 0.999999))
    patience: int = setting(
        None, "iterations without progress before --tol stops a search (default: 100; 20 with "
        "--tol)", Number(int, 1, 2**31 - 1), metavar="N")
    keepBest: bool = setting(True, "use the z with the lowest loss instead of the last z")
    momentum: float = setting(
        0.9, "momentum rate of --approach momentum", SHARE, **of_approach("momentum"))
    beta1: float = setting(
        0.9, "decay rate of the first moment of --approach adam", SHARE, **of_approach("adam"))
    beta2: float = setting(
        0.999, "decay rate of the second moment of --approach adam", SHARE, **of_approach("adam"))
    eps: float = setting(
        1e-8, "epsilon of --approach adam", Number(float, above=0), **of_approach("adam"))
    hmcBeta: float = setting(
        0.2, "inverse temperature of --approach hmc", Number(float, above=0), **of_approach("hmc"))
    hmcEps: float = setting(
        0.001, "leapfrog step size of --approach hmc", Number(float, above=0),
        **of_approach("hmc"))
    hmcL: int = setting(
        100, "leapfrog steps per iteration of --approach hmc", COUNT, **of_approach("hmc"))
    hmcAnneal: float = setting(
        1.0, "factor by which --hmcBeta is multiplied after each iteration", Number(float, above=0),
        **of_approach("hmc"))
    deeper: int = setting(
        0, "iterations after the search for z that search for activations of G's layers: first of "
        "the 4x4 layer, then of the 8x8 layer, and so on, each from the result of the layer before "
        "(intermediate layer optimization)", Number(int, low=0))
    deeperTo: int = setting(
        16, "width of the last layer that --deeper searches; each layer gets twice the iterations "
        "of the layer before", int, choices=EDGES, only_with="deeper")
    deeperLr: float = setting(
        0.08, "Adam's step size for --deeper, in standard deviations of the 4x4 layer's "
        "activations; each layer has half the step size of the layer before. In each, it rises for "
        "three iterations and falls to 0", Number(float, above=0), only_with="deeper")
    nCandidates: int = setting(
        1, "number of searches for each picture, from different z; candidates/ has all results",
        COUNT, metavar="K")
    combine: str = setting(
        "best", "how several candidates make one result. best: the candidate with the lowest loss; "
        "mean: the mean of their G(z) (results.csv has the lowest loss in both cases)",
        choices=("best", "mean"))

    @property
    def iterations(self):
        """All iterations of a search, including `deeper`."""
        return self.nIter + self.deeper


@dataclass(frozen=True)
class Loss(Settings):
    """The loss and the blending."""

    lam: float = setting(0.1, "weight of the perceptual loss", Number(float, low=0))
    prior: str = setting(
        "article", f"perceptual loss. {help_of(PRIORS)}", choices=tuple(PRIORS))
    contextual: str = setting(
        "uniform", "how much a known pixel counts in the loss. uniform: all equally; weighted: "
        "more, the more pixels are missing in a window around it; mixed: a mix of both",
        choices=("uniform", "weighted", "mixed"))
    window: int = setting(7, "width of the window of --contextual, in pixels", Odd())
    mix: float = setting(
        0.5, "with --contextual mixed: the share of weighted", Number(float, 0, 1))
    gaussian: float = setting(
        0.0, "weight (0 to 1) of the linear model of faces in the completion; the rest is G(z). "
        "Needs gaussian.npz in the checkpoint's folder (train-dcgan.py --components)",
        Number(float, 0, 1), metavar="WEIGHT")
    gaussianGrowth: float = setting(
        0.0, "if missing pixels are further from known ones than a quarter of the image's width, "
        "add this times the distance beyond, in widths, to --gaussian", Number(float, low=0),
        only_with="gaussian", metavar="WEIGHT")
    blend: str = setting(
        None, "paste: G(z) as it is; poisson: keep the gradients of G(z) and meet the known pixels "
        "without a seam (default: poisson with --align, --region, --letterbox or a mask of your "
        "own, otherwise paste)",
        choices=("paste", "poisson"))
