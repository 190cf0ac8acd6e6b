#!/usr/bin/env python3
"""Complete the missing part of pictures with a trained DCGAN."""

from argparse import BooleanOptionalAction

import utils
from utils import UserError, number

# Measured on shared/reference-checkpoint; see docs/search.md. The article's momentum rate is 0.01.
DEFAULT_LR = {"momentum": 0.0001, "adam": 0.01, "hmc": None}


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
    search.add_argument("--approach", choices=tuple(DEFAULT_LR), default="momentum",
                        help="gradient descent with Nesterov momentum, Adam, or Hamiltonian "
                             "Monte Carlo")
    search.add_argument("--nIter", type=number(int, low=0), default=1000, help="iterations")
    search.add_argument("--outInterval", type=count, default=50,
                        help="iterations between pictures of the search")
    search.add_argument("--lr", type=number(float, above=0),
                        help="step size (0.0001 for momentum, where the article has 0.01; "
                             "0.01 for adam)")
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
    config = parser.parse_args(argv)
    if config.lr is None:
        config.lr = DEFAULT_LR[config.approach]
    return config


def main(argv=None):
    config = parse_args(argv)
    utils.import_tensorflow()
    from model import DCGAN

    model = DCGAN.from_checkpoint(
        config.checkpointDir, batch_size=config.batchSize, lam=config.lam, seed=config.seed)
    if config.imgSize not in (None, model.image_size):
        raise UserError(f"--imgSize {config.imgSize}: the checkpoint in {config.checkpointDir} is "
                        f"for {model.image_size}; leave the flag out")
    model.complete(config)


if __name__ == "__main__":
    utils.run(main, "complete.py")
