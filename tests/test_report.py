"""`report.html`."""

import csv
import re
import subprocess

import numpy as np
from conftest import needs_chromium


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
