"""`report.html`."""

import csv
import re
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import needs_chromium

from dcgan.files import writing
from dcgan.inpainting.presets import CompletionSettings
from dcgan.results import report

pytestmark = pytest.mark.slow


def test_the_report_needs_nothing_but_itself(done):
    text = (done / "report.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', text) and "$" not in text
    assert text.count("<tr><td") == 3
    assert text.count("<polyline") == 3
    for row in text.split("<tr><td")[1:]:
        assert row.count('<img src="data:image/png;base64,') == 4
    with open(done / "results.csv") as file:
        for row in csv.DictReader(file):
            assert f"{float(row['loss']):.1f}" in text and row["name"] in text


def of_noise(number):
    """A result whose pictures take as many bytes as any can."""
    image = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    frame = SimpleNamespace(
        name=f"picture {number}", image=image, mask=np.ones((64, 64)), truth=image)
    return SimpleNamespace(
        frame=frame, loss=number, contextual=0, perceptual=0, curve=list(range(1, 1001)),
        completed=image, measured={}, photo=None)


def test_a_long_report_has_pages(tmp_path):
    """One of 2,000 pictures had 86 MB."""
    writing.make_folder(str(tmp_path), by="complete.py")
    settings, results = CompletionSettings(imgs=("photos",)), [of_noise(i) for i in range(410)]
    report.write_report(str(tmp_path), results, settings)
    pages = [path.read_text() for path in map(tmp_path.joinpath, (
        "report.html", "report-2.html", "report-3.html"))]
    assert [page.count("<tr><td") for page in pages] == [200, 200, 10]
    names = re.findall('data-value="(picture [0-9]+)"', "".join(pages))
    assert names == [f"picture {i}" for i in range(410)]
    for number, page in enumerate(pages):
        assert len(page) < 20e6 and "<h1>410 completed</h1>" in page and "loss 204.5" in page
        others = [name for i, name in enumerate(("report.html", "report-2.html", "report-3.html"))
                  if i != number]
        assert re.findall('href="(.*?)"', page) == others and f"<b>{number + 1}</b>" in page
    # A shorter one leaves no page of it, but one that was changed is the user's.
    (tmp_path / "report-3.html").write_text("mine")
    report.write_report(str(tmp_path), results[:3], settings)
    assert sorted(path.name for path in tmp_path.glob("*.html")) == ["report-3.html", "report.html"]
    assert "href" not in (tmp_path / "report.html").read_text()


@needs_chromium
def test_the_report_sorts_in_a_browser(done, tmp_path):
    """A click on the heading sorts by loss, ascending, then descending."""
    text = (done / "report.html").read_text()
    click = """<script>document.querySelectorAll("th")[7].click();
        const order = () => [...body.rows].map(row => row.cells[7].dataset.value).join(" ");
        const up = order(); document.querySelectorAll("th")[7].click();
        document.title = up + "|" + order();</script></body>"""
    (tmp_path / "page.html").write_text(text.replace("</body>", click))
    shown = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=120).stdout
    up, down = re.search("<title>(.*)</title>", shown)[1].split("|")
    with open(done / "results.csv") as file:
        losses = sorted(float(row["loss"]) for row in csv.DictReader(file))
    np.testing.assert_allclose([float(value) for value in up.split()], losses, rtol=1e-4)
    assert down.split() == up.split()[::-1]
