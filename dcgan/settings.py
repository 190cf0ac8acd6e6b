"""Settings as small frozen dataclasses, which define each default and its explanation once.

A dataclass holds the settings of one concern; each field is named like the flag that sets it. The
scripts make their flags from the fields (`cli.flags`), with the docstring's first line as the title
of their group in `--help`; `run.json` and `latents.npz` record the fields. A function that depends
on several concerns takes a dataclass that inherits from all of them.

The `kind` of a setting converts the text of its flag to the value; argparse calls it and prints its
errors. A value that comes from Python is not converted. `Settings` checks it by the same rules.
"""

import argparse
import dataclasses
import numbers
import os
import re
from dataclasses import dataclass


class SettingError(ValueError):
    """A setting has an invalid value; `as_flag` is the message that a script prints."""

    def __init__(self, name, value, rule):
        super().__init__(f"{name} must be {rule}. Received: {value!r}")
        self.as_flag = f"--{name} {value}: must be {rule}"


class Number:
    """A finite int or float, at least `low`, at most `high` and greater than `above`."""

    def __init__(self, kind, low=None, high=None, above=None):
        self.kind, self.low, self.high, self.above = kind, low, high, above
        limits = [f"at least {low}" if low is not None else "",
                  f"greater than {above}" * (above is not None),
                  f"at most {high}" if high is not None else ""]
        self.rule = " and ".join(filter(None, limits))
        if None not in (low, high):
            self.rule = f"between {low} and {high}"
        self.what = "a whole number" if kind is int else "a number"

    def __call__(self, text):
        try:
            value = self.kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text}: must be {self.what}") from None
        rule = self.refusal(value)
        if rule:
            raise argparse.ArgumentTypeError(f"{text}: must be {rule}")
        return value

    def refusal(self, value):
        """The rule that a value breaks, such as `at least 1`; None if it breaks none."""
        kind = numbers.Integral if self.kind is int else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return self.what
        if not abs(value) < float("inf"):  # nan, too
            return "a finite number"
        allowed = ((self.low is None or value >= self.low)
                   and (self.high is None or value <= self.high)
                   and (self.above is None or value > self.above))
        return None if allowed else self.rule

    def require(self, name, value):
        """Raise a SettingError if a value breaks a rule."""
        rule = self.refusal(value)
        if rule:
            raise SettingError(name, value, rule)


# An address such as gs://bucket/folder; `pathlib` writes it with one slash.
_ADDRESS = re.compile(r"\w[\w+.-]*://|(gs|s3|hdfs|https?):/")
LOCAL = "a file or folder of this machine (mount a bucket first, with rclone mount for example)"


PathLike = str | os.PathLike


def local_path(value):
    """A path (`str`, `bytes` or `pathlib.Path`) as a `str`.

    Raises:
        ValueError: the value is not a path, or is the address of something on another machine.
    """
    if not isinstance(value, (str, bytes, os.PathLike)) or _ADDRESS.match(os.fsdecode(value)):
        raise ValueError(f"a path must be {LOCAL}. Received: {value!r}")
    return os.fsdecode(value)


def path(text):
    """The path of a file or folder; `~` is replaced, because shells leave it in --flag=~/x."""
    try:
        return os.path.expanduser(local_path(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: must be {LOCAL}") from None


def region(text):
    """`x,y,w,h` as a tuple of ints."""
    if not re.fullmatch(r"\d+,\d+,\d*[1-9]\d*,\d*[1-9]\d*", text):
        raise argparse.ArgumentTypeError(
            f"{text}: must be x,y,w,h in pixels, w and h at least 1, such as 120,80,200,200")
    return tuple(map(int, text.split(",")))


def color(text):
    """`#rrggbb` as a tuple of three ints."""
    if not re.fullmatch(r"#?[0-9a-fA-F]{6}", text):
        raise argparse.ArgumentTypeError(f"{text}: must be a colour such as '#ffffff'")
    return tuple(bytes.fromhex(text.lstrip("#")))


class Odd(Number):
    """An odd int of 3 or more."""

    def __init__(self):
        super().__init__(int, low=3)

    def refusal(self, value):
        return super().refusal(value) or ("odd" if value % 2 == 0 else None)


def video_name(text):
    """A file name that ends in .mp4."""
    rule, keeps = RULES[video_name]
    if not keeps(text):
        raise argparse.ArgumentTypeError(f"{text}: must be {rule}")
    return text


PATHS = (path, video_name)  # the kinds of settings that are paths


def _are_whole(value, count):
    """Whether a value is a tuple of that many ints, each at least 0."""
    return (isinstance(value, tuple) and len(value) == count
            and not any(Number(int, low=0).refusal(each) for each in value))


# What values that come from Python must be, for the kinds that are functions; and whether they are.
RULES = {
    region: ("x, y, w and h in pixels, w and h at least 1",
             lambda value: _are_whole(value, 4) and min(value[2:]) >= 1),
    color: ("red, green and blue, each 0 to 255",
            lambda value: _are_whole(value, 3) and max(value) <= 255),
    video_name: ("a name that ends in .mp4, without a folder",
                 lambda value: os.path.basename(name := os.fsdecode(value)) == name
                 and name.lower().endswith(".mp4")),
}


def register(functions):
    """A decorator that adds a function to a dict, under its name."""
    def put(function):
        functions[function.__name__] = function
        return function

    return put


def help_of(functions):
    """A text for `--help` that explains each function of a dict with its docstring; with its name
    only, if `python -OO` has removed the docstrings."""
    def text(name, function):
        words = " ".join((function.__doc__ or "").split()).rstrip(".").replace("`", "")
        return f"{name}: {words[0].lower()}{words[1:]}" if words else name

    return "; ".join(text(*each) for each in functions.items())


def setting(default, help, kind=None, choices=None, only_with="", **flag):
    """A field of a `Settings`.

    Args:
        default: the default value.
        help: the explanation for `--help`.
        kind: a function from a flag's text to its value, such as `path` or a `Number`; None for
            switches, whose default is True, False or None.
        choices: the allowed values.
        only_with: names of other settings, such as `align` or `visualize=sweep`, separated by
            spaces. This setting has an effect only if one of them is set, or has that value.
        **flag: more arguments for argparse's `add_argument`, such as `metavar` or `nargs`; also
            `aliases`, other spellings of the flag; `positional`; and `published`: the original code
            ignored the flag if it had no effect, so it causes a warning instead of an error.
    """
    return dataclasses.field(default=default, metadata={
        "help": help, "kind": kind, "choices": choices, "only_with": only_with.split(), **flag})


@dataclasses.dataclass(frozen=True)
class Settings:
    """The base class of all dataclasses of settings: it checks every value.

    Raises:
        SettingError: a value is not among its field's choices, is outside its limits, or has the
            wrong type.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if hasattr(value, "tolist"):  # NumPy's numbers become Python's, and its arrays lists
                value = value.tolist()
            received = value
            value = tuple(value) if isinstance(value, list) else value
            object.__setattr__(self, field.name, value)
            several = "nargs" in field.metadata
            if several and not isinstance(value, tuple):  # or a string would be its letters
                raise SettingError(field.name, value, "a tuple")
            for each in value if several else [value]:
                rule = self._refusal(field, each)
                if rule:
                    raise SettingError(field.name, each if several else received, rule)
            if field.metadata["kind"] in PATHS:
                value = tuple(map(local_path, value)) if several else local_path(value)
                object.__setattr__(self, field.name, value)

    @staticmethod
    def _refusal(field, value):
        """The rule that a value of the field breaks; None if it breaks none."""
        choices, kind = field.metadata["choices"], field.metadata["kind"]
        if choices:
            same_type = isinstance(value, type(choices[0])) and not isinstance(value, bool)
            return None if same_type and value in choices else (
                f"one of {', '.join(map(str, choices))}")
        if isinstance(kind, Number):
            return kind.refusal(value)
        if kind in PATHS:
            try:
                local_path(value)
            except ValueError:
                return LOCAL
        if kind in RULES:
            rule, keeps = RULES[kind]
            return None if keeps(value) else rule
        if kind is None and not isinstance(value, bool):
            return "True or False"
        return None

    def flags(self):
        """`{flag: value}` of all settings, in the order of the fields."""
        return {name: getattr(self, name) for name in names_of(self)}


def typed(name, value):
    """A setting as it is typed on a command line, such as `--crop`, `--no-crop` or `--nIter 20`."""
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{name}"
    return f"--{name} {' '.join(map(str, value)) if isinstance(value, tuple) else value}"


def names_of(*kinds):
    """The names of the settings of dataclasses, a list."""
    return [field.name for kind in kinds for field in dataclasses.fields(kind)]


def idle(settings):
    """The settings that have no effect, `{name: only_with}`: none of the settings in `only_with` is
    set. A setting that has its default value is left out."""
    def is_set(flag):
        name, _, value = flag.partition("=")
        return getattr(settings, name) == value if value else getattr(settings, name)

    return {field.name: needed for field in dataclasses.fields(settings)
            if getattr(settings, field.name) != field.default
            and (needed := field.metadata["only_with"]) and not any(map(is_set, needed))}


def part(settings, kind):
    """The settings of one concern.

    Args:
        settings: a `Settings` that inherits from `kind`, or a script's parsed flags.
        kind: the concern's dataclass, which is returned.
    """
    return kind(**{name: getattr(settings, name) for name in names_of(kind)})


@dataclass(frozen=True)
class Compute(Settings):
    """Precision and compilation."""

    precision: str = setting(
        "float32", "number type of the convolutions; weights, statistics and losses stay float32. "
        "bfloat16 is faster on CPUs with instructions for it (avx512_bf16 or amx_bf16 in lscpu) "
        "and on GPUs, float16 on GPUs", choices=("float32", "bfloat16", "float16"))
    jit: bool = setting(
        None, "compile with XLA (default: no, except for training on one GPU: a search ends sooner "
        "than it is compiled, and on CPUs XLA's convolutions are several times slower)")
    tf32: bool = setting(
        True, "let GPUs multiply float32 with 10 bits of mantissa, which is several times faster")
