"""Flags among the pictures: `a.jpg --outDir out b.jpg`."""

import argparse
import sys


class IntermixedParser(argparse.ArgumentParser):
    """argparse that takes flags between the values of an argument."""

    def parse_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else args
        subcommands = any(action.nargs == argparse.PARSER for action in self._actions)
        if subcommands or "--" in args:  # Python's own does not know these
            return super().parse_args(args, namespace)
        return self.parse_intermixed_args(args, namespace)
