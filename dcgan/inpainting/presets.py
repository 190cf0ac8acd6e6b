"""The presets, and how each setting gets its value.

A setting has the given value, or else the preset's value, or else the value of the earlier search
that this search continues, or else its default.
"""

import dataclasses
from dataclasses import dataclass

from dcgan.inpainting.settings import Files, Framing, Loss, Search
from dcgan.machine import cpu
from dcgan.settings import Compute, SettingError, Settings, names_of, setting, typed

# Measured on shared/reference-checkpoint; see docs/search.md. The original code's step size for
# momentum is 0.01.
DEFAULT_LR = {"momentum": 0.0001, "adam": 0.01, "hmc": None}

# `tol` and `patience` of the default search, which stops when its loss no longer improves. Searches
# with a falling step size, Adam or HMC improve until their end. Measured in docs/search.md.
PLAIN_STOP = (0.01, 100)
NO_STOP = (0.0, 20)
# Settings that suit only one value of another setting.
SUITED = {"approach": ("lr", "tol", "patience"), "schedule": ("tol", "patience"),
          "gaussian": ("gaussianGrowth",)}

# What each preset changes; measured in docs/search.md and docs/quality.md.
_FAST = {"approach": "adam", "lr": 0.05, "nIter": 20, "nInit": 512, "initBy": "regression",
         "schedule": "cosine", "contextual": "mixed", "gaussian": 0.4, "gaussianGrowth": 1.2,
         "blend": "poisson", "precision": "bfloat16"}
PRESETS = {
    "article": {"approach": "momentum", "lr": 0.01, "momentum": 0.9, "nIter": 1000, "lam": 0.1,
                "nInit": 1, "schedule": "constant", "tol": 0.0, "keepBest": False,
                "nCandidates": 1, "prior": "article", "contextual": "uniform", "blend": "paste",
                "precision": "float32"},
    "fast": _FAST,
    "best": _FAST | {"nIter": 10, "nCandidates": 4, "combine": "mean", "deeper": 52},
}


def flags_of_presets():
    """`{name: flags}`: the settings of each preset as flags, for `--help`."""
    return {name: " ".join(typed(*each) for each in preset.items())
            for name, preset in PRESETS.items()}


@dataclass(frozen=True)
class Preset(Settings):
    """The search as a whole."""

    preset: str = setting(
        None, "settings for the whole search. fast: one short search; best: four short searches, "
        "of z and of deeper layers of G, averaged; article: the original code's search, 1,000 "
        "iterations. A flag that you give as well takes precedence", choices=tuple(PRESETS))


@dataclass(frozen=True)
class CompletionSettings(Files, Framing, Preset, Search, Loss, Compute):
    """All settings of complete.py, including the name of the preset that set the others."""


def for_network(settings, model):
    """The settings for a `DCGAN`; without its linear model if only the preset asked for one and the
    checkpoint has none.

    Raises:
        SettingError: a value is invalid for this network.
    """
    if settings.window > 2 * model.image_size:
        raise SettingError("window", settings.window, f"at most {2 * model.image_size}, twice the "
                           "network's input size")
    if not settings.gaussian or model.gaussian is not None:
        return settings
    if settings.gaussian != PRESETS.get(settings.preset, {}).get("gaussian"):
        raise SettingError("gaussian", settings.gaussian, "0, because the checkpoint's folder has "
                           "no gaussian.npz; train-dcgan.py --components creates one")
    return dataclasses.replace(settings, gaussian=0.0, gaussianGrowth=0.0)


def completion_settings(given, earlier=None):
    """The settings of a completion.

    Args:
        given: `{name: value}` of the settings that were given, including `preset`; None counts as
            not given.
        earlier: `{name: value}` of the search that this search continues; names that are not
            settings of this version are ignored.

    Returns:
        A `CompletionSettings` whose `lr`, `tol`, `patience` and `blend` are not None.

    Raises:
        SettingError: a value is invalid.
    """
    name = Preset(given.get("preset")).preset  # which refuses an unknown name
    preset = PRESETS.get(name, {})
    if not cpu.has_bfloat16():  # which would be slower than float32
        preset = {name: value for name, value in preset.items() if value != "bfloat16"}
    known = names_of(CompletionSettings)
    earlier = {name: value for name, value in (earlier or {}).items() if name in known}
    CompletionSettings(**given)  # refuses an invalid value before the values are compared
    chosen = {}
    for layer in (earlier, preset, given):
        layer = {name: value for name, value in layer.items() if value is not None}
        for name, suited in SUITED.items():
            if layer.get(name, chosen.get(name)) != chosen.get(name):
                chosen = {other: value for other, value in chosen.items() if other not in suited}
        chosen |= layer
    settings = CompletionSettings(**chosen)
    plain = (settings.approach, settings.schedule, settings.tol) == ("momentum", "constant", None)
    seams = settings.own_mask or settings.frame in ("face", "region", "letterbox")
    defaults = {"lr": DEFAULT_LR[settings.approach], "blend": "poisson" if seams else "paste",
                **dict(zip(("tol", "patience"), PLAIN_STOP if plain else NO_STOP))}
    return dataclasses.replace(settings, **{
        name: value for name, value in defaults.items() if getattr(settings, name) is None})
