#!/usr/bin/env python3
"""Complete the missing part of pictures with a trained DCGAN."""

import cli.environment  # noqa: F401  (first: it says so where packages are missing)

# isort: split
import argparse
import os
import re
from argparse import BooleanOptionalAction

from cli import flags, running
from cli.flags import number
from faces import alignment, detection
from files.errors import UserError
from inpainting import masks
from inpainting.losses import PRIORS
from machine import cpu, importing
from settings import choices

# Measured on shared/reference-checkpoint; see docs/search.md. The article's momentum rate is 0.01.
DEFAULT_LR = {"momentum": 0.0001, "adam": 0.01, "hmc": None}

# `--tol` and `--patience` of the plain search, with which it ends where nothing more is gained. A
# step size that falls, Adam and HMC gain until their end. Measured in docs/search.md.
PLAIN_STOP = (0.01, 100)
NO_STOP = (0.0, 20)

# What each preset changes; measured in docs/search.md and docs/quality.md. A flag beside it has the
# last word.
PRESETS = {
    "article": {"approach": "momentum", "lr": 0.01, "momentum": 0.9, "nIter": 1000, "lam": 0.1,
                "nInit": 1, "schedule": "constant", "tol": 0.0, "keepBest": False,
                "nCandidates": 1, "prior": "article", "contextual": "uniform", "blend": "paste",
                "precision": "float32"},
    "fast": {"approach": "adam", "lr": 0.05, "nIter": 20, "nInit": 512, "initBy": "regression",
             "schedule": "cosine", "contextual": "mixed", "blend": "poisson",
             "precision": "bfloat16"},
    "best": {"approach": "adam", "lr": 0.1, "nIter": 80, "schedule": "cosine", "nCandidates": 6,
             "combine": "mean", "contextual": "mixed", "blend": "poisson",
             "precision": "bfloat16"},
}

# Flags of which one takes the others' place.
MASK_FLAGS = ("mask", "maskFromAlpha", "maskColor", "maskType")
FRAME_FLAGS = ("align", "region", "letterbox", "crop")
# What a flag has to stand beside, to mean something.
BESIDE = {"faces": "align", "landmarks": "align", "alignBy": "align", "dlibFacePredictor": "align",
          "maskTolerance": "maskColor"}


def preset_help(name):
    """What a preset sets, for `--help`."""
    return f"{name}: " + " ".join(
        f"--{flag} {value}" if not isinstance(value, bool) else f"--{'' if value else 'no-'}{flag}"
        for flag, value in PRESETS[name].items())


def parse_args(argv=None):
    parser = flags.Parser(prog="complete.py", description=__doc__)
    count = number(int, low=1)
    share = number(float, low=0, high=0.999999)
    parser.add_argument("imgs", type=flags.path, nargs="+", help="pictures, or folders of them")
    parser.add_argument("--checkpointDir", "--checkpoint_dir", type=flags.path,
                        default="checkpoint",
                        help="folder of checkpoints, or one checkpoint without its suffix; "
                             "pretrained is the face network that comes with this program, which "
                             "is used where the folder has none")
    parser.add_argument("--outDir", type=flags.path, default="completions",
                        help="where the results go")
    parser.add_argument("--imgSize", type=int,
                        help="edge of the network's pictures; the checkpoint knows it")
    parser.add_argument("--batchSize", "--batch_size", type=count, default=64,
                        help="pictures per search")
    parser.add_argument("--seed", type=number(int, low=0, high=2**31 - 1), default=0,
                        help="of z, of random masks and of hmc")
    parser.add_argument("--init", type=flags.path, metavar="FILE",
                        help="a latents.npz of an earlier run: go on from its z, with its settings "
                             "where no flag is given")
    parser.add_argument("--log_dir", "--logDir", type=flags.path,
                        help="write losses and quality for TensorBoard there: means and "
                             "distributions, and the curves of each of the first 16 pictures of a "
                             "batch; in a folder of its own in there, if another run's are there")
    parser.add_argument("--video", metavar="NAME.mp4", type=video_name,
                        help="write completion.gif as a video too, beside it")
    add_mask_flags(parser.add_argument_group("what is missing"))
    add_frame_flags(parser.add_argument_group("what the network sees of a picture"))
    search = parser.add_argument_group("the search for z")
    search.add_argument("--preset", choices=tuple(PRESETS),
                        help="set several flags, of which those given beside it stand: "
                             + "; ".join(map(preset_help, PRESETS))
                             + " (bfloat16 only where the CPU has instructions for it)")
    search.add_argument("--approach", choices=tuple(DEFAULT_LR), default="momentum",
                        help="gradient descent with Nesterov momentum, Adam, or Hamiltonian "
                             "Monte Carlo")
    search.add_argument("--nIter", type=number(int, low=0), default=1000, help="iterations")
    search.add_argument("--outInterval", type=count, default=50,
                        help="iterations between pictures of the search")
    search.add_argument("--lr", type=number(float, above=0),
                        help="step size (0.0001 for momentum, where the article has 0.01; "
                             "0.01 for adam)")
    search.add_argument("--schedule", choices=("constant", "cosine"), default="constant",
                        help="of the step size of momentum and adam: cosine brings it down to 0 at "
                             "the last iteration")
    search.add_argument("--nInit", type=count, default=1, metavar="N",
                        help="start from what N random z, the same for all pictures, tell of each "
                             "picture; 1: from a random z of its own")
    search.add_argument("--initBy", choices=("best", "regression"), default="best",
                        help="how, from N: the z whose G(z) agrees best with what is known, or "
                             "the z that a linear regression of z on those pixels predicts")
    search.add_argument("--tol", type=number(float, low=0, high=0.999999),
                        help="stop the search for a picture when --patience iterations have not "
                             "lowered its loss by this share; 0: never (0.01 for momentum with a "
                             "constant step size, else 0)")
    search.add_argument("--patience", type=count, metavar="N",
                        help="of --tol (20; 100 where --tol is left out)")
    search.add_argument("--keepBest", action=BooleanOptionalAction, default=True,
                        help="take the z with the lowest loss, not the last")
    search.add_argument("--momentum", type=share, default=0.9, help="of momentum")
    search.add_argument("--beta1", type=share, default=0.9, help="of adam")
    search.add_argument("--beta2", type=share, default=0.999, help="of adam")
    search.add_argument("--eps", type=number(float, above=0), default=1e-8, help="of adam")
    search.add_argument("--hmcBeta", type=number(float, above=0), default=0.2,
                        help="inverse temperature of hmc")
    search.add_argument("--hmcEps", type=number(float, above=0), default=0.001,
                        help="leapfrog step size of hmc")
    search.add_argument("--hmcL", type=count, default=100, help="leapfrog steps per iteration")
    search.add_argument("--hmcAnneal", type=number(float, above=0), default=1.0,
                        help="factor on hmcBeta after each iteration")
    search.add_argument("--nCandidates", type=count, default=1, metavar="K",
                        help="searches for each picture, from different z; candidates/ shows all")
    search.add_argument("--combine", choices=("best", "mean"), default="best",
                        help="of several candidates, the result is that of the lowest loss, or the "
                             "mean of their G(z); the loss that is told is the lowest either way")
    add_loss_flags(parser.add_argument_group("the loss and the blend"))
    flags.add_machine_flags(parser.add_argument_group("the machine"))
    given = given_flags(parser, argv)
    preset = PRESETS.get(given.get("preset"), {})
    if not cpu.has_bfloat16():  # it would be slower than float32
        preset = {flag: value for flag, value in preset.items() if value != "bfloat16"}
    if "init" in given:
        preset = settings_of(given) | preset
    parser.set_defaults(**{flag: value for flag, value in preset.items() if flag != "lr"})
    config = parser.parse_args(argv)
    if config.lr is None:  # a preset's is of the preset's approach
        same = config.approach == preset.get("approach")
        config.lr = preset["lr"] if same else DEFAULT_LR[config.approach]
    plain = config.tol is None and (config.approach, config.schedule) == ("momentum", "constant")
    for flag, value in zip(("tol", "patience"), PLAIN_STOP if plain else NO_STOP):
        if getattr(config, flag) is None:
            setattr(config, flag, value)
    refuse_idle_flags(config, given, parser)
    return resolve(config)


def given_flags(parser, argv):
    """The flags that stand on the command line, without the defaults, as a dict."""
    names = vars(parser.parse_known_args(argv)[0])
    defaults, unset = {name: parser.get_default(name) for name in names}, object()
    parser.set_defaults(**dict.fromkeys(names, unset))
    given = vars(parser.parse_known_args(argv)[0])
    parser.set_defaults(**defaults)
    return {name: value for name, value in given.items() if value is not unset}


def settings_of(given):
    """The settings in `--init`, without those whose place a given flag takes."""
    from inpainting.results import read_latents

    settings = read_latents(given["init"])[1]
    for group in (MASK_FLAGS, FRAME_FLAGS):
        if given.keys() & set(group):  # and what blend suits them is decided anew
            settings = {k: v for k, v in settings.items() if k not in (*group, "blend")}
    return settings


def refuse_idle_flags(config, given, parser):
    """Stop at flags that would do nothing, or contradict each other."""
    masks_given = [flag for flag in MASK_FLAGS if flag in given]
    if len(masks_given) > 1:
        parser.error(f"--{masks_given[0]} and --{masks_given[1]}: leave out one of them")
    for flag, other in BESIDE.items():
        if flag in given and not getattr(config, other):
            parser.error(f"--{flag} {given[flag]}: is of --{other}; add that")
    if "truth" in given and not has_own_mask(config):
        parser.error(f"--truth {config.truth}: is of --mask, --maskFromAlpha or --maskColor; add "
                     "one of them")
    if config.landmarks and config.faces == "all":
        parser.error("--faces all: --landmarks has one face; leave out one of them")


def has_own_mask(config):
    """Whether the mask is one of the user's own."""
    return bool(config.mask is not None or config.maskFromAlpha or config.maskColor)


def resolve(config):
    """Add what follows from flags together: `own_mask`, `frame` and, unless given, `blend`."""
    config.own_mask = has_own_mask(config)
    if config.align:
        config.frame = "face"
    elif config.region:
        config.frame = "region"
    elif config.letterbox or (config.own_mask and config.crop is None):
        config.frame = "letterbox"
    else:
        config.frame = "stretch" if config.crop is False else "crop"
    if config.blend is None:
        seams = config.own_mask or config.frame in ("face", "region", "letterbox")
        config.blend = "poisson" if seams else "paste"
    return config


def add_mask_flags(parser):
    """The flags that say what is missing."""
    parser.add_argument("--maskType", choices=tuple(masks.MASKS), default="center",
                        help=choices.help_of(masks.MASKS))
    parser.add_argument("--centerScale", type=number(float, low=0, high=0.5), default=0.25,
                        help="where the center mask begins, as a share of the edge")
    parser.add_argument("--maskSide", choices=(*masks.SIDES, "random"), default="random",
                        help="the half that the half mask hides; random: another of each picture")
    parser.add_argument("--fraction", type=number(float, low=0, high=1), default=0.2,
                        help="the share of pixels that the random mask hides")
    parser.add_argument("--mask", type=flags.path, metavar="FILE|FOLDER",
                        help="a mask of your own instead, for all pictures, or a folder of masks "
                             "with the names of the pictures: what is white is missing, or what is "
                             "opaque if the rest is transparent")
    parser.add_argument("--maskFromAlpha", action=BooleanOptionalAction, default=False,
                        help="instead, what is transparent in a picture is missing")
    parser.add_argument("--maskColor", metavar="'#rrggbb'", type=color,
                        help="instead, what has this colour in a picture is missing")
    parser.add_argument("--maskTolerance", type=number(int, low=0, high=255), default=8,
                        help="how far red, green and blue may each be from --maskColor")
    parser.add_argument("--truth", type=flags.path, metavar="FILE|FOLDER",
                        help="the whole pictures of the same names: with a mask of your own, the "
                             "quality in the hole is measured against them")


def add_frame_flags(parser):
    """The flags that say what the network sees of a picture."""
    parser.add_argument("--faces", choices=("largest", "all"), default="largest",
                        help="of --align: the largest face (that the mask touches), or each")
    parser.add_argument("--alignBy", choices=tuple(alignment.ALIGNMENTS),
                        default="innerEyesAndBottomLip",
                        help="of --align: the landmarks that are put in place, as the network's "
                             "faces were")
    parser.add_argument("--landmarks", type=flags.path, metavar="FILE",
                        help="of --align: x and y of the 68 landmarks, or of the three, where no "
                             "face can be found; or lines of these behind the pictures' names")
    parser.add_argument("--dlibFacePredictor", type=flags.path, metavar="FILE",
                        help="dlib's 68-landmark predictor (that of face_recognition_models)")
    box = parser.add_mutually_exclusive_group()
    box.add_argument("--align", action=BooleanOptionalAction, default=False,
                     help="find the face, complete it aligned, and put it back into the picture")
    box.add_argument("--region", metavar="x,y,w,h", type=region,
                     help="complete this part of the picture and put it back")
    box.add_argument("--letterbox", action=BooleanOptionalAction, default=False,
                     help="complete all of the picture, in a square around it; so it is with a "
                          "mask of your own")
    box.add_argument("--crop", action=BooleanOptionalAction,
                     help="complete the centre square, or (--no-crop) the picture made square; so "
                          "it is with --maskType")


def add_loss_flags(parser):
    """The flags that say what a good z is, and how G(z) gets into the hole."""
    parser.add_argument("--lam", type=number(float, low=0), default=0.1,
                        help="weight of the perceptual loss")
    parser.add_argument("--prior", choices=tuple(PRIORS), default="article",
                        help=f"the perceptual loss. {choices.help_of(PRIORS)}")
    parser.add_argument("--contextual", choices=("uniform", "weighted", "mixed"), default="uniform",
                        help="known pixels count alike, by how much is missing in a window around "
                             "them, or half so")
    parser.add_argument("--window", type=odd, default=7, help="edge of that window")
    parser.add_argument("--mix", type=number(float, low=0, high=1), default=0.5,
                        help="the share of weighted in mixed")
    parser.add_argument("--blend", choices=("paste", "poisson"),
                        help="put G(z) into the hole as it is, or keep its gradients and meet what "
                             "is known (default: poisson with --align, --region, --letterbox or a "
                             "mask of your own, else paste)")


def region(text):
    """`x,y,w,h` as a tuple of ints."""
    if not re.fullmatch(r"\d+,\d+,\d*[1-9]\d*,\d*[1-9]\d*", text):
        raise argparse.ArgumentTypeError(
            f"{text}: must be x,y,w,h in pixels, w and h at least 1, such as 120,80,200,200")
    return tuple(map(int, text.split(",")))


def color(text):
    """`#rrggbb` as a tuple of three ints."""
    if not re.fullmatch(r"#?[0-9a-fA-F]{6}", text):
        raise argparse.ArgumentTypeError(f"{text}: must be a colour such as '#ffffff'")
    return tuple(bytes.fromhex(text.lstrip("#")))


def odd(text):
    """An odd int of 3 or more."""
    value = number(int, low=3)(text)
    if value % 2 == 0:
        raise argparse.ArgumentTypeError(f"{text}: must be odd")
    return value


def video_name(text):
    """A file name that ends in .mp4."""
    if os.path.basename(text) != text or not text.lower().endswith(".mp4"):
        raise argparse.ArgumentTypeError(
            f"{text}: must be a name that ends in .mp4, without a folder")
    return text


def load_model(config, kind):
    """The checkpoint's network, set as the flags say.

    Args:
        config: what `parse_args` returned.
        kind: DCGAN, or a class of it that searches in another way.

    Returns:
        A `kind`.
    """
    return kind.from_checkpoint(
        config.checkpointDir, batch_size=config.batchSize, lam=config.lam, prior=config.prior,
        seed=config.seed, precision=config.precision, jit=config.jit)


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow(config.tf32)
    from model import DCGAN
    from training.checkpoints import or_pretrained

    config.checkpointDir = or_pretrained(config.checkpointDir)
    if config.align and not config.landmarks:
        config.dlibFacePredictor = config.dlibFacePredictor or detection.face_predictor_path()
        detection.check_predictor(config.dlibFacePredictor)
    model = load_model(config, DCGAN)
    if config.window > 2 * model.image_size:
        raise UserError(f"--window {config.window}: the checkpoint's pictures have an edge of "
                        f"{model.image_size}; make it smaller")
    if config.imgSize not in (None, model.image_size):
        raise UserError(f"--imgSize {config.imgSize}: the checkpoint in {config.checkpointDir} is "
                        f"for {model.image_size}; leave the flag out")
    model.complete(config)


if __name__ == "__main__":
    running.run(main, "complete.py")
