"""What a training may do beyond the article's recipe. The defaults are the article's, and change
nothing."""

import math
from dataclasses import dataclass

from dcgan.settings import Number, Settings, help_of, setting
from dcgan.training.augment import POLICIES

# The learning rate as a share of the first one, by how much of the training is done, 0 to 1.
SCHEDULES = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1 - done,
    # Half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983).
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
}


@dataclass(frozen=True)
class Recipe(Settings):
    """Additions to the article's recipe (docs/training.md)."""

    diffaug: tuple = setting(
        (), "randomly change the real and generated images that D sees, so that D overfits later. "
        f"{help_of(POLICIES)}", choices=tuple(POLICIES), nargs="+",
        metavar="POLICY")
    label_smoothing: float = setting(
        0.0, "use 1 - S instead of 1 as D's label for real images",
        Number(float, 0, 0.499), metavar="S")
    r1: float = setting(
        0.0, "penalise the gradient of D at real images: add GAMMA/2 times its mean squared length "
        "to D's loss", Number(float, low=0), metavar="GAMMA")
    r1_interval: int = setting(
        16, "steps between penalties of --r1, which are multiplied by this number",
        Number(int, low=1), only_with="r1", metavar="STEPS")
    lr_schedule: str = setting(
        "constant", "how the learning rate changes: linear and cosine reduce it to 0 at the last "
        "step of --epoch and --max_steps", choices=tuple(SCHEDULES))

    @property
    def policies(self):
        """The policies of `diffaug` in their own order, each once."""
        return tuple(policy for policy in POLICIES if policy in self.diffaug)

    @property
    def real_label(self):
        """What D is to call real images."""
        return 1.0 - self.label_smoothing

    def rate_at(self, first, step, steps):
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
