"""`report.html`: all completed pictures in one self-contained page."""

import base64
import html
import io
import itertools
import math
import os
import string

import numpy as np

from dcgan.faces import placing
from dcgan.files import record, writing
from dcgan.inpainting.photos import HIDDEN
from dcgan.pictures import drawing
from dcgan.results import names

CURVE_POINTS = 100  # points of a loss curve
PAGE = 200  # pictures per page; a browser opens that many in a second


def write_report(folder, results, settings):
    """Write the report in one or several pages; extra pages of an earlier report are deleted.

    Args:
        folder: the folder of the report.
        results: the `results.writer.Result`s.
        settings: the `CompletionSettings`.
    """
    with open(os.path.join(os.path.dirname(__file__), "report.html"), encoding="utf-8") as file:
        page = string.Template(file.read())
    shown = settings.flags() | {"frame": settings.frame, "own_mask": settings.own_mask}
    shown = {k: v for k, v in sorted(shown.items())
             if k not in ("imgs", "init") and v is not None}
    measured = {k: np.mean(values) for k in ("psnr", "ssim", "l1") if (
        values := [r.measured[k] for r in results if r.measured])}
    common = dict(
        count=len(results),
        means=", ".join([f"loss {np.mean([r.loss for r in results]):.1f}",
                         *(f"{k.upper()} {v:.3f}" for k, v in measured.items())]),
        settings=" ".join(f"<b>{html.escape(k)}</b>&nbsp;{html.escape(str(v))}"
                          for k, v in shown.items()))
    paths = [names.path(folder, "report", page=page + 1)
             for page in range(math.ceil(len(results) / PAGE))]
    for number, path in enumerate(paths):
        rows = results[number * PAGE:][:PAGE]
        links = " ".join(
            f"<b>{k + 1}</b>" if k == number else f'<a href="{os.path.basename(other)}">{k + 1}</a>'
            for k, other in enumerate(paths))
        writing.write_text(path, page.substitute(
            common, rows="\n".join(map(_row, rows)),
            pages=f"<p>Pages of {PAGE}: {links}</p>" if len(paths) > 1 else ""))
    for number in itertools.count(len(paths) + 1):
        path = names.path(folder, "report", page=number)
        if not record.is_ours(path):
            break
        record.remove(path)


def _row(result):
    frame = result.frame
    masked = np.where(frame.mask[..., np.newaxis] == 1, frame.image, HIDDEN).astype(np.uint8)
    pictures = "".join(
        f"<td>{picture(image)}</td>"
        for image in (frame.image, masked, result.completed, frame.truth))
    pictures += f"<td>{photo(result)}</td>"
    numbers = "".join(f'<td data-value="{value}">{value:{form}}</td>' for value, form in (
        (result.loss, ".1f"), (result.contextual, ".1f"), (result.perceptual, ".3f"),
        (len(result.curve) - 1, "d")))
    numbers += "".join(
        f'<td data-value="{result.measured[k]}">{result.measured[k]:{form}}</td>'
        if result.measured else "<td>–</td>"
        for k, form in (("psnr", ".2f"), ("ssim", ".3f"), ("l1", ".3f")))
    name = html.escape(frame.name)
    return (f'<tr><td data-value="{name}">{name}</td>{pictures}<td>{curve(result.curve)}</td>'
            f"{numbers}</tr>")


def picture(image):
    """An HTML element that contains a picture as PNG; a dash for None."""
    if image is None:
        return "–"
    data = io.BytesIO()
    drawing.as_pillow(image).save(data, format="PNG")
    return f'<img src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}" alt="">'


def photo(result):
    """The whole picture with the outline of the frame and the landmarks of the alignment."""
    if result.photo is None:
        return picture(None)
    image, scale = result.photo
    place = result.frame.place
    points = () if place.points is None else place.points
    corners = place.corners(len(result.frame.image))
    outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in (corners + 0.5) * scale)
    circles = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
                      for x, y in (np.array(points).reshape(-1, 2) + 0.5) * scale)
    said = f"<title>placed by {placing.BY[place.by]}</title>" if place.by else ""
    return (f'<div class="photo">{picture(image)}<svg viewBox="0 0 {image.shape[1]} '
            f'{image.shape[0]}">{said}<polygon points="{outline}"/>{circles}</svg></div>')


def curve(losses):
    """A loss curve as SVG, on its own logarithmic scale."""
    places = np.unique(np.linspace(0, len(losses) - 1, CURVE_POINTS).astype(int))
    values = np.log(np.maximum(np.array(losses)[places], 1e-6))
    x = places / max(len(losses) - 1, 1) * 120
    y = 60 - (values - values.min()) / max(np.ptp(values), 1e-6) * 56 - 2
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y))
    return (f'<svg viewBox="0 0 120 60"><title>from {losses[0]:.1f} to {losses[-1]:.1f} in '
            f'{len(losses) - 1} iterations</title><polyline points="{points}"/></svg>')
