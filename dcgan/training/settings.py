"""The settings of a training: its pictures, its steps, its networks, what it writes and when."""

from dataclasses import dataclass

from dcgan.faces.alignment import MARGIN
from dcgan.settings import Compute, Number, Settings, path, setting
from dcgan.training.recipe import Recipe

COUNT = Number(int, low=1)
KINDS = ("samples", "interpolate", "sweep", "arithmetic", "neighbours")


@dataclass(frozen=True)
class Data(Settings):
    """The pictures that a training learns from."""

    dataset: str = setting("lfw-aligned-64", "folder of pictures, searched recursively", path)
    train_size: int = setting(None, "use only the first N pictures", COUNT, metavar="N")
    cache: str = setting(
        None, "keeps the pictures decoded, so that each is decoded once (pictures.cache in the "
        "--checkpoint_dir)", path, metavar="FILE")
    crop: bool = setting(True, "cut the centre square of a picture before it is resized")
    margin: float = setting(
        None, "what align.py's --margin was; complete.py's --align then does the same (read from "
        "align.py's record in the --dataset)", MARGIN)
    flip: bool = setting(False, "mirror half of the pictures, others in each epoch")


@dataclass(frozen=True)
class Steps(Settings):
    """How many steps there are, and how each of them goes."""

    epoch: int = setting(25, "epochs to train", COUNT)
    max_steps: int = setting(
        None, "stop after this many steps in all, whatever the epoch", COUNT, metavar="N")
    learning_rate: float = setting(
        0.0002, "of Adam, for both networks", Number(float, above=0))
    beta1: float = setting(0.5, "momentum of Adam", Number(float, 0, 0.9999))
    ema: float = setting(
        0.0, "also keep a moving average of G's weights, with this decay at each step, such as "
        "0.995, and use it for samples and completions: it is much steadier (0: none, as in the "
        "article)",
        Number(float, 0, 0.99999), metavar="DECAY")
    batch_size: int = setting(64, "pictures per step", COUNT)
    seed: int = setting(
        0, "of the weights, z and the order of the pictures", Number(int, 0, 2**31 - 1))


@dataclass(frozen=True)
class Devices(Settings):
    """One device or many."""

    strategy: str = setting(
        "auto", "auto uses every GPU of this machine, multiworker the cluster that TF_CONFIG "
        "describes (docs/scaling.md); --batch_size is what all of them share",
        choices=("auto", "none", "mirrored", "multiworker"))
    sync_batch_norm: bool = setting(
        False, "normalise over the whole batch, not over each device's part of it")
    deterministic: bool = setting(
        False, "make every run with the same seed bitwise the same (docs/resuming.md says what it "
        "costs)")


@dataclass(frozen=True)
class Sizes(Settings):
    """The sizes of the networks.

    read from the checkpoint where training starts from one
    """

    image_size: int = setting(
        None, "the network's input size (64)", int, choices=(8, 16, 32, 64, 128, 256))
    z_dim: int = setting(None, "length of z (100)", COUNT)
    gf_dim: int = setting(None, "base width of G (64)", COUNT)
    df_dim: int = setting(None, "base width of D (64)", COUNT)
    c_dim: int = setting(None, "1 for grey, 3 for RGB (3)", int, choices=(1, 3))


@dataclass(frozen=True)
class Saving(Settings):
    """The checkpoints."""

    checkpoint_dir: str = setting(
        "checkpoint", "where checkpoints and the record of the run, run.json, go", path,
        aliases=("--checkpointDir",))
    resume: bool = setting(
        True, "go on from the newest whole checkpoint in there; --no-resume starts anew, and "
        "refuses to if anything could be overwritten")
    init: str = setting(
        None, "start from the weights of this checkpoint, with fresh optimizers; pretrained is "
        "the face network that comes with this program", path, metavar="DIR")
    max_to_keep: int = setting(5, "checkpoints to keep", COUNT)
    save_interval: int = setting(
        500, "steps between checkpoints; there is one at the end in any case", COUNT,
        metavar="STEPS")
    save_minutes: float = setting(
        15, "minutes after which there is a checkpoint at the latest", Number(float, above=0))


@dataclass(frozen=True)
class Validation(Settings):
    """Held-out pictures."""

    validation: str = setting(
        None, "pictures to leave out of training, of other people, say: TensorBoard shows what D "
        "says of them, beside pictures of the training, and how well they are completed; and the "
        "checkpoint that completes them best is kept in the folder best of the --checkpoint_dir",
        path, metavar="FOLDER")
    validation_interval: int = setting(
        500, "steps between two validations", COUNT, of="validation", metavar="STEPS")


@dataclass(frozen=True)
class Watching(Settings):
    """What shows how a training goes."""

    sample_dir: str = setting("samples", "where the sample grids go", path)
    sample_interval: int = setting(
        100, "steps between sample grids; there is one at the end in any case", COUNT,
        metavar="STEPS")
    log_dir: str = setting("logs", "where TensorBoard's files go", path)
    summary_interval: int = setting(
        20, "steps between TensorBoard's histograms; losses are of every step", COUNT,
        metavar="STEPS")


@dataclass(frozen=True)
class TrainingSettings(Data, Steps, Recipe, Compute, Devices, Sizes, Saving, Validation,
                       Watching):
    """All the settings of a training."""


@dataclass(frozen=True)
class Latent(Settings):
    """What is done with a trained network instead of training.

    of the newest checkpoint in --checkpoint_dir, which may be one checkpoint without its suffix, or
    pretrained, as it is where there is none
    """

    visualize: str = setting(
        None, "write pictures of the latent space to --sample_dir: samples; walks between z "
        "(interpolate); one coordinate of z that goes from -1 to 1 (sweep); arithmetic with the z "
        "of pictures; the nearest neighbours of samples in --dataset", choices=KINDS)
    coordinate: int = setting(
        None, "of sweep: which (the one that changes the pictures most)", Number(int, low=0),
        of="visualize=sweep", metavar="K")
    positive: tuple = setting(
        None, "of arithmetic: pictures, or folders of them, whose mean z are added", path,
        of="visualize=arithmetic", nargs="+", metavar="GROUP")
    negative: tuple = setting(
        None, "of arithmetic: those whose mean z are subtracted", path,
        of="visualize=arithmetic", nargs="+", metavar="GROUP")
    components: int = setting(
        None, "fit a normal distribution of K principal components to the pictures of --dataset, "
        "for complete.py --gaussian, and write it beside the checkpoints, as gaussian.npz",
        Number(int, low=1), metavar="K")
    export: str = setting(
        None, "write the weights alone, in half precision and under the names of the original's "
        "checkpoints; FILE is without suffix", path, metavar="FILE")
