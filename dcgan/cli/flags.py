"""The scripts' flags: their types, their help, their errors."""

import argparse
import dataclasses
import difflib
import inspect
import os
import re
import sys

from dcgan.machine import versions
from dcgan.messages import warn
from dcgan.settings import Number, idle, names_of, path, typed


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Adds its default to each flag's help, unless the default is None, False or an empty list, or
    the help names it."""

    def _get_help_string(self, action):
        if action.default in (None, []) or action.default is False or "(default: 0" in action.help:
            # The switches of Python 3.11 and 3.12 add it themselves.
            return action.help.replace(" (default: %(default)s)", "")
        return super()._get_help_string(action)


def one_of(names):
    """`a, b or c`."""
    *most, last = map(str, names)
    return f"{', '.join(most)} or {last}" if most else last


def meant(text, names):
    """`; did you mean b?`, or an empty string if none of the names is close."""
    text, names = str(text), [*map(str, names)]
    close = [] if text.isdecimal() else difflib.get_close_matches(text, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


class _Version(argparse.Action):
    """Prints the versions and the CPU for a bug report, and ends the script before it reads
    anything."""

    def __call__(self, parser, *_):
        print(versions.described())
        parser.exit()


class Parser(argparse.ArgumentParser):
    """argparse that shows the defaults, accepts flags between the values of an argument
    (`a.jpg --outDir out b.jpg`), and writes an error on one line: the flag, its value, the
    problem, the remedy."""

    def __init__(self, **kwargs):
        super().__init__(formatter_class=HelpFormatter, **kwargs)
        self.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS,
                          help="print the versions and the CPU, for a bug report, and exit")

    def parse_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else args
        subcommands = any(action.nargs == argparse.PARSER for action in self._actions)
        if subcommands or "--" in args:  # which `parse_intermixed_args` does not support
            return super().parse_args(args, namespace)
        return self.parse_intermixed_args(args, namespace)

    def parse_known_args(self, args=None, namespace=None):
        # Python code may pass `pathlib.Path`s.
        return super().parse_known_args(args and list(map(os.fsdecode, args)), namespace)

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, f"{value}: must be {one_of(action.choices)}"
                                         + meant(value, action.choices))

    def error(self, message):
        for pattern, rewrite in _REWRITTEN:
            if match := re.match(pattern, message, re.DOTALL):
                message = rewrite(self, *match.groups())
                break
        self.exit(2, f"{self.prog}: error: {message}\n")

    def _not_whole(self, flag, value):
        choices = self._option_string_actions[flag].choices
        return f"{flag} {value}: must be {one_of(choices) if choices else 'a whole number'}"

    def _unknown(self, word):
        if not word.startswith("-"):
            return f"{word}: unexpected argument; {self.prog} --help shows the usage"
        flag = word.partition("=")[0]
        remedy = meant(flag, self._option_string_actions) or f"; {self.prog} --help lists all"
        return f"{flag}: no such flag{remedy}"


# Patterns of argparse's messages, and for each the function that writes our message instead. Its
# arguments are the parser and the pattern's groups. Our messages name a flag by its first spelling.
_REWRITTEN = (
    (r"argument ([^:/]*)[^:]*: expected (.*)", lambda parser, flag, count: (
        f"{flag}: needs {count.replace('argument', 'value')}")),
    (r"argument ([^:/]*)[^:]*: invalid int value: '(.*)'", Parser._not_whole),
    (r"argument ([^:/]*)([^:]*): ignored explicit argument .(.*).$",
     lambda parser, flag, others, value: (
         f"{flag} {value}: takes no value; write {one_of([flag, *others.split('/')[1:]])}")),
    (r"argument ([^:/]*)[^:]*: (.*)", lambda parser, flag, problem: f"{flag} {problem}"),
    (r"the following arguments are required: (.*)", lambda parser, names: (
        f"{names}: missing; {parser.prog} --help shows the usage")),
    (r"unrecognized arguments: (\S+)", Parser._unknown),
    (r"ambiguous option: (\S+) could match (.*)", lambda parser, flag, names: (
        f"{flag}: may mean {one_of(names.split(', '))}; write the flag in full")),
)


def add_settings(parser, kind, *names):
    """Make flags from a dataclass's fields.

    Args:
        parser: the parser, or one of its groups.
        kind: the dataclass, a subclass of `settings.Settings`.
        *names: names of fields; if none are given, all fields.
    """
    for field in dataclasses.fields(kind):
        if names and field.name not in names:
            continue
        flag = dict(field.metadata)
        of_text, choices, _ = map(flag.pop, ("kind", "choices", "only_with"))
        flag.pop("published", None)
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


def add_groups(parser, *kinds, first=(), last=()):
    """Make flags from dataclasses, a group of flags for each. The group's title is the first line
    of the docstring; `python -OO` removes docstrings, so it is then the name.

    Args:
        parser: the parser.
        *kinds: the dataclasses, subclasses of `settings.Settings`.
        first: names of the fields that are used most; their group comes before all others.
        last: names of the fields that only experts use; their group comes after all others.

    Returns:
        `{kind: argparse's group}`.
    """
    def add(title, text, names):
        group = parser.add_argument_group(title, text or None)
        for name in names:
            add_settings(group, next(kind for kind in kinds if name in names_of(kind)), name)
        return group

    groups = {}
    if first:
        add("used most", None, first)
    for kind in kinds:
        title, _, text = inspect.cleandoc(kind.__doc__ or kind.__name__).partition("\n\n")
        names = [name for name in names_of(kind) if name not in {*first, *last}]
        if names:
            groups[kind] = add(f"{title[0].lower()}{title[1:]}".rstrip("."), text, names)
    if last:
        add("for experts", None, last)
    return groups


class _Given:
    """Has an attribute of every name, so that argparse sets no default."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)


def given_flags(parser, argv):
    """`{name: value}` of the flags that are given on the command line."""
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in vars(parser.parse_args(argv, _Given())).items()}


def refuse_contradictions(settings, given, groups, parser):
    """End the script if flags contradict each other or have no effect; print a warning if a flag of
    the original code has no effect, because the original code accepted it.

    Args:
        settings: all settings, as a dataclass.
        given: the flags that are given on the command line.
        groups: tuples of flags of which only one may be given.
        parser: the parser, which reports the error.
    """
    for group in groups:
        several = [typed(name, value).partition(" ")[0]
                   for name, value in given.items() if name in group]
        if len(several) > 1:
            parser.error(f"{' and '.join(several[:2])}: cannot be combined; drop one of them")
    published = [field.name for field in dataclasses.fields(settings)
                 if field.metadata.get("published")]
    for name, others in idle(settings).items():
        flag = typed(name, getattr(settings, name))
        needed = one_of(f"--{other}".replace("=", " ") for other in others)
        if name in published:
            warn(None, f"{flag}: has no effect, because it works only with {needed}")
            continue
        parser.error(f"{flag}: works only with {needed}; add "
                     f"{needed if len(others) == 1 else 'one of them'} or drop "
                     f"{flag.partition(' ')[0]}")
