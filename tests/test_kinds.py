"""What a setting's value may be."""

import argparse

import pytest

from dcgan import settings


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan", "inf"])
def test_number_refuses(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"^{text}: must be"):
        settings.Number(float, above=0)(text)


def test_number_accepts():
    assert settings.Number(int, low=1)("1") == 1
    assert settings.Number(float, low=0, high=0.5)("0.5") == 0.5
    with pytest.raises(argparse.ArgumentTypeError, match="between 0 and 0.5"):
        settings.Number(float, low=0, high=0.5)("0.7")
