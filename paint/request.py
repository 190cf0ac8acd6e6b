"""What the page asks for: settings, a mask, a face; and what it is told of the settings."""

import base64
import binascii
import dataclasses
import json
import re
from typing import NamedTuple

import numpy as np

from dcgan.inpainting.presets import (
    PRESETS,
    CompletionSettings,
    completion_settings,
    flags_of_presets,
)
from dcgan.messages import UserError
from dcgan.settings import SettingError

# What can be set on the page, in its order: settings of complete.py.
SETTINGS = ("preset", "nIter", "nCandidates", "lam", "blend")
USUAL = {"preset": "best", "seed": 0}
MOST = {"nIter": 5000, "nCandidates": 24}  # for the memory's and the next one's sake
PNG = "data:image/png;base64"


class Request(NamedTuple):
    """What the page asks for."""

    settings: dict  # of complete.py, without those that stay as they are
    mask: bytes  # of a PNG: what is white is missing
    points: list  # three `[x, y]` of the face, or None for the whole picture
    by_hand: bool  # the user put the points where they are


def parse(message):
    """A `Request`, from what the page sent.

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
        if name in settings and not (isinstance(settings[name], int) and settings[name] <= most):
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
    return Request(settings, mask, points, bool(message.get("by_hand", True)))


def settings_of(given):
    """The `CompletionSettings` of some of them; a UserError in complete.py's words."""
    try:
        return completion_settings(given)
    except SettingError as error:
        raise UserError(error.as_flag) from error


def describe():
    """What the page shows of the settings.

    Returns:
        A list of dicts: `name`, `help` and `choices` as complete.py's flag has them, `most`; by
        preset the `defaults`, and what the preset `sets`.
    """
    fields = {field.name: field.metadata for field in dataclasses.fields(CompletionSettings)}
    presets = {name: settings_of({"mask": "mask", "preset": name}) for name in PRESETS}
    described = []
    for name in SETTINGS:
        defaults = ({} if name == "preset"
                    else {preset: getattr(each, name) for preset, each in presets.items()})
        text = re.sub(r" \(default: .*\)$", "", fields[name]["help"])
        described.append({"name": name, "help": text, "choices": fields[name]["choices"],
                          "most": MOST.get(name), "defaults": defaults,
                          "sets": flags_of_presets()})
    return described
