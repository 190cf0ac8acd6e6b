"""The log of each search."""

import numpy as np

from dcgan.results import logs


def test_logs_have_a_line_per_iteration(tmp_path):
    paths = [str(tmp_path / "a.log"), str(tmp_path / "b.log")]
    logs.start_logs(paths, z_dim=2)
    zs = np.arange(12, dtype=np.float32).reshape(3, 2, 2) / 100
    logs.append_logs(paths, 5, np.array([[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]], np.float32), zs)
    lines = (tmp_path / "b.log").read_text().splitlines()
    assert lines[0] == "iter loss z0 z1"
    assert lines[2] == "6 4.5 0.060000 0.070000"
    assert len(lines) == 4
