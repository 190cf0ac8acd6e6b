"""What the page may ask for, and what it is told of it: settings, a mask, a face."""

import base64
import binascii
import json
import re
from typing import NamedTuple

import numpy as np

import complete
from dcgan.inpainting.presets import flags_of_presets
from dcgan.messages import UserError
from paint import overhearing

# What can be set on the page, in its order: flags of complete.py.
SETTINGS = ("preset", "nIter", "nCandidates", "lam", "blend")
PRESET = "best"
MOST = {"nIter": 5000, "nCandidates": 24}  # for the memory's and the next one's sake
PNG = "data:image/png;base64"


class Asked(NamedTuple):
    """What the page asks for."""

    settings: dict  # by flags of complete.py, without those that stay as they are
    mask: bytes  # of a PNG: what is white is missing
    points: list  # three `[x, y]` of the face, or None for the whole picture
    by_hand: bool  # the user put the points where they are

    def words(self):
        """The settings as complete.py's flags."""
        settings = {"preset": PRESET, "seed": 0} | self.settings
        return [f"--{name}={value}" for name, value in settings.items()]


def read(message):
    """An `Asked`, from what the page sent.

    Args:
        message: bytes of JSON, with `settings`, `mask`, `points` and `by_hand`.

    Raises:
        UserError: something of it is not as it should be.
    """
    try:
        message = json.loads(message)
    except ValueError as error:
        raise UserError(f"the message: {error}") from error
    if not isinstance(message, dict):
        raise UserError("the message: must have settings, mask and points")
    settings, points = message.get("settings", {}), message.get("points")
    if not isinstance(settings, dict) or not settings.keys() <= {*SETTINGS, "seed"}:
        raise UserError(f"settings: must be of {', '.join(SETTINGS)} and seed")
    for name, most in MOST.items():
        if name in settings and not (str(settings[name]).isdecimal()
                                     and int(settings[name]) <= most):
            raise UserError(f"--{name} {settings[name]}: must be a whole number, on this page at "
                            f"most {most}")
    if points is not None:
        try:
            points = np.array(points, float).reshape(3, 2).round(2).tolist()
        except (TypeError, ValueError):
            raise UserError("points: must be three of x and y") from None
    head, _, data = str(message.get("mask")).partition(",")
    try:
        if head != PNG:
            raise ValueError
        mask = base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        raise UserError("mask: must be a PNG") from None
    return Asked(settings, mask, points, bool(message.get("by_hand", True)))


def settings_of(words):
    """The `CompletionSettings` of complete.py's flags; a UserError in its own words."""
    with overhearing.begin().listen() as said:
        try:
            return complete.parse_args(words)
        except SystemExit:
            raise UserError("".join(said).strip().rpartition("error: ")[2]) from None


def describe():
    """What the page shows of the settings.

    Returns:
        A list of dicts: `name`, `help` and `choices` as complete.py's flag has them, `most`; by
        preset the `defaults`, and what the preset `sets`.
    """
    flags = {action.dest: action for action in complete.make_parser()._actions}
    presets = {name: settings_of(["picture", "--mask", "mask", "--preset", name])
               for name in flags["preset"].choices}
    described = []
    for name in SETTINGS:
        defaults = ({} if name == "preset"
                    else {preset: getattr(each, name) for preset, each in presets.items()})
        text = re.sub(r" \(default: .*\)$|: article: .*$", "", flags[name].help)
        described.append({"name": name, "help": text, "choices": flags[name].choices,
                          "most": MOST.get(name), "defaults": defaults,
                          "sets": flags_of_presets()})
    return described


def as_url(png):
    """The bytes of a PNG as a `data:` URL."""
    return f"{PNG},{base64.b64encode(png).decode()}"
