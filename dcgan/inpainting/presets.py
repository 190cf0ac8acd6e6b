"""The presets, and how each setting gets its value.

A setting has the value that was given; else that of the preset; else, where this search goes on
from an earlier one, that of the earlier one; else its default.
"""

import dataclasses

from dcgan.inpainting.settings import CompletionSettings
from dcgan.machine import cpu

# Measured on shared/reference-checkpoint; see docs/search.md. The article's momentum rate is 0.01.
DEFAULT_LR = {"momentum": 0.0001, "adam": 0.01, "hmc": None}

# `tol` and `patience` of the plain search, with which it ends where nothing more is gained. A
# step size that falls, Adam and HMC gain until their end. Measured in docs/search.md.
PLAIN_STOP = (0.01, 100)
NO_STOP = (0.0, 20)

# What each preset changes; measured in docs/search.md and docs/quality.md.
_FAST = {"approach": "adam", "lr": 0.05, "nIter": 20, "nInit": 512, "initBy": "regression",
         "schedule": "cosine", "contextual": "mixed", "gaussian": 0.4, "blend": "poisson",
         "precision": "bfloat16"}
PRESETS = {
    "article": {"approach": "momentum", "lr": 0.01, "momentum": 0.9, "nIter": 1000, "lam": 0.1,
                "nInit": 1, "schedule": "constant", "tol": 0.0, "keepBest": False,
                "nCandidates": 1, "prior": "article", "contextual": "uniform", "blend": "paste",
                "precision": "float32"},
    "fast": _FAST,
    "best": _FAST | {"nCandidates": 6, "combine": "mean"},
}


def flags_of_presets():
    """`{name: what the preset sets, as flags}`, for `--help`."""
    def text(flag, value):
        return f"--{flag} {value}" if not isinstance(value, bool) else (
            f"--{'' if value else 'no-'}{flag}")

    return {name: " ".join(text(*each) for each in preset.items())
            for name, preset in PRESETS.items()}


def for_network(settings, model):
    """The settings for a `DCGAN`; without a Gaussian beside it, none of a preset's.

    Raises:
        ValueError: it has none, and the settings ask for it.
    """
    if not settings.gaussian or model.gaussian is not None:
        return settings
    if settings.gaussian != PRESETS.get(settings.preset, {}).get("gaussian"):
        raise ValueError("gaussian must be 0 for a checkpoint without a gaussian.npz beside it "
                         "(train-dcgan.py --components makes one). "
                         f"Received: {settings.gaussian}")
    return dataclasses.replace(settings, gaussian=0.0)


def completion_settings(given, earlier=None):
    """The settings of a completion.

    Args:
        given: `{name: value}` of those that were chosen one by one, `preset` among them.
        earlier: `{name: value}` of the search that this one goes on from; others than settings of
            today are left out.

    Returns:
        A `CompletionSettings`, in which `lr`, `tol`, `patience` and `blend` have their values.

    Raises:
        ValueError: there is no such preset, or a value is of no use.
    """
    name = given.get("preset")
    if name is not None and name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}. Received: {name!r}")
    preset = PRESETS.get(name, {})
    if not cpu.has_bfloat16():  # it would be slower than float32
        preset = {flag: value for flag, value in preset.items() if value != "bfloat16"}
    known = {field.name for field in dataclasses.fields(CompletionSettings)}
    earlier = {name: value for name, value in (earlier or {}).items() if name in known}
    chosen = preset | given
    if any(name in earlier and chosen.get(name, earlier[name]) != earlier[name]
           for name in ("approach", "schedule")):  # when to stop is of another search
        earlier = {name: value for name, value in earlier.items()
                   if name not in ("tol", "patience")}
    behind = earlier | preset
    settings = CompletionSettings(**behind | given)
    missing = {}
    if given.get("lr") is None:  # that of a preset suits the preset's approach alone
        same = settings.approach == behind.get("approach") and "lr" in behind
        missing["lr"] = behind["lr"] if same else DEFAULT_LR[settings.approach]
    plain = settings.tol is None and (settings.approach, settings.schedule) == (
        "momentum", "constant")
    for flag, value in zip(("tol", "patience"), PLAIN_STOP if plain else NO_STOP):
        if getattr(settings, flag) is None:
            missing[flag] = value
    if settings.blend is None:
        seams = settings.own_mask or settings.frame in ("face", "region", "letterbox")
        missing["blend"] = "poisson" if seams else "paste"
    return dataclasses.replace(settings, **missing)
