#!/usr/bin/env python3
"""Feed files that mean harm to the reader of pictures.

`table`: those of tests/hostile.py, each in a process of its own: what became of it, how long that
took, and how much memory. `mutate`: valid files of every format with random damage, thousands of
them; the reader may name one or use it, but not fail otherwise, hang, or take more than 1 GiB.
"""

import collections
import multiprocessing
import os
import pathlib
import random
import resource
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests")]

from hostile import FACE, HOSTILE, encoded, write_hostile  # noqa: E402
from PIL import Image  # noqa: E402

import utils  # noqa: E402

PATIENCE = 20  # seconds, after which a file counts as hanging
GIB = 2**20  # in the units of ru_maxrss


def seeds():
    """Valid files of every format, mode and way of writing it."""
    grey, palette, alpha = FACE.convert("L"), FACE.convert("P"), FACE.convert("RGBA")
    large = FACE.resize((300, 400))
    for picture, kind, settings in (
            (FACE, "PNG", {}), (grey, "PNG", {}), (palette, "PNG", {}), (alpha, "PNG", {}),
            (grey.convert("I;16"), "PNG", {}), (FACE.convert("1"), "PNG", {}),
            (FACE, "PNG", {"save_all": True, "append_images": [FACE.rotate(90)]}),
            (FACE, "JPEG", {}), (grey, "JPEG", {}), (FACE.convert("CMYK"), "JPEG", {}),
            (large, "JPEG", {"progressive": True}), (FACE, "MPO", {"save_all": True,
                                                                    "append_images": [FACE]}),
            (palette, "GIF", {}), (FACE, "GIF", {"save_all": True, "append_images": [alpha]}),
            (FACE, "BMP", {}), (palette, "BMP", {}), (FACE, "WEBP", {}),
            (alpha, "WEBP", {"lossless": True}), (FACE, "TIFF", {}),
            (FACE, "TIFF", {"compression": "tiff_lzw"}), (FACE, "TIFF", {"compression": "jpeg"}),
            (FACE, "PPM", {}), (FACE, "JPEG2000", {}), (FACE, "AVIF", {})):
        yield encoded(picture, kind, **settings)


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


def mutate(data, rng):
    """A file with one to four damages."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data)) if data else 0
        # Headers, where sizes stand, are hit as often as all the rest.
        at = rng.choice((at, min(at, rng.randrange(64))))
        length = rng.choice((1, 2, 4, rng.randrange(1, 200)))
        damage = rng.randrange(6)
        if damage == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif damage == 1:
            data[at:at + length] = rng.randbytes(length)
        elif damage == 2:
            data[at:at + length] = rng.choice((b"\0", b"\xff", b"\x7f")) * length
        elif damage == 3:
            del data[at:at + length]
        elif damage == 4:
            data[at:at] = data[at:at + length] * rng.randint(1, 3)
        else:
            del data[at:]
    return bytes(data)


def read(path):
    """Why a file cannot be used, or None."""
    return utils.attempt(lambda: utils.read_image(path, 64))[1]


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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    reason = read(path)
    results.put((reason, time.perf_counter() - start,
                 resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


def print_table():
    context = multiprocessing.get_context("spawn")
    print("| file | what became of it | seconds | MiB |\n| --- | --- | --- | --- |")
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


def fuzz(numbers, queue):
    """Read mutated files, by their numbers, and tell what became of each."""
    files = list(seeds())
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            rng = random.Random(number)
            path = write(folder, mutate(rng.choice(files), rng))
            queue.put((number, "begun"))
            try:
                reason = read(path)
            except BaseException as error:
                queue.put((number, f"FAILED: {error!r}"))
                continue
            words = reason or "used"
            queue.put((number, words.partition("(")[0].strip()))
        queue.put((None, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def run_fuzz(cases, first):
    """Print what became of how many; returns how many failed."""
    context = multiprocessing.get_context("spawn")
    counts, memory, failures = collections.Counter(), 0, 0
    numbers = collections.deque(range(first, first + cases))
    while numbers:
        queue = context.Queue()
        process = context.Process(target=fuzz, args=(list(numbers), queue))
        process.start()
        begun = numbers[0]
        while True:
            try:
                number, word = queue.get(timeout=PATIENCE)
            except Exception:  # queue.Empty: it hangs, or has crashed
                failures += 1
                print(f"case {begun}: hangs or has crashed (exit code {process.exitcode})")
                process.kill()
                while numbers and numbers[0] <= begun:
                    numbers.popleft()
                break
            if number is None:
                memory = max(memory, word)
                numbers.clear()
                break
            begun = number
            if word == "begun":
                continue
            counts[word] += 1
            if word.startswith("FAILED"):
                failures += 1
                print(f"case {number}: {word}")
        process.join()
    print(f"{cases} cases: {failures} failed; " + ", ".join(
        f"{count} {word}" for word, count in counts.most_common()))
    print(f"peak memory of the process: {memory // 1024} MiB")
    return failures + (memory > GIB)


def parse_args(argv=None):
    parser = utils.Parser(prog="fuzz.py", description=__doc__)
    parser.add_argument("what", choices=("table", "mutate"))
    parser.add_argument("--cases", type=utils.number(int, low=1), default=20000, help="how many")
    parser.add_argument("--first", type=utils.number(int, low=0), default=0,
                        help="number of the first; each is the same whenever it is run")
    return parser.parse_args(argv)


def main(argv=None):
    options = parse_args(argv)
    if options.what == "table":
        print_table()
    else:
        sys.exit(bool(run_fuzz(options.cases, options.first)))


if __name__ == "__main__":
    utils.run(main, "fuzz.py")
