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
        ValueError: a value is not one of its field's choices, beyond its limits, or of another
            type.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if hasattr(value, "item"):  # NumPy's number becomes Python's
                value = value.item()
                object.__setattr__(self, field.name, value)
            several = "nargs" in field.metadata
            if several and not isinstance(value, (tuple, list)):  # a word would be its letters
                raise ValueError(f"{field.name} must be a tuple. Received: {value!r}")
            for each in value if several else [value]:
                rule = self._refusal(field, each)
                if rule:
                    raise ValueError(f"{field.name} must be {rule}. Received: {each!r}")

    @staticmethod
    def _refusal(field, value):
        """What a value of the field has to be, and this one is not; None if it is."""
        choices, kind = field.metadata["choices"], field.metadata["kind"]
        if choices:
            return None if value in choices else f"one of {', '.join(map(str, choices))}"
        if isinstance(kind, Number):
            return kind.refusal(value)
        if kind is None and not isinstance(value, bool):
            return "True or False"
        return None

    def flags(self):
        """`{flag: value}` of all settings, in the order of the fields."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def part(settings, kind):
    """Those of the settings that are of one concern, as its dataclass.

    Args:
        settings: a `Settings` that inherits from it, or a script's parsed flags.
        kind: the dataclass.
    """
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(kind)}
    return kind(**{name: tuple(value) if isinstance(value, list) else value
                   for name, value in values.items()})
