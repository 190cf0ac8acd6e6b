"""From the pictures' files to the results' files."""

from dcgan.results import pipeline


def test_batched():
    assert list(pipeline.batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(pipeline.batched([], 2)) == []
