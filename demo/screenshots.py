#!/usr/bin/env python3
"""Take pictures of TensorBoard's pages, or of a page in a file, in Chromium without a window."""

import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dcgan.cli.environment  # noqa: E402, F401  (first: it says so where packages are missing)

# isort: split
from PIL import Image  # noqa: E402

from dcgan import settings  # noqa: E402
from dcgan.cli import flags, running  # noqa: E402  (the project's root is on the path only now)
from dcgan.files import naming, writing  # noqa: E402
from dcgan.messages import UserError  # noqa: E402
from dcgan.settings import Number  # noqa: E402

PAGES = ("scalars", "images", "graphs", "histograms", "hparams")
SECONDS = 20  # of the page's own clock, in which it loads what it shows


def take(address, width, height):
    """The page at an address, as a Pillow image of few colours, which make a small file."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        raise UserError("Chromium is not there: apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        picture = os.path.join(folder, "page.png")
        try:
            subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                 f"--window-size={width},{height}", f"--virtual-time-budget={1000 * SECONDS}",
                 f"--user-data-dir={folder}", f"--screenshot={picture}", address],
                capture_output=True, timeout=10 * SECONDS, check=True)
        except subprocess.SubprocessError as error:
            raise UserError(f"{address}: {browser} takes no picture: {error}") from error
        with open(picture, "rb") as file:
            return Image.open(io.BytesIO(file.read())).convert("RGB").quantize(256)


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

    def save(name, address):
        picture = take(address, config.width, config.height)
        path = os.path.join(config.outDir, f"{name}.png")
        writing.write_whole(path, lambda temporary: picture.save(
            temporary, format="PNG", optimize=True))
        print(path)

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
