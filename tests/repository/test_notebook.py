"""The scripts in a notebook, by `%run`: one process for many runs, and a stdout of its own."""

import subprocess
import sys
import textwrap

import pytest
from conftest import ROOT, draw_faces, save_lively

pytestmark = pytest.mark.slow
NOTEBOOK = """
    import io
    import runpy
    import sys
    import threading

    class OutStream(io.TextIOBase):  # as ipykernel's: no buffer, no reconfigure
        def write(self, text):
            return sys.__stdout__.write(text)

    sys.stdout, root = OutStream(), sys.argv[1]

    def run(script, *flags):
        sys.argv[:] = [f"{root}/{script}", *flags]
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            print("ended with", end)

    sys.path.insert(0, root)
    flags = "--checkpointDir", "checkpoint", "--nIter", "1", "--outDir"
    run("complete.py", "in", *flags, "first")
    run("complete.py", "in", *flags, "second")
    thread = threading.Thread(target=run, args=("complete.py", "in", *flags, "third"))
    thread.start()
    thread.join()
    run("complete.py", "nowhere", *flags, "fourth")
    run("train-dcgan.py", "--dataset", "in", "--deterministic", "--checkpoint_dir", "new")
"""


def run(code, cwd):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code), ROOT], cwd=cwd, text=True,
                          capture_output=True, timeout=240)


@pytest.fixture
def folder(tmp_path):
    draw_faces(tmp_path / "in", 1)
    return save_lively(tmp_path)


def test_many_runs_in_one_process(folder):
    result = run(NOTEBOOK, folder)
    assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
    assert result.stdout.splitlines() == [
        *(f"1 completed: {name}/images, animation {name}/completion.gif, report {name}/report.html"
          for name in ("first", "second", "third")), "ended with 2", "ended with 2"]
    assert "complete.py: error: nowhere: no such file or folder" in result.stderr
    assert "train-dcgan.py: error: --deterministic: TensorFlow has already started in this " \
           "process; restart the notebook's kernel" in result.stderr


def test_ipythons_run(folder):
    pytest.importorskip("IPython")
    result = run("""
        import sys
        from IPython.core.interactiveshell import InteractiveShell
        magic = InteractiveShell.instance().run_line_magic
        for name in ("first", "second"):
            magic("run", f"{sys.argv[1]}/complete.py in --checkpointDir checkpoint --nIter 1 "
                         f"--outDir {name}")
    """, folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("1 completed: ") == 2
