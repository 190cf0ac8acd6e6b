#!/usr/bin/env python3
"""Train a DCGAN on a folder of pictures."""

import cli.environment  # noqa: F401  (first: it says so where packages are missing)

# isort: split
import os
from argparse import BooleanOptionalAction

from cli import flags, running
from cli.flags import number
from machine import importing
from training import recipe
from training.visualize import KINDS, visualize

OF_KIND = {"coordinate": "sweep", "positive": "arithmetic", "negative": "arithmetic"}


def parse_args(argv=None):
    parser = flags.Parser(prog="train-dcgan.py", description=__doc__)
    count = number(int, low=1)
    parser.add_argument("--dataset", type=flags.path, default="lfw-aligned-64",
                        help="folder of pictures, searched recursively")
    parser.add_argument("--epoch", type=count, default=25, help="epochs to train")
    parser.add_argument("--max_steps", type=count, metavar="N",
                        help="stop after this many steps in all, whatever the epoch")
    parser.add_argument("--train_size", type=count, metavar="N",
                        help="use only the first N pictures")
    parser.add_argument("--cache", type=flags.path, metavar="FILE",
                        help="keeps the pictures decoded, so that each is decoded once "
                             "(pictures.cache in the --checkpoint_dir)")
    parser.add_argument("--no-cache", dest="cache", action="store_const", const="",
                        help="decode them in each epoch")
    parser.add_argument("--crop", action=BooleanOptionalAction, default=True,
                        help="cut the centre square of a picture before it is resized")
    parser.add_argument("--flip", action=BooleanOptionalAction, default=False,
                        help="mirror half of the pictures, others in each epoch")

    parser.add_argument("--learning_rate", type=number(float, above=0), default=0.0002,
                        help="of Adam, for both networks")
    parser.add_argument("--beta1", type=number(float, low=0, high=0.9999), default=0.5,
                        help="momentum of Adam")
    parser.add_argument("--ema", type=number(float, low=0, high=0.99999), default=0.0,
                        metavar="DECAY",
                        help="keep a moving average of G's weights too, 0.99 of it at each step, "
                             "say; samples and completions are then the average's, which is much "
                             "steadier (0: none, as the article)")
    parser.add_argument("--batch_size", type=count, default=64, help="pictures per step")
    parser.add_argument("--seed", type=number(int, low=0, high=2**31 - 1), default=0,
                        help="of the weights, z and the order of the pictures")

    recipe.add_flags(parser.add_argument_group(
        "beyond the article's recipe", "docs/training.md has what they are good for"))
    machine = parser.add_argument_group("the machine")
    flags.add_machine_flags(machine)
    machine.add_argument("--strategy", choices=("auto", "none", "mirrored", "multiworker"),
                         default="auto",
                         help="auto uses every GPU of this machine, multiworker the cluster that "
                              "TF_CONFIG describes (docs/scaling.md); --batch_size is what all of "
                              "them share")
    machine.add_argument("--sync_batch_norm", action=BooleanOptionalAction, default=False,
                         help="normalise over the whole batch, not over each device's part of it")
    machine.add_argument("--deterministic", action=BooleanOptionalAction, default=False,
                         help="make every run with the same seed bitwise the same "
                              "(docs/training.md has what that costs)")

    sizes = parser.add_argument_group(
        "sizes of the networks", "read from the checkpoint where training starts from one")
    sizes.add_argument("--image_size", type=int, choices=(8, 16, 32, 64, 128, 256),
                       help="edge of the pictures (64)")
    sizes.add_argument("--z_dim", type=count, help="length of z (100)")
    sizes.add_argument("--gf_dim", type=count, help="base width of G (64)")
    sizes.add_argument("--df_dim", type=count, help="base width of D (64)")
    sizes.add_argument("--c_dim", type=int, choices=(1, 3), help="1 for grey, 3 for RGB (3)")

    parser.add_argument("--checkpoint_dir", "--checkpointDir", type=flags.path,
                        default="checkpoint",
                        help="where checkpoints and the record of the run, run.json, go")
    parser.add_argument("--resume", action=BooleanOptionalAction, default=True,
                        help="go on from the newest whole checkpoint in there; --no-resume starts "
                             "anew, and refuses to if anything could be overwritten")
    parser.add_argument("--init", type=flags.path, metavar="DIR",
                        help="start from the weights of this checkpoint, with fresh optimizers; "
                             "pretrained is the face network that comes with this program")
    parser.add_argument("--max_to_keep", type=count, default=5, help="checkpoints to keep")
    parser.add_argument("--save_interval", type=count, default=500, metavar="STEPS",
                        help="steps between checkpoints; there is one at the end in any case")
    parser.add_argument("--save_minutes", type=number(float, above=0), default=15,
                        help="minutes after which there is a checkpoint at the latest")
    parser.add_argument("--validation", type=flags.path, metavar="FOLDER",
                        help="pictures to leave out of training, of other people, say: TensorBoard "
                             "shows what D says of them, beside pictures of the training, and how "
                             "well they are completed; and the checkpoint that completes them best "
                             "is kept in the folder best of the --checkpoint_dir")
    parser.add_argument("--validation_interval", type=count, default=500, metavar="STEPS",
                        help="steps between those looks at them")
    parser.add_argument("--sample_dir", type=flags.path, default="samples",
                        help="where the sample grids go")
    parser.add_argument("--sample_interval", type=count, default=100, metavar="STEPS",
                        help="steps between sample grids; there is one at the end in any case")
    parser.add_argument("--log_dir", type=flags.path, default="logs",
                        help="where TensorBoard's files go")
    parser.add_argument("--summary_interval", type=count, default=20, metavar="STEPS",
                        help="steps between TensorBoard's histograms; losses are of every step")

    trained = parser.add_argument_group(
        "instead of training", "of the newest checkpoint in --checkpoint_dir, which may be one "
        "checkpoint without its suffix, or pretrained, as it is where there is none")
    trained.add_argument("--visualize", choices=tuple(KINDS),
                         help="write pictures of the latent space to --sample_dir: samples; walks "
                              "between z (interpolate); one coordinate of z that goes from -1 to "
                              "1 (sweep); arithmetic with the z of pictures; the nearest "
                              "neighbours of samples in --dataset")
    trained.add_argument("--coordinate", type=number(int, low=0), metavar="K",
                         help="of sweep: which (the one that changes the pictures most)")
    trained.add_argument("--positive", type=flags.path, nargs="+", metavar="GROUP",
                         help="of arithmetic: pictures, or folders of them, whose mean z are added")
    trained.add_argument("--negative", type=flags.path, nargs="+", metavar="GROUP",
                         help="of arithmetic: those whose mean z are subtracted")
    trained.add_argument("--export", type=flags.path, metavar="FILE",
                         help="write the weights alone, in half precision and under the names of "
                              "the original's checkpoints; FILE is without suffix")
    config = parser.parse_args(argv)
    for flag, kind in OF_KIND.items():
        if getattr(config, flag) is not None and config.visualize != kind:
            parser.error(f"--{flag}: is of --visualize {kind}; add that")
    if config.visualize == "arithmetic" and not config.positive:
        parser.error("--visualize arithmetic: wants folders of pictures, as in --positive "
                     "smiling_women men --negative women")
    trained = [flag for flag in ("visualize", "export") if getattr(config, flag) is not None]
    if len(trained) > 1:
        parser.error("--export and --visualize: leave out one of them")
    if trained and config.init is not None:
        parser.error(f"--init {config.init}: is of training; with --{trained[0]}, name it as "
                     "--checkpoint_dir")
    recipe.refuse_nonsense(config, parser)
    if config.validation is None and config.validation_interval != parser.get_default(
            "validation_interval"):
        parser.error(f"--validation_interval {config.validation_interval}: is of --validation; "
                     "add that")
    if config.cache is None:
        config.cache = os.path.join(config.checkpoint_dir, "pictures.cache")
    return config


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow(config.tf32, config.deterministic)
    from model import DCGAN
    from training import checkpoints
    from training.cluster import naming_failures

    if config.export is not None:
        checkpoints.require_new_name(config.export)
    if config.visualize or config.export:
        model = DCGAN.from_checkpoint(
            checkpoints.or_pretrained(config.checkpoint_dir), batch_size=config.batch_size,
            seed=config.seed, precision=config.precision, jit=config.jit)
        if config.visualize:
            visualize(model, config)
        else:
            model.export(config.export)
            print(f"weights: {config.export}.index and {config.export}.data-00000-of-00001")
        return
    with naming_failures(config.strategy):
        DCGAN.for_training(config).train(config)


if __name__ == "__main__":
    running.run(main, "train-dcgan.py")
