#!/usr/bin/env python3
"""Take the pictures of the page to paint on that README and docs/paint.md show, in Chromium."""

from _path import ROOT

import contextlib
import os
import re
import subprocess
import sys
import tempfile

import browser
from PIL import Image, ImageDraw

import utils
from dcgan.cli import running
from dcgan.cli.flags import Parser
from dcgan.files import writing
from dcgan.settings import path

WINDOW = {"width": 1120, "height": 700}
GIF_WIDTH = 720
SCALE = 2  # of the photograph, which is small
# Somebody's pen over the face, in shares of what the network sees of it: drawn, then painted over.
PEN = [(0.13, 0.3), (0.3, 0.08), (0.4, 0.34), (0.55, 0.06), (0.66, 0.32), (0.8, 0.1), (0.88, 0.3)]
COLOURS = 255  # of the animation


def parse_args(argv=None):
    parser = Parser(prog="paint_pictures.py", description=__doc__)
    parser.add_argument("outDir", type=path, help="where they go")
    parser.add_argument("--photo", type=path, required=True,
                        help="a photograph with a face, such as demo/paint_over.py writes")
    return parser.parse_args(argv)


@contextlib.contextmanager
def served():
    """The address of a server of its own."""
    script = os.path.join(ROOT, "paint", "serve.py")
    process = subprocess.Popen([sys.executable, script, "--port", "0", "--no-open"],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield re.match(r"\S+", process.stdout.readline())[0]
    finally:
        process.terminate()
        process.wait()


class Recorder:
    """What a window shows, as pictures and as an animation."""

    def __init__(self, tab, folder):
        self.tab, self.folder, self.frames, self.times = tab, folder, [], []

    def look(self, milliseconds):
        """Add what is seen now to the animation; returns it as a Pillow image."""
        picture = browser.picture_of(self.tab)
        small = picture.resize(
            (GIF_WIDTH, GIF_WIDTH * picture.height // picture.width), Image.Resampling.LANCZOS)
        self.frames.append(small)
        self.times.append(milliseconds)
        return picture

    def keep(self, name, milliseconds=1200):
        """Write what is seen now."""
        picture = self.look(milliseconds)
        picture = picture.quantize(palette=picture.quantize(256))  # which dithers
        browser.write_png(os.path.join(self.folder, f"paint-{name}.png"), picture)

    def write_gif(self):
        """Write the animation, of colours that all its frames share."""
        sheet = Image.new("RGB", (GIF_WIDTH, sum(frame.height for frame in self.frames[::4])))
        for i, frame in enumerate(self.frames[::4]):
            sheet.paste(frame, (0, i * frame.height))
        palette = sheet.quantize(COLOURS, Image.Quantize.MEDIANCUT)
        first, *others = (frame.quantize(palette=palette, dither=Image.Dither.NONE)
                          for frame in self.frames)
        target = os.path.join(self.folder, "paint.gif")
        with writing.whole(target) as temporary:
            first.save(temporary, format="GIF", save_all=True, append_images=others,
                       duration=self.times, loop=0, optimize=True)
        print(target)


def place(box, u, v):
    """A share of a box `[4, 2]` (its corners) as a place."""
    (ax, ay), (bx, by), _, (dx, dy) = box
    return ax + u * (bx - ax) + v * (dx - ax), ay + u * (by - ay) + v * (dy - ay)


def scribbled(photo, folder, scale=SCALE):
    """A copy of a photograph, so many times as large, with a pen's line over the face."""
    from dcgan.faces import alignment, detection

    face, *_ = detection.find_landmarks(utils.read_image(photo), detection.face_predictor_path())
    inverse = alignment.face_transform(face, alignment.ALIGNMENTS["innerEyesAndBottomLip"], 1)
    import cv2

    back = cv2.invertAffineTransform(inverse)
    box = [back @ [u, v, 1] for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]
    image = Image.open(photo).convert("RGB")
    image = image.resize([round(scale * edge) for edge in image.size], Image.Resampling.BICUBIC)
    line = [tuple(scale * each for each in place(box, u, 0.36 + v)) for u, v in PEN]
    ImageDraw.Draw(image).line(line, fill="#1440d8", width=9, joint="curve")
    target = os.path.join(folder, "portrait.png")
    image.save(target)
    return target


def paint(tab, recorder):
    """Paint along the pen's line with the mouse."""
    canvas = tab.locator("#canvas").bounding_box()
    corners = tab.locator("#overlay .chosen").get_attribute("points").split()
    box = [tuple(map(float, corner.split(","))) for corner in corners]
    tab.fill("#size", "34")
    points = [(canvas["x"] + x, canvas["y"] + y)
              for x, y in (place(box, u, 0.36 + v) for u, v in PEN)]
    tab.mouse.move(*points[0])
    tab.mouse.down()
    for point in points[1:]:
        tab.mouse.move(*point, steps=6)
        recorder.look(120)
    tab.mouse.up()


def record(tab, address, photo, folder, out):
    """Use the page as one does, and write what is seen."""
    recorder = Recorder(tab, out)
    tab.goto(address)
    tab.wait_for_selector("#samples img")
    tab.wait_for_timeout(500)
    recorder.keep("empty")
    tab.set_input_files("#file", photo)
    tab.wait_for_selector("#frames label", timeout=60_000)
    recorder.look(900)
    paint(tab, recorder)
    recorder.keep("painting")
    tab.hover("#complete")
    tab.click("#complete")
    tab.wait_for_selector("#G[src]", timeout=60_000)
    shown = 0
    while tab.get_attribute("body", "data-state") == "searching":
        iteration = int((re.findall(r"\d+", tab.inner_text("#status")) or [0])[0])
        if shown == 0 and iteration > 4:
            recorder.keep("searching", 150)
            shown = 1
        else:
            recorder.look(150)
        tab.wait_for_timeout(100)
    tab.wait_for_timeout(300)
    recorder.keep("done", 900)
    for split in (600, 700, 850, 1000, 700, 400, 200, 0, 0, 0):
        tab.fill("#split", str(split))
        tab.wait_for_timeout(60)
        recorder.look(160)
    recorder.times[-1] = 2500
    recorder.write_gif()
    letter = os.path.join(folder, "letter.jpg")
    writing.write_text(letter, "Dear reader")
    tab.reload()
    tab.wait_for_selector("#samples img")
    tab.set_input_files("#file", letter)
    tab.wait_for_selector("#startError:not([hidden])")
    recorder.keep("refused")


def main(argv=None):
    config = parse_args(argv)
    with browser.chromium() as window, tempfile.TemporaryDirectory() as folder, served() as address:
        writing.make_folder(config.outDir)
        photo = scribbled(config.photo, folder)
        record(window.new_page(viewport=WINDOW), address, photo, folder, config.outDir)


if __name__ == "__main__":
    running.run(main, "paint_pictures.py")
