#!/usr/bin/env python3
"""Take pictures of TensorBoard's pages, or of a page in a file, in Chromium without a window."""

import _path

import os
import pathlib
import re
import subprocess
import sys

import browser

from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files import naming, writing
from dcgan.messages import UserError
from dcgan.settings import Number

PAGES = ("scalars", "images", "graphs", "histograms", "hparams")
SECONDS = 3  # in which a page draws what it has loaded


def tensorboard(logdir):
    """A running TensorBoard, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--port", "0", "--host",
         "127.0.0.1"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    line = next((line for line in process.stderr if "http://" in line), None)
    if line is None:
        raise UserError(f"--logdir {logdir}: TensorBoard does not start")
    return process, re.search(r"http://\S+", line)[0]


def parse_args(argv=None):
    parser = flags.Parser(prog="screenshots.py", description=__doc__)
    parser.add_argument("outDir", type=settings.path,
                        help="where the pictures go, as tensorboard-PAGE.png or PAGE.png")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--logdir", type=settings.path, help="show these logs in TensorBoard")
    what.add_argument("--page", type=settings.path, metavar="FILE.html", help="show this file")
    parser.add_argument("--width", type=Number(int, low=1), default=1200, help="of the window")
    parser.add_argument("--height", type=Number(int, low=1), default=800, help="of the window")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    for flag in ("logdir", "page"):
        path = getattr(config, flag)
        if path is not None and not os.path.exists(path):
            raise UserError(f"--{flag} {path}: no such file or folder")
    writing.make_folder(config.outDir)

    with browser.chromium() as window:
        tab = window.new_page(viewport={"width": config.width, "height": config.height})

        def save(name, address):
            tab.goto(address)
            tab.reload(wait_until="networkidle")  # another # alone leaves the page as it is
            tab.wait_for_timeout(1000 * SECONDS)
            browser.write_png(os.path.join(config.outDir, f"{name}.png"),
                              browser.picture_of(tab).quantize(256))

        if config.page:
            save(naming.stem(config.page), pathlib.Path(config.page).resolve().as_uri())
            return
        process, address = tensorboard(config.logdir)
        try:
            for page in PAGES:
                save(f"tensorboard-{page}", f"{address}#{page}")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    running.run(main, "screenshots.py")
