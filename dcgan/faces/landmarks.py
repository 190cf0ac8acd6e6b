"""Landmarks that a user gives, in a text file."""

import csv
import re

import numpy as np

from dcgan.files import naming
from dcgan.messages import UserError


def read_landmarks(path):
    """Landmarks from a text of numbers, separated by commas, blanks or lines.

    Either x and y of 68 points, or of the three that are put in place, for all pictures; or a line
    for each picture, with its name in front, as CSV has it: in quotes, if it has a separator in it.

    Returns:
        `{stem of the picture, or None: [68 or 3, 2] float64}`.

    Raises:
        UserError: it cannot be read, or has another number of points.
    """
    def points(words):
        if len(words) not in (6, 136):
            raise ValueError(f"{len(words)} numbers; 136 (68 points) or 6 (three) are needed, and "
                             "quotes around a name with a comma")
        values = np.array(words, float)
        if not np.isfinite(values).all():
            raise ValueError("a number is not finite")
        return values.reshape(-1, 2)

    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = [_words(line.strip()) for line in file if line.strip()]
        if lines and all(len(line) in (7, 137) for line in lines):
            return {naming.seen_stem(name): points(numbers) for name, *numbers in lines
                    if not numbers[0].startswith("x")}  # a header
        return {None: points([word for line in lines for word in line])}
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--landmarks {path}: {reason}") from error


def _words(line):
    """What stands in a line of CSV, whose separators may also be semicolons, or else blanks."""
    quoted = '"[^"]*"'
    between = r"\s*[,;]\s*" if re.search("[,;]", re.sub(quoted, "", line)) else r"\s+"
    return next(csv.reader([re.sub(f"({quoted})|{between}", lambda part: part[1] or ",", line)]))
