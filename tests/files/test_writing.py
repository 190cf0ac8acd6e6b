"""Files that appear whole or not at all."""

import os

import pytest

from dcgan.files import writing
from dcgan.messages import UserError


def test_a_whole_file_leaves_nothing_behind_when_it_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with (pytest.raises(UserError, match="No space left"),
          writing.whole(str(path)) as temporary, open(temporary, "w") as file):
        file.write("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]
