#!/usr/bin/env python3
"""Complete the missing part of pictures with a trained DCGAN."""

from argparse import BooleanOptionalAction

import utils
from utils import UserError, number

# Measured on shared/reference-checkpoint; see docs/search.md. The article's momentum rate is 0.01.
DEFAULT_LR = {"momentum": 0.0001, "adam": 0.01, "hmc": None}

# What each preset changes; measured in docs/search.md. A flag beside it has the last word.
PRESETS = {
    "article": {"approach": "momentum", "lr": 0.01, "momentum": 0.9, "nIter": 1000, "lam": 0.1,
                "nInit": 1, "schedule": "constant", "tol": 0.0, "keepBest": False,
                "precision": "float32"},
    "fast": {"approach": "adam", "lr": 0.05, "nIter": 20, "nInit": 512, "initBy": "regression",
             "schedule": "cosine", "precision": "bfloat16"},
    "best": {"approach": "adam", "lr": 0.03, "nIter": 150, "nInit": 2048, "initBy": "regression",
             "schedule": "cosine"},
}


def preset_help(name):
    """What a preset sets, for `--help`."""
    return f"{name}: " + " ".join(
        f"--{flag} {value}" if not isinstance(value, bool) else f"--{'' if value else 'no-'}{flag}"
        for flag, value in PRESETS[name].items())


def parse_args(argv=None):
    parser = utils.Parser(prog="complete.py", description=__doc__)
    count = number(int, low=1)
    share = number(float, low=0, high=0.999999)
    parser.add_argument("imgs", nargs="+", help="pictures, or folders of them")
    parser.add_argument("--checkpointDir", "--checkpoint_dir", default="checkpoint",
                        help="folder of checkpoints, or one checkpoint without its suffix")
    parser.add_argument("--outDir", default="completions", help="where the results go")
    parser.add_argument("--imgSize", type=int,
                        help="edge of the network's pictures; the checkpoint knows it")
    parser.add_argument("--batchSize", "--batch_size", type=count, default=64,
                        help="pictures per search")
    parser.add_argument("--crop", action=BooleanOptionalAction, default=True,
                        help="cut the centre square of a picture before it is resized")
    parser.add_argument("--seed", type=number(int, low=0, high=2**31 - 1), default=0,
                        help="of z, of random masks and of hmc")

    mask = parser.add_argument_group("what is missing")
    mask.add_argument("--maskType", choices=tuple(utils.MASKS), default="center",
                      help="; ".join(f"{name}: {utils.mask_help(name)}" for name in utils.MASKS))
    mask.add_argument("--centerScale", type=number(float, low=0, high=0.5), default=0.25,
                      help="where the center mask begins, as a share of the edge")

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
    search.add_argument("--tol", type=number(float, low=0, high=0.999999), default=0.0,
                        help="stop the search for a picture when 20 iterations have not lowered "
                             "its loss by this share; 0: never")
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
    search.add_argument("--lam", type=number(float, low=0), default=0.1,
                        help="weight of the perceptual loss")
    machine = parser.add_argument_group("the machine")
    utils.add_machine_flags(machine)
    preset = PRESETS.get(parser.parse_known_args(argv)[0].preset, {})
    if not utils.has_bfloat16():  # it would be slower than float32
        preset = {flag: value for flag, value in preset.items() if value != "bfloat16"}
    parser.set_defaults(**{flag: value for flag, value in preset.items() if flag != "lr"})
    config = parser.parse_args(argv)
    if config.lr is None:  # a preset's is of the preset's approach
        same = config.approach == preset.get("approach")
        config.lr = preset["lr"] if same else DEFAULT_LR[config.approach]
    return config


def main(argv=None):
    config = parse_args(argv)
    utils.import_tensorflow()
    from model import DCGAN

    model = DCGAN.from_checkpoint(
        config.checkpointDir, batch_size=config.batchSize, lam=config.lam, seed=config.seed,
        precision=config.precision, jit=config.jit)
    if config.imgSize not in (None, model.image_size):
        raise UserError(f"--imgSize {config.imgSize}: the checkpoint in {config.checkpointDir} is "
                        f"for {model.image_size}; leave the flag out")
    model.complete(config)


if __name__ == "__main__":
    utils.run(main, "complete.py")
