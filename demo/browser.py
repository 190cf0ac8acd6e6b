"""Chromium without a window, driven by Playwright, and the pictures taken in it."""

import contextlib
import io
import shutil

from PIL import Image

from dcgan.cli import environment
from dcgan.files import writing
from dcgan.messages import UserError


@contextlib.contextmanager
def chromium():
    """Playwright's browser; UserError where Chromium is not there."""
    environment.require(("playwright",))
    from playwright.sync_api import Error, sync_playwright

    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        raise UserError("Chromium is not there: apt install chromium")
    with sync_playwright() as driver:
        try:
            window = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            yield window
            window.close()
        except Error as error:
            raise UserError(f"{browser} takes no picture: {error}") from error


def picture_of(tab):
    """What a tab shows, as a Pillow image."""
    return Image.open(io.BytesIO(tab.screenshot())).convert("RGB")


def write_png(path, picture):
    """Write a picture of few colours, which make a small file."""
    with writing.whole(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)
    print(path)
