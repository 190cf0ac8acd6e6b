#!/usr/bin/env python3
"""Feed files that mean harm to the reader of pictures.

`table`: those of tests/hostile.py, each in a process of its own: the result, how long that
took, and how much memory. `damage`: valid files of every format with damage of hypothesis's choice,
thousands of them; the reader may name one or use it, but not fail otherwise, hang, or take more
than 1 GiB.
"""

import _path

import collections
import multiprocessing
import os
import pathlib
import shutil
import sys
import tempfile
import time
from queue import Empty

import hypothesis
from hostile import HOSTILE, damaged, encoded, seeds, write_hostile
from PIL import Image

import utils
from dcgan import messages, settings
from dcgan.cli import flags, running

PATIENCE = 20  # seconds, after which a file counts as hanging
GIB = 2**20  # in the units of `peak`


def largest():
    """`{name: bytes}`: just below the limit of 89 million pixels, which take the most memory."""
    edge = 9400
    turned = Image.Exif()
    turned[0x112] = 6
    picture = Image.new("RGBA", (edge, edge), (10, 20, 30, 40))
    return {
        "largest-turned.png": encoded(picture, "PNG", exif=turned, compress_level=1),
        "largest-cmyk.jpg": encoded(Image.new("CMYK", (edge, edge)), "JPEG"),
        "largest-32-bits.tif": encoded(
            Image.new("I", (edge, edge)), "TIFF", compression="tiff_deflate"),
        "largest-float.tif": encoded(
            Image.new("F", (edge, edge)), "TIFF", compression="tiff_deflate")}


def peak():
    """The most memory that this process ever had, in KiB (`ru_maxrss` knows its parent's too)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def read(path):
    """Why a file cannot be used, or None."""
    return messages.attempt(lambda: utils.read_image(path, 64))[1]


def write(folder, data):
    """The path of a file with the bytes."""
    path = os.path.join(folder, "a.png")
    with open(path, "wb") as file:
        file.write(data)
    return path


def read_and_measure(path, results):
    """In a process of its own, without what the interpreter and Pillow take by themselves."""
    with tempfile.TemporaryDirectory() as folder:
        for data in seeds():
            read(write(folder, data))
    if os.getuid() == 0:  # root may read everything
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    before = peak()
    start = time.perf_counter()
    reason = read(path)
    results.put((reason, time.perf_counter() - start, peak() - before))


def print_table():
    context = multiprocessing.get_context("spawn")
    print("| file | result | seconds | MiB |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_hostile(folder)
        for name, data in largest().items():
            (folder / name).write_bytes(data)
        for name in (*(name for name, _, _ in HOSTILE), *largest()):
            results = context.Queue()
            process = context.Process(target=read_and_measure, args=(str(folder / name), results))
            process.start()
            reason, seconds, memory = results.get(timeout=120)
            process.join()
            print(f"| `{ascii(name)[1:-1]}` | {'used' if reason is None else 'skipped: ' + reason} "
                  f"| {seconds:.2f} | {memory // 1024} |", flush=True)
        os.chmod(folder / "closed", 0o700)


def fuzz(cases, number, folder, queue):
    """Read files with random damage, and tell the result of each."""
    @hypothesis.settings(max_examples=cases, database=None, deadline=None,
                         phases=[hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.seed(number)
    @hypothesis.given(damaged())
    def check(data):
        path = write(folder, data)
        queue.put("begun")
        try:
            words = read(path) or "used"
        except BaseException as error:
            queue.put(f"FAILED: {error!r}")
        else:
            queue.put(words.partition("(")[0].strip())

    check()
    queue.put(peak())


def run_fuzz(cases, number):
    """Print how many files had which result; returns whether all is well."""
    context = multiprocessing.get_context("spawn")
    queue, folder = context.Queue(), tempfile.mkdtemp(prefix="fuzz-")
    process = context.Process(target=fuzz, args=(cases, number, folder, queue))
    process.start()
    counts = collections.Counter()
    try:
        while not isinstance(word := queue.get(timeout=PATIENCE), int):
            counts[word] += 1
    except Empty:
        process.kill()
        process.join()
        print(f"it hangs, or has crashed (exit code {process.exitcode}), over the file in {folder}")
        return False
    process.join()
    shutil.rmtree(folder)
    begun = counts.pop("begun")
    failed = sum(count for words, count in counts.items() if words.startswith("FAILED"))
    print(f"{begun} files: {failed} failed; " + ", ".join(
        f"{count} {words}" for words, count in counts.most_common()))
    print(f"peak memory of the process: {word // 1024} MiB")
    return begun == sum(counts.values()) and not failed and word < GIB


def parse_args(argv=None):
    parser = flags.Parser(prog="fuzz.py", description=__doc__)
    parser.add_argument("what", choices=("table", "damage"))
    parser.add_argument("--cases", type=settings.Number(int, low=1), default=20000, help="how many")
    parser.add_argument("--seed", type=settings.Number(int, low=0), default=0,
                        help="of the damages")
    return parser.parse_args(argv)


def main(argv=None):
    options = parse_args(argv)
    if options.what == "table":
        print_table()
    else:
        sys.exit(not run_fuzz(options.cases, options.seed))


if __name__ == "__main__":
    running.run(main, "fuzz.py")
