"""The settings of a completion: what is missing, what the network sees, the search, the loss."""

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


@dataclass(frozen=True)
class Files(Settings):
    """Where pictures and network come from, and where results go."""

    imgs: tuple = setting((), "pictures, or folders of them", path, nargs="+", positional=True)
    checkpointDir: str = setting(
        "checkpoint", "folder of checkpoints, or one checkpoint without its suffix; pretrained is "
        "the face network that comes with this program, which is used where the folder has none",
        path, aliases=("--checkpoint_dir",))
    outDir: str = setting("completions", "where the results go", path)
    imgSize: int = setting(
        None, "the network's input size; the checkpoint knows it", Number(int))
    init: str = setting(
        None, "latents.npz of an earlier run: go on from its z, with its settings where no flag "
        "is given", path, metavar="FILE")
    log_dir: str = setting(
        None, "write losses and quality for TensorBoard there: means and distributions, and the "
        "curves of each of the first 16 pictures of a batch; in a folder of its own in there, if "
        "another run's are there", path, aliases=("--logDir",))
    video: str = setting(
        None, "write completion.gif as a video too, beside it", video_name, metavar="NAME.mp4")


@dataclass(frozen=True)
class Masking(Settings):
    """What is missing of a picture."""

    maskType: str = setting("center", help_of(masks.MASKS), choices=tuple(masks.MASKS))
    centerScale: float = setting(
        0.25, "where the center mask begins, as a share of the edge", Number(float, 0, 0.5))
    maskSide: str = setting(
        "random", "the half that the half mask hides; random: a different one for each picture",
        choices=(*masks.SIDES, "random"))
    fraction: float = setting(
        0.2, "the share of pixels that the random mask hides", Number(float, 0, 1))
    mask: str = setting(
        None, "a mask of your own instead, for all pictures, or a folder of masks with the names "
        "of the pictures: what is white is missing, or what is opaque if the rest is transparent",
        path, metavar="FILE|FOLDER")
    maskFromAlpha: bool = setting(False, "the mask is what is transparent in a picture, instead")
    maskColor: tuple = setting(
        None, "the mask is what has this colour in a picture, instead", color, metavar="'#rrggbb'")
    maskTolerance: int = setting(
        8, "how far red, green and blue may each be from --maskColor", Number(int, 0, 255),
        of="maskColor")
    truth: str = setting(
        None, "the undamaged pictures, under the same names: with a mask of your own, the quality "
        "in the hole is measured against them", path, of="mask maskFromAlpha maskColor",
        metavar="FILE|FOLDER")

    @property
    def own_mask(self):
        """Whether the mask is one of the user's own."""
        return bool(self.mask is not None or self.maskFromAlpha or self.maskColor)


@dataclass(frozen=True)
class View(Settings):
    """What the network sees of a picture."""

    faces: str = setting(
        "largest", "with --align: complete the largest face (that the mask touches), or each",
        choices=("largest", "all"), of="align")
    alignBy: str = setting(
        "innerEyesAndBottomLip", "with --align: the landmarks by which faces are aligned; those "
        "that the network was trained with", choices=tuple(alignment.ALIGNMENTS), of="align")
    landmarks: str = setting(
        None, "with --align: a text file of x and y of the 68 landmarks, or of the three of "
        "--alignBy, used instead of finding faces; for several pictures a line each, with the "
        "picture's name in front", path, of="align", metavar="FILE")
    dlibFacePredictor: str = setting(
        None, "dlib's 68-landmark predictor (that of face_recognition_models)", path,
        of="align", metavar="FILE")
    align: bool = setting(
        False, "find the face, complete it aligned, and put it back into the picture")
    region: tuple = setting(
        None, "complete this part of the picture and put it back", region, metavar="x,y,w,h")
    letterbox: bool = setting(
        False, "complete the whole picture, made square by a border; the default with a mask of "
        "your own")
    crop: bool = setting(
        None, "complete the centre square, which is the default with --maskType; --no-crop: the "
        "whole picture, squeezed into a square")


@dataclass(frozen=True)
class Framing(Masking, View):
    """What the network is shown of a picture: a part of it, and what of that is missing."""

    @property
    def frame(self):
        """How a picture becomes the network's square: face, region, letterbox, crop or stretch."""
        if self.align:
            return "face"
        if self.region:
            return "region"
        if self.letterbox or (self.own_mask and self.crop is None):
            return "letterbox"
        return "stretch" if self.crop is False else "crop"


@dataclass(frozen=True)
class Search(Settings):
    """The search for z, and after it for the activations of deeper layers."""

    batchSize: int = setting(64, "pictures per search", COUNT, aliases=("--batch_size",))
    seed: int = setting(
        0, "seeds the random z, the random masks and hmc", Number(int, 0, 2**31 - 1))
    approach: str = setting(
        "momentum", "gradient descent with Nesterov momentum, Adam, or Hamiltonian Monte Carlo",
        choices=("momentum", "adam", "hmc"))
    nIter: int = setting(1000, "iterations", Number(int, low=0))
    outInterval: int = setting(50, "iterations between pictures of the search", COUNT)
    lr: float = setting(
        None, "step size (0.0001 for momentum, where the article has 0.01; 0.01 for adam)",
        Number(float, above=0))
    schedule: str = setting(
        "constant", "how the step size of momentum and adam changes: cosine lowers it to 0 at the "
        "last iteration", choices=("constant", "cosine"))
    nInit: int = setting(
        1, "choose where each search starts with the help of N random z, the same for all "
        "pictures; 1: start each from a random z of its own", COUNT, metavar="N")
    initBy: str = setting(
        "best", "how --nInit chooses: best, the z of the N whose G(z) is closest to the known "
        "pixels; regression, the z that a linear regression of the N z on these pixels predicts",
        choices=("best", "regression"))
    tol: float = setting(
        None, "stop the search for a picture when --patience iterations have not lowered its loss "
        "by this share; 0 never stops early (default: 0.01 for momentum with a constant step size, "
        "else 0)",
        Number(float, 0, 0.999999))
    patience: int = setting(
        None, "iterations that --tol waits for (20; 100 where --tol is left out)", COUNT,
        metavar="N")
    keepBest: bool = setting(True, "take the z with the lowest loss, not the last")
    momentum: float = setting(0.9, "momentum rate of --approach momentum", SHARE)
    beta1: float = setting(0.9, "decay rate of adam's first moment", SHARE)
    beta2: float = setting(0.999, "decay rate of adam's second moment", SHARE)
    eps: float = setting(1e-8, "epsilon of adam", Number(float, above=0))
    hmcBeta: float = setting(0.2, "inverse temperature of hmc", Number(float, above=0))
    hmcEps: float = setting(0.001, "leapfrog step size of hmc", Number(float, above=0))
    hmcL: int = setting(100, "leapfrog steps per iteration", COUNT)
    hmcAnneal: float = setting(
        1.0, "factor on hmcBeta after each iteration", Number(float, above=0))
    deeper: int = setting(
        0, "N more iterations, which search activations of G's layers instead of z: first of the "
        "layer of 4x4 places, then of 8x8, and so on, each from where the search before it ended "
        "(intermediate layer optimization)", Number(int, low=0), metavar="N")
    deeperTo: int = setting(
        16, "the edge of the last layer that --deeper searches; N is divided evenly", int,
        choices=EDGES, of="deeper")
    deeperLr: float = setting(
        0.05, "step size of --deeper, in standard deviations of the activations; by Adam, and "
        "lowered to 0 in each layer", Number(float, above=0), of="deeper")
    nCandidates: int = setting(
        1, "searches for each picture, from different z; candidates/ shows all", COUNT,
        metavar="K")
    combine: str = setting(
        "best", "how several candidates make one result: best, the one of the lowest loss; mean, "
        "the mean of their G(z) (the loss in results.csv is the lowest either way)",
        choices=("best", "mean"))

    @property
    def iterations(self):
        """All iterations of a search, the deeper ones too."""
        return self.nIter + self.deeper


@dataclass(frozen=True)
class Loss(Settings):
    """What a good z is, and how G(z) gets into the hole."""

    lam: float = setting(0.1, "weight of the perceptual loss", Number(float, low=0))
    prior: str = setting(
        "article", f"the perceptual loss. {help_of(PRIORS)}", choices=tuple(PRIORS))
    contextual: str = setting(
        "uniform", "how much a known pixel counts in the loss: uniform, all alike; weighted, more "
        "the more is missing in a window around it; mixed, something of both",
        choices=("uniform", "weighted", "mixed"))
    window: int = setting(7, "edge of that window, in pixels", Odd())
    mix: float = setting(0.5, "the share of weighted in mixed", Number(float, 0, 1))
    gaussian: float = setting(
        0.0, "fill a hole by this share with what is most likely if faces were normally "
        "distributed, by the gaussian.npz beside the checkpoint, and by the rest with G(z)",
        Number(float, 0, 1), metavar="SHARE")
    blend: str = setting(
        None, "paste G(z) into the hole as it is, or keep its gradients and let it meet the known "
        "pixels without a seam (default: poisson with --align, --region, --letterbox or a mask of "
        "your own, else paste)",
        choices=("paste", "poisson"))
