"""The scripts' flags: their types, their help, their errors."""

import argparse
import os
import re

from cli.intermixed import IntermixedParser


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults, but not those that stand in the text or are none."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


class Parser(IntermixedParser):
    """argparse that shows every default and puts an error on one line, led by its flag."""

    def __init__(self, **kwargs):
        super().__init__(formatter_class=HelpFormatter, **kwargs)

    def error(self, message):
        message = re.sub(r"^argument ([^:]*): ", r"\1 ", message)
        self.exit(2, f"{self.prog}: error: {message}\n")


def path(text):
    """An argparse type: a file or folder, `~` the home folder, which shells leave in --flag=~/x."""
    return os.path.expanduser(text)


def number(kind, low=None, high=None, above=None):
    """An argparse type: an int or float that is at least `low`, at most `high`, over `above`."""
    limits = [f"at least {low}" if low is not None else "", f"over {above}" * (above is not None),
              f"at most {high}" if high is not None else ""]
    rule = " and ".join(filter(None, limits))

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text}: must be {what}") from None
        # Written so that nan, which every comparison denies, is refused.
        if not ((low is None or value >= low) and (high is None or value <= high)
                and (above is None or value > above) and abs(value) < float("inf")):
            raise argparse.ArgumentTypeError(f"{text}: must be {rule or 'finite'}")
        return value

    return parse


def add_machine_flags(parser):
    """The flags of both scripts that say how TensorFlow computes."""
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"),
                        default="float32",
                        help="of the convolutions; weights, statistics and losses stay float32. "
                             "bfloat16 pays on GPUs and on CPUs that compute in it (avx512_bf16 "
                             "or amx_bf16 in lscpu), float16 on GPUs")
    parser.add_argument("--jit", action=argparse.BooleanOptionalAction,
                        help="compile with XLA (default: on a single GPU; on CPUs its convolutions "
                             "are several times slower)")
    parser.add_argument("--tf32", action=argparse.BooleanOptionalAction, default=True,
                        help="let GPUs multiply float32 with 10 bits of mantissa, several times "
                             "faster")
