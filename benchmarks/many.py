#!/usr/bin/env python3
"""Thousands of pictures completed into one folder: how soon the search begins, how large
report.html is, and how soon Chromium has opened it.

    .venv/bin/python benchmarks/many.py docs/samples

The pictures are copied until there are as many, and their search has one iteration, with a network
as small as it can be.
"""

import _path

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import browser

from dcgan.cli import flags, running
from dcgan.files.listing import list_images
from dcgan.machine import importing
from dcgan.settings import Number, path


def parse_args(argv=None):
    parser = flags.Parser(prog="many.py", description=__doc__.splitlines()[0])
    parser.add_argument("imgs", type=path, nargs="+", help="pictures, or folders of them")
    parser.add_argument("--count", type=Number(int, low=1), default=2000, help="of pictures")
    return parser.parse_args(argv)


def first_iteration(command, out):
    """Seconds from complete.py's start to its first iteration, which before.png comes before."""
    before = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while not (out / "before.png").exists() and process.poll() is None:
            time.sleep(0.05)
        seconds = time.perf_counter() - before
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, command)
    return seconds


def main(argv=None):
    config = parse_args(argv)
    files = list_images(config.imgs)
    importing.import_tensorflow()
    from model import DCGAN

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        DCGAN(z_dim=8, gf_dim=1, df_dim=1).save(folder / "checkpoint")
        (folder / "faces").mkdir()
        for i in range(config.count):
            source = files[i % len(files)]
            shutil.copy(source, folder / "faces" / f"{i}{os.path.splitext(source)[1]}")
        seconds = first_iteration(
            [sys.executable, os.path.join(_path.ROOT, "complete.py"), folder / "faces",
             "--checkpointDir", folder / "checkpoint", "--outDir", folder / "out", "--nIter", "1"],
            folder / "out")
        pages = sorted((folder / "out").glob("report*.html"))
        size = sum(page.stat().st_size for page in pages) / 2**20
        with browser.chromium() as window:
            tab = window.new_page()
            before = time.perf_counter()
            tab.goto((folder / "out" / "report.html").as_uri())
            opened = time.perf_counter() - before
        print(f"{config.count} pictures: first iteration after {seconds:.1f} s; report of "
              f"{len(pages)} pages, {size:.1f} MiB; Chromium opens the first in {opened:.2f} s")


if __name__ == "__main__":
    running.run(main, "many.py")
