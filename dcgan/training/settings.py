"""The settings of a training: its pictures, its steps, its networks, what it writes and when."""

from dataclasses import dataclass

from dcgan.faces.alignment import MARGIN
from dcgan.settings import Compute, Number, Settings, path, setting
from dcgan.training.recipe import Recipe

COUNT = Number(int, low=1)
KINDS = ("samples", "interpolate", "sweep", "arithmetic", "neighbours")


@dataclass(frozen=True)
class Data(Settings):
    """The training pictures."""

    dataset: str = setting("lfw-aligned-64", "folder of pictures, searched recursively", path)
    train_size: int = setting(None, "use only the first N pictures", COUNT, metavar="N")
    cache: str = setting(
        None, "file that keeps the decoded pictures, so that each is decoded only once (default: "
        "pictures.cache in --checkpoint_dir)", path, metavar="FILE")
    crop: bool = setting(True, "cut the centre square of a picture before it is resized")
    margin: float = setting(
        None, "the --margin of align.py, which complete.py --align then uses too (default: read "
        "from align.py's record in --dataset)", MARGIN)
    flip: bool = setting(False, "mirror half of the pictures, a different half in each epoch")


@dataclass(frozen=True)
class Steps(Settings):
    """The training steps."""

    epoch: int = setting(25, "epochs to train", COUNT)
    max_steps: int = setting(
        None, "stop after this many steps in total, even before the last epoch", COUNT, metavar="N")
    learning_rate: float = setting(
        0.0002, "Adam's learning rate, for both networks", Number(float, above=0))
    beta1: float = setting(
        0.5, "decay rate of Adam's first moment", Number(float, 0, 0.9999))
    ema: float = setting(
        0.0, "also keep a moving average of G's weights, with this decay per step, such as 0.995, "
        "and use it for samples and completions, which become steadier (default: 0, none)",
        Number(float, 0, 0.99999), metavar="DECAY")
    batch_size: int = setting(64, "pictures per step", COUNT)
    seed: int = setting(
        0, "seed of the initial weights, z and the order of the pictures",
        Number(int, 0, 2**31 - 1))


@dataclass(frozen=True)
class Devices(Settings):
    """One device or many."""

    strategy: str = setting(
        "auto", "devices to train on: auto uses every GPU of this machine, multiworker the cluster "
        "that TF_CONFIG describes (docs/scaling.md). They share the pictures of --batch_size",
        choices=("auto", "none", "mirrored", "multiworker"))
    sync_batch_norm: bool = setting(
        False, "normalise over the whole batch, not over each device's part of it")
    deterministic: bool = setting(
        False, "make runs with the same seed equal, bit for bit (docs/resuming.md)")


@dataclass(frozen=True)
class Sizes(Settings):
    """The sizes of the networks.

    If a training starts from a checkpoint, they are read from it.
    """

    image_size: int = setting(
        None, "the network's input size (64)", int, choices=(8, 16, 32, 64, 128, 256))
    z_dim: int = setting(None, "length of z (100)", COUNT)
    gf_dim: int = setting(None, "base width of G (64)", COUNT)
    df_dim: int = setting(None, "base width of D (64)", COUNT)
    c_dim: int = setting(None, "1 for grey, 3 for RGB (3)", int, choices=(1, 3))


@dataclass(frozen=True)
class Saving(Settings):
    """Checkpoints."""

    checkpoint_dir: str = setting(
        "checkpoint", "folder of the checkpoints and of the run's record, run.json", path,
        aliases=("--checkpointDir",))
    resume: bool = setting(
        True, "resume from the newest intact checkpoint in --checkpoint_dir; --no-resume starts "
        "from scratch, and fails if that would overwrite anything")
    init: str = setting(
        None, "start a new training from the weights of this checkpoint, with fresh optimizers; "
        "pretrained is the face network that comes with this program", path, metavar="PATH")
    max_to_keep: int = setting(5, "checkpoints to keep", COUNT)
    save_interval: int = setting(
        500, "steps between checkpoints; the last step always saves one", COUNT, metavar="STEPS")
    save_minutes: float = setting(
        15, "longest time between checkpoints, in minutes", Number(float, above=0))


@dataclass(frozen=True)
class Validation(Settings):
    """Held-out pictures."""

    validation: str = setting(
        None, "folder of pictures that are not trained on, ideally of other people. TensorBoard "
        "shows D's accuracy on them and how well they are completed; the checkpoint with the best "
        "completions is kept in the folder best of --checkpoint_dir", path, metavar="FOLDER")
    validation_interval: int = setting(
        500, "steps between two validations", COUNT, only_with="validation", metavar="STEPS")


@dataclass(frozen=True)
class Watching(Settings):
    """Samples and TensorBoard."""

    sample_dir: str = setting("samples", "folder of the sample grids", path)
    sample_interval: int = setting(
        100, "steps between sample grids; the last step always writes one", COUNT, metavar="STEPS")
    log_dir: str = setting("logs", "folder of TensorBoard's files", path)
    summary_interval: int = setting(
        20, "steps between TensorBoard's histograms; the last step always writes them, and every "
        "step writes the losses", COUNT, metavar="STEPS")


@dataclass(frozen=True)
class TrainingSettings(Data, Steps, Recipe, Compute, Devices, Sizes, Saving, Validation,
                       Watching):
    """All the settings of a training."""


@dataclass(frozen=True)
class Latent(Settings):
    """Use a trained network instead of training.

    The network is the newest checkpoint in --checkpoint_dir, which may also be one checkpoint
    without its suffix, or pretrained. If the default folder has no checkpoint, --visualize and
    --export use the pretrained network.
    """

    visualize: str = setting(
        None, "write pictures of the latent space to --sample_dir. samples: generated pictures; "
        "interpolate: walks between z; sweep: one coordinate of z from -1 to 1; arithmetic: sums "
        "and differences of the z of pictures; neighbours: the pictures of --dataset that are "
        "nearest to samples", choices=KINDS)
    coordinate: int = setting(
        None, "with --visualize sweep: index of the coordinate of z to vary (default: the one that "
        "changes the pictures most)", Number(int, low=0),
        only_with="visualize=sweep", metavar="K")
    positive: tuple = setting(
        None, "with --visualize arithmetic: groups of pictures (files or folders) whose mean z are "
        "added", path,
        only_with="visualize=arithmetic", nargs="+", metavar="GROUP")
    negative: tuple = setting(
        None, "with --visualize arithmetic: groups of pictures whose mean z are subtracted", path,
        only_with="visualize=arithmetic", nargs="+", metavar="GROUP")
    components: int = setting(
        None, "fit a linear model with K principal components to the pictures of --dataset, for "
        "complete.py --gaussian, and write it to the folder of the checkpoint, as gaussian.npz; "
        "with --flip, fit their mirror images too",
        Number(int, low=1), metavar="K")
    export: str = setting(
        None, "write only the weights, in half precision and in the format of the original's "
        "checkpoints; FILE has no suffix", path, metavar="FILE")
