"""What is done with a trained network instead of training."""

from dataclasses import dataclass

from settings.kinds import Number, path
from settings.setting import Settings, setting

KINDS = ("samples", "interpolate", "sweep", "arithmetic", "neighbours")


@dataclass(frozen=True)
class Latent(Settings):
    """What is done with a trained network instead of training."""

    visualize: str = setting(
        None, "write pictures of the latent space to --sample_dir: samples; walks between z "
        "(interpolate); one coordinate of z that goes from -1 to 1 (sweep); arithmetic with the z "
        "of pictures; the nearest neighbours of samples in --dataset", choices=KINDS)
    coordinate: int = setting(
        None, "of sweep: which (the one that changes the pictures most)", Number(int, low=0),
        metavar="K")
    positive: tuple = setting(
        None, "of arithmetic: pictures, or folders of them, whose mean z are added", path,
        nargs="+", metavar="GROUP")
    negative: tuple = setting(
        None, "of arithmetic: those whose mean z are subtracted", path, nargs="+",
        metavar="GROUP")
    export: str = setting(
        None, "write the weights alone, in half precision and under the names of the original's "
        "checkpoints; FILE is without suffix", path, metavar="FILE")
