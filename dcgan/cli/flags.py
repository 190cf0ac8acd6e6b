"""The scripts' flags: their types, their help, their errors."""

import argparse
import dataclasses
import difflib
import inspect
import os
import re
import sys

from dcgan.machine import versions
from dcgan.settings import Number, idle, path


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows the defaults, except those in the text, and of switches and lists that are empty."""

    def _get_help_string(self, action):
        shown = action.default not in (None, []) and action.default is not False
        return super()._get_help_string(action) if shown and "(0: " not in action.help else (
            action.help)


def one_of(names):
    """`a, b or c`."""
    *most, last = map(str, names)
    return f"{', '.join(most)} or {last}" if most else last


def meant(text, names):
    """`; did you mean b?`, or nothing if none of the names is close."""
    close = difflib.get_close_matches(str(text), list(map(str, names)), 1)
    return f"; did you mean {close[0]}?" if close else ""


class _Version(argparse.Action):
    """Ends the script with what a report of a fault should name; nothing is read before."""

    def __call__(self, parser, *_):
        print(versions.described())
        parser.exit()


class Parser(argparse.ArgumentParser):
    """argparse that shows every default, puts an error on one line, led by its flag, and takes
    flags between the values of an argument: `a.jpg --outDir out b.jpg`."""

    def __init__(self, **kwargs):
        super().__init__(formatter_class=HelpFormatter, **kwargs)
        self.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS,
                          help="versions and CPU, for a report, and exit")

    def parse_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else args
        subcommands = any(action.nargs == argparse.PARSER for action in self._actions)
        if subcommands or "--" in args:  # Python's own does not know these
            return super().parse_args(args, namespace)
        return self.parse_intermixed_args(args, namespace)

    def parse_known_args(self, args=None, namespace=None):
        # A caller in Python may hand over paths of pathlib.
        return super().parse_known_args(args and list(map(os.fsdecode, args)), namespace)

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, f"{value}: must be {one_of(action.choices)}"
                                         + meant(value, action.choices))

    def error(self, message):
        message = re.sub(r"^argument ([^:]*): expected", r"\1: expected", message)
        message = re.sub(r"^argument ([^:]*): ", r"\1 ", message)
        message = re.sub(r"^the following arguments are required: (.*)",
                         rf"\1: missing; {self.prog} --help shows the usage", message)
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown:
            flag = unknown[1].partition("=")[0]
            message = f"{flag}: no such {'flag' if flag.startswith('-') else 'argument'}" + (
                meant(flag, self._option_string_actions)
                or f"; {self.prog} --help lists all")
        self.exit(2, f"{self.prog}: error: {message}\n")


def add_settings(parser, kind, *names):
    """Make flags of a dataclass's fields.

    Args:
        parser: the parser, or a group of it.
        kind: a `settings.Settings`.
        *names: of the fields; none for all of them.
    """
    for field in dataclasses.fields(kind):
        if names and field.name not in names:
            continue
        flag = dict(field.metadata)
        of_text, choices, _ = map(flag.pop, ("kind", "choices", "of"))
        spellings = [f"--{field.name}", *flag.pop("aliases", ())]
        if flag.pop("positional", False):
            spellings = [field.name]
        elif isinstance(of_text, Number) and not choices:
            flag.setdefault("metavar", "N" if of_text.kind is int else "X")
        elif of_text is path:
            flag.setdefault("metavar", "PATH")
        if of_text is None and choices is None:
            flag["action"] = argparse.BooleanOptionalAction
        else:
            flag |= {"type": of_text, "choices": choices}
        several = isinstance(field.default, tuple)
        parser.add_argument(
            *spellings, default=list(field.default) if several else field.default, **flag)


def add_groups(parser, *kinds):
    """`add_settings` of dataclasses, under their docstrings' words where Python keeps these."""
    for kind in kinds:
        title, _, text = inspect.cleandoc(kind.__doc__ or kind.__name__).partition("\n\n")
        title = f"{title[0].lower()}{title[1:]}".rstrip(".")
        add_settings(parser.add_argument_group(title, text or None), kind)


class _Given:
    """Has a value of every name, so that argparse adds no default."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)


def given_flags(parser, argv):
    """The flags that stand on the command line, without the defaults, as a dict of settings."""
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in vars(parser.parse_args(argv, _Given())).items()}


def refuse_contradictions(settings, given, groups, parser):
    """Stop at flags that contradict each other, or do nothing.

    Args:
        settings: all settings, as a dataclass.
        given: the flags that stand on the command line.
        groups: tuples of flags of which only one may be given.
        parser: the parser, whose error it is.
    """
    for group in groups:
        several = [f"--{name}" for name in given if name in group]
        if len(several) > 1:
            parser.error(f"{' and '.join(several[:2])}: cannot be combined; drop one of them")
    for name, others in idle(settings).items():
        value = getattr(settings, name)
        value = " ".join(value) if isinstance(value, tuple) else value
        needed = one_of(f"--{other}".replace("=", " ") for other in others)
        parser.error(f"--{name} {value}: works only with {needed}; add "
                     f"{needed if len(others) == 1 else 'one of them'} or drop --{name}")
