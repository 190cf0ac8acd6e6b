"""The page's search requests (settings, a mask, a face), and the settings that it offers."""

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

# The settings of complete.py that the page offers, in its order.
SETTINGS = ("preset", "nIter", "nCandidates", "lam", "blend")
USUAL = {"preset": "best", "seed": 0}
MOST = {"nIter": 5000, "nCandidates": 24}  # to limit memory, and the time that others wait
PNG = "data:image/png;base64"


class Request(NamedTuple):
    """A search request of the page."""

    settings: dict  # settings of complete.py; those that are left out keep their defaults
    mask: bytes  # a PNG, in which white pixels are missing
    points: list  # three `[x, y]` of the face, or None for the whole picture
    by_hand: bool  # the user has placed the points


def parse(message):
    """The `Request` in a message of the page.

    Args:
        message: bytes of JSON, with `settings`, `mask`, `points` and `by_hand`.

    Raises:
        UserError: the message is invalid.
    """
    try:
        message = json.loads(message)
    except ValueError as error:
        raise UserError(f"the message: not JSON ({error})") from error
    if not isinstance(message, dict):
        raise UserError("the message: must be an object with settings, mask and points")
    settings, points = message.get("settings", {}), message.get("points")
    if not isinstance(settings, dict) or not settings.keys() <= {*SETTINGS, "seed"}:
        raise UserError(f"settings: must be among {', '.join(SETTINGS)} and seed")
    for name, most in MOST.items():
        if name in settings and not (isinstance(settings[name], int) and settings[name] <= most):
            raise UserError(f"--{name} {settings[name]}: must be a whole number, at most {most} on "
                            "this page")
    if points is not None:
        try:
            points = np.array(points, float).reshape(3, 2).round(2).tolist()
        except (TypeError, ValueError):
            raise UserError("points: must be three pairs of x and y") from None
    head, _, data = str(message.get("mask")).partition(",")
    try:
        if head != PNG:
            raise ValueError
        mask = base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        raise UserError("mask: must be a PNG") from None
    return Request(settings, mask, points, bool(message.get("by_hand", True)))


def settings_of(given):
    """The `CompletionSettings` for the given settings; UserError with complete.py's message."""
    try:
        return completion_settings(given)
    except SettingError as error:
        raise UserError(error.as_flag) from error


def describe():
    """Describe the settings that the page offers.

    Returns:
        A list of dicts: `name`, `help` and `choices` of complete.py's flag; `most`, the page's
        limit; `defaults`, by preset; and `sets`, the flags of each preset.
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
