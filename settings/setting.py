"""Settings as small frozen dataclasses: the one place of each default and of its explanation.

A dataclass holds the settings of one concern, each field under the name of the flag that sets it.
The scripts make their flags of the fields (`cli.flags`), and `run.json` and `latents.npz` record
them; what depends on several concerns takes a dataclass that inherits from all of theirs.
"""

import dataclasses

from settings.kinds import Number


def setting(default, help, kind=None, choices=None, **flag):
    """A field of a `Settings`.

    Args:
        default: its value where nothing else is said.
        help: the sentence that explains it, for `--help`.
        kind: a function from a flag's text to its value, such as one of `settings.kinds`; None for
            switches, whose default is True, False or None.
        choices: the values that it may have.
        **flag: what else argparse is told of its flag, such as `metavar`, `nargs`; and `aliases`,
            other spellings of the flag.
    """
    return dataclasses.field(default=default, metadata={
        "help": help, "kind": kind, "choices": choices, **flag})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the dataclasses of settings have in common: a wrong value is refused at once.

    Raises:
        ValueError: a value is not one of its field's choices, or beyond its limits.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            several = "nargs" in field.metadata and value is not None
            for each in value if several else [value]:
                self._check(field, each)

    @staticmethod
    def _check(field, value):
        choices, kind = field.metadata["choices"], field.metadata["kind"]
        if value is None:
            return
        if choices and value not in choices:
            raise ValueError(
                f"{field.name} must be one of {', '.join(map(str, choices))}. Received: {value!r}")
        if isinstance(kind, Number) and not (
                isinstance(value, (int, float)) and kind.allows(value)):
            raise ValueError(f"{field.name} must be {kind.rule}. Received: {value!r}")

    def flags(self):
        """`{flag: value}` of all settings, in the order of the fields."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def part(settings, kind):
    """Those of the settings that are of one concern, as its dataclass."""
    return kind(**{field.name: getattr(settings, field.name)
                   for field in dataclasses.fields(kind)})
