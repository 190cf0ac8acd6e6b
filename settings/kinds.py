"""What a setting's value may be: numbers within limits, files, colours, ...

Each is a function from the text of a flag to its value, for argparse, whose errors it raises; a
`Number` also says what is wrong with a value that was not text.
"""

import argparse
import numbers
import os
import re


class Number:
    """An int or a float that is at least `low`, at most `high`, over `above`, and finite."""

    def __init__(self, kind, low=None, high=None, above=None):
        self.kind, self.low, self.high, self.above = kind, low, high, above
        limits = [f"at least {low}" if low is not None else "",
                  f"over {above}" * (above is not None),
                  f"at most {high}" if high is not None else ""]
        self.rule = " and ".join(filter(None, limits)) or "finite"
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
        """What a value has to be, and this one is not; None if it is."""
        kind = numbers.Integral if self.kind is int else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return self.what
        # Written so that nan, which every comparison denies, is refused.
        allowed = ((self.low is None or value >= self.low)
                   and (self.high is None or value <= self.high)
                   and (self.above is None or value > self.above) and abs(value) < float("inf"))
        return None if allowed else self.rule

    def require(self, name, value):
        """Raise a ValueError that names it, if a value is refused."""
        rule = self.refusal(value)
        if rule:
            raise ValueError(f"{name} must be {rule}. Received: {value!r}")


def path(text):
    """A file or folder, `~` the home folder, which shells leave in --flag=~/x."""
    return os.path.expanduser(text)


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
    if os.path.basename(text) != text or not text.lower().endswith(".mp4"):
        raise argparse.ArgumentTypeError(
            f"{text}: must be a name that ends in .mp4, without a folder")
    return text
