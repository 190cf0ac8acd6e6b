"""What a training may do beyond the article's recipe: the settings and their flags.

The defaults are the article's, and change nothing.
"""

import math
from dataclasses import dataclass, fields

from cli.flags import number
from settings.choices import help_of
from training.augment import POLICIES

# The learning rate as a share of the first one, by how much of the training is done, 0 to 1.
SCHEDULES = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1 - done,
    # Half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983).
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
}


@dataclass(frozen=True)
class Recipe:
    """Settings of a training, with the names of train-dcgan.py's flags."""

    diffaug: tuple = ()  # of `augment.POLICIES`
    label_smoothing: float = 0.0
    r1: float = 0.0
    r1_interval: int = 16
    lr_schedule: str = "constant"

    @classmethod
    def of(cls, config):
        """That of flags."""
        recipe = {field.name: getattr(config, field.name) for field in fields(cls)}
        return cls(**recipe | {"diffaug": tuple(p for p in POLICIES if p in recipe["diffaug"])})

    @property
    def real_label(self):
        """What D is to call real images."""
        return 1.0 - self.label_smoothing

    def learning_rate(self, first, step, steps):
        """The learning rate of a step.

        Args:
            first: the learning rate that training begins with.
            step: steps that were taken before.
            steps: how many the training takes in all.
        """
        return first * SCHEDULES[self.lr_schedule](step / steps)

    def penalises(self, step):
        """Whether the step, counted from 0, has an R1 penalty."""
        return self.r1 > 0 and step % self.r1_interval == 0

    @property
    def r1_weight(self):
        """What the penalty, a half of D's mean squared gradient, is multiplied by where a step has
        one: it stands for the steps that have none too."""
        return self.r1 * self.r1_interval


def add_flags(parser):
    """The flags that make a `Recipe`."""
    default = Recipe()
    parser.add_argument("--diffaug", nargs="+", choices=tuple(POLICIES), default=[],
                        metavar="POLICY",
                        help="change at random what D sees, real and generated images alike, so "
                             f"that it cannot learn the pictures by heart. {help_of(POLICIES)}")
    parser.add_argument("--label_smoothing", type=number(float, low=0, high=0.499), metavar="S",
                        default=default.label_smoothing,
                        help="D is to call real images real with a probability of 1 - S only")
    parser.add_argument("--r1", type=number(float, low=0), default=default.r1, metavar="GAMMA",
                        help="penalise the gradient of D at real images: GAMMA/2 of its mean "
                             "squared length are added to D's loss")
    parser.add_argument("--r1_interval", type=number(int, low=1), default=default.r1_interval,
                        metavar="STEPS",
                        help="compute that every so many steps only, and weigh it as much more")
    parser.add_argument("--lr_schedule", choices=tuple(SCHEDULES), default=default.lr_schedule,
                        help="linear and cosine bring the learning rate down to 0 at the last step "
                             "that --epoch and --max_steps allow")


def refuse_nonsense(config, parser):
    """Stop at flags that would do nothing, or cannot be computed."""
    if config.r1_interval != Recipe.r1_interval and not config.r1:
        parser.error(f"--r1_interval {config.r1_interval}: is of --r1; add that")
    if config.r1 and config.precision == "float16":
        parser.error(f"--r1 {config.r1}: its second derivatives are lost in float16; take "
                     "--precision bfloat16 or float32")
    if config.r1 and config.sync_batch_norm:  # its moments have no second derivative (TensorFlow's)
        parser.error(f"--r1 {config.r1}: cannot be computed with --sync_batch_norm; leave out one "
                     "of them")
