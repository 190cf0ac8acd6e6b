"""What a setting's value may be."""

import argparse

import pytest

from settings import kinds


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan", "inf"])
def test_number_refuses(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"^{text}: must be"):
        kinds.Number(float, above=0)(text)


def test_number_accepts():
    assert kinds.Number(int, low=1)("1") == 1
    assert kinds.Number(float, low=0, high=0.5)("0.5") == 0.5
    with pytest.raises(argparse.ArgumentTypeError, match="at least 0 and at most 0.5"):
        kinds.Number(float, low=0, high=0.5)("0.7")
