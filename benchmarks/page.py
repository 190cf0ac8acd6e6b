#!/usr/bin/env python3
"""Time the page to paint on, in Chromium: from the press of Complete to the first change, and to
the completed photograph.

    .venv/bin/python benchmarks/page.py demo/out/paint/photos/photo_003.png

The photograph is first made as wide as `WIDTH`. Each preset has a server of its own, just started,
as who opens the page for the first time has.
"""

import _path

import tempfile
import time

import browser
import paint_pictures
from PIL import Image

from dcgan.cli import flags, running
from dcgan.inpainting.presets import PRESETS
from dcgan.settings import path

WIDTH = 1000  # pixels
LIMIT = 300_000  # milliseconds
READY = 10_000  # in which the server reads the network, while a user would choose a picture


class Unseen:
    """A recorder that records nothing."""

    def look(self, milliseconds):
        pass


def parse_args(argv=None):
    parser = flags.Parser(prog="page.py", description=__doc__)
    parser.add_argument("photo", type=path, help="a photograph of a face")
    parser.add_argument("--preset", nargs="+", choices=tuple(PRESETS), default=["fast", "best"],
                        help="the presets")
    return parser.parse_args(argv)


def measure(tab, address, photo, preset):
    """`(seconds to the first change, seconds to the end)` behind the press of the button."""
    tab.goto(address)
    tab.wait_for_timeout(READY)
    tab.set_input_files("#file", photo)
    tab.wait_for_selector("#overlay .chosen", timeout=LIMIT)
    paint_pictures.paint(tab, Unseen())
    tab.evaluate("document.getElementById('settings').open = true")
    tab.select_option("#form [name=preset]", preset)
    before = time.perf_counter()
    tab.click("#complete")
    tab.wait_for_selector("#G[src]", state="attached", timeout=LIMIT)
    first = time.perf_counter() - before
    tab.wait_for_selector("body[data-state=done]", timeout=LIMIT)
    return first, time.perf_counter() - before


def main(argv=None):
    config = parse_args(argv)
    print(f"{'preset':<8} {'pixels':>11} {'first change':>13} {'completed':>10}")
    with browser.chromium() as window, tempfile.TemporaryDirectory() as folder:
        with Image.open(config.photo) as photo:
            scale = WIDTH / photo.width
        photo = paint_pictures.scribbled(config.photo, folder, scale)
        size = "x".join(map(str, Image.open(photo).size))
        for preset in config.preset:
            with paint_pictures.served() as address:
                tab = window.new_page(viewport=paint_pictures.WINDOW)
                first, done = measure(tab, address, photo, preset)
                tab.close()
            print(f"{preset:<8} {size:>11} {first:>11.1f} s {done:>8.1f} s", flush=True)


if __name__ == "__main__":
    running.run(main, "page.py")
