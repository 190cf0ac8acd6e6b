#!/usr/bin/env python3
"""How fast training and completion are, beside the machine's ceiling, PyTorch and the article.

    .venv/bin/python benchmarks/bench.py                          all of it: `make bench`
    .venv/bin/python benchmarks/bench.py --only train-bfloat16    one row, seconds per step last

Rows are KIND-WHO-PRECISION-batchN-sizeN, of which only KIND must be said: train or search; of us,
torch or article; in float32 or bfloat16; N pictures of N pixels. Each runs in a process of its own,
the compared ones in several alternating rounds; what counts is the median.
"""

from _path import ROOT

import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from steps import PATTERN, center_mask, check, run_matmul, run_step_row

import utils
from dcgan import settings
from dcgan.cli import flags, running
from dcgan.files import naming, record, writing
from dcgan.files.listing import list_images
from dcgan.machine import importing
from dcgan.messages import UserError
from dcgan.metrics import psnr, ssim
from dcgan.settings import Number

COMPARED = ("matmul-float32", "matmul-bfloat16",
            "train-float32", "train-torch-float32", "train-article",
            "train-bfloat16", "train-torch-bfloat16",
            "search-float32", "search-torch-float32", "search-article",
            "search-bfloat16", "search-torch-bfloat16")
SIZES = ("batch16", "batch32", "batch128", "batch256", "size32", "size128")
SCALED = tuple(f"{kind}-{size}" for kind in ("train-float32", "train-bfloat16", "search-float32")
               for size in SIZES)
SCRIPTS = ("script-train", "script-memory", "script-startup")
FACES = ("script-complete", "script-fast", "search-fast")  # with faces and a network for them
# The bare step that a script's row is held against, of the minutes before and behind it.
BARE = {"script-train": "train-float32", "script-complete": "search-float32"}


def run_script(*arguments):
    """Run a script of ours; its `(seconds, peak bytes)`."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, *map(str, arguments)], stdout=output,
                                   stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise UserError(f"{arguments[0]} failed:\n{output.read().decode()}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def draw_faces(folder, count):
    run_script(f"{ROOT}/demo/draw_faces.py", folder, "--count", count)
    return folder


def run_script_train(folder, steps_per_epoch=10, epochs=4):
    """train-dcgan.py from the second epoch on, by TensorBoard's own clock.

    So short a training sees sample grids and checkpoints only if they come more often than by
    default: there is one of each in the time that counts.
    """
    faces = draw_faces(f"{folder}/faces", 64 * steps_per_epoch)
    _, memory = run_script(
        f"{ROOT}/train-dcgan.py", "--dataset", faces, "--epoch", epochs, "--checkpoint_dir",
        f"{folder}/checkpoint", "--sample_dir", f"{folder}/samples", "--log_dir", f"{folder}/logs",
        "--sample_interval", 20, "--save_interval", 30)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(f"{folder}/logs", size_guidance={"tensors": 0}).Reload()
    times = [event.wall_time for event in accumulator.Tensors("g_loss")]
    return {"seconds": (times[-1] - times[steps_per_epoch - 1]) / (len(times) - steps_per_epoch),
            "memory": memory}


def save_untrained(folder):
    importing.import_tensorflow()
    from model import DCGAN

    DCGAN().save(f"{folder}/checkpoint")
    return f"{folder}/checkpoint"


def run_script_complete(config, *flags):
    """complete.py with 64 faces in one batch; with the quality of what it makes."""
    from search import spread

    with tempfile.TemporaryDirectory() as folder:
        seconds, _ = run_script(f"{ROOT}/complete.py", *spread([config.faces], 64),
                                "--checkpointDir", config.checkpointDir, "--outDir", folder, *flags)
        made, truth = read_results(folder, config.faces)
    hole = center_mask(made.shape[1]) == 0
    return {"seconds": seconds, "PSNR": psnr(made, truth, hole).mean(),
            "SSIM": ssim(made, truth, hole).mean()}


def read_results(folder, truth):
    """What complete.py wrote and the truth of it, each `[B, H, W, 3]` uint8.

    Args:
        folder: its --outDir.
        truth: a folder of the whole pictures, no two of one name.

    Raises:
        UserError: a result has no picture of its name in `truth`.
    """
    whole = naming.by_stem(list_images([truth]), "")
    results = list_images([os.path.join(folder, "images")])
    if not {naming.seen_stem(path) for path in results} <= whole.keys():
        raise UserError(f"{folder}: has pictures that are not in {truth}")
    images = np.stack([utils.read_image(path) for path in results])
    return images, np.stack(
        [utils.read_image(whole[naming.seen_stem(path)], images.shape[1]) for path in results])


def run_script_memory(folder, count=276):
    """Peak memory of complete.py with that many pictures."""
    _, memory = run_script(
        f"{ROOT}/complete.py", draw_faces(f"{folder}/faces", count), "--checkpointDir",
        save_untrained(folder), "--outDir", f"{folder}/out", "--nIter", 50)
    return {"memory": memory}


def run_script_startup(folder):
    """Seconds of each --help, and of complete.py for one picture and one iteration."""
    checkpoint, face = save_untrained(folder), draw_faces(f"{folder}/faces", 1)
    helps = {script: statistics.median(run_script(f"{ROOT}/{script}", "--help")[0]
                                       for _ in range(5))
             for script in ("train-dcgan.py", "complete.py", "align.py", "simple-distributions.py")}
    once = statistics.median(
        run_script(f"{ROOT}/complete.py", face, "--checkpointDir", checkpoint, "--outDir",
                   f"{folder}/out", "--nIter", 1)[0] for _ in range(3))
    return {"seconds": once, "help": helps}


def run_search_fast(config):
    """The search of `--preset fast` alone, from making its bank to the last iteration."""
    importing.import_tensorflow()
    from search import load, search, spread

    loaded = load(["--preset", "fast"], spread([config.faces], 64), config.checkpointDir)
    return {"seconds": statistics.median(search(*loaded)[0] for _ in range(3))}


def run_row(name, config):
    """Measure one row in this process: `{"seconds": ..., ...}`."""
    if name == "check":
        check()
        return {}
    if name.startswith("matmul-"):
        return run_matmul(name.removeprefix("matmul-"))
    if name == "script-complete":
        return run_script_complete(config, "--approach", "adam", "--lr", "0.01", "--nIter", "1000")
    if name == "script-fast":
        return run_script_complete(config, "--preset", "fast")
    if name == "search-fast":
        return run_search_fast(config)
    if name.startswith("script-"):
        with tempfile.TemporaryDirectory() as folder:
            return {"script-train": run_script_train, "script-memory": run_script_memory,
                    "script-startup": run_script_startup}[name](folder)
    return run_step_row(name)


def run_apart(name, config):
    """Measure one row in a process of its own."""
    print(f"  {name}", end=" ", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/row.json"
        process = subprocess.run(
            [sys.executable, __file__, "--only", name, "--json", path, "--faces", config.faces,
             "--checkpointDir", config.checkpointDir], stdout=subprocess.DEVNULL)
        if process.returncode:
            raise UserError(f"the row {name} failed")
        with open(path) as file:
            result = json.load(file)["rows"][name]
    print(f"{result.get('seconds', 0):.3f} s", file=sys.stderr, flush=True)
    return result


def write_json(path, rows):
    writing.write_text(path, json.dumps({"machine": machine(), "rows": rows}, indent=1))


def machine():
    from importlib.metadata import PackageNotFoundError, version

    with open("/proc/cpuinfo") as info:
        cpu = re.search(r"model name\s*: (.*)", info.read())
    result = {"cpu": cpu[1] if cpu else platform.machine(), "cores": os.cpu_count(),
              "python": platform.python_version(), "tensorflow": version("tensorflow")}
    with contextlib.suppress(PackageNotFoundError):  # only `make bench` needs it
        result["torch"] = version("torch")
    return result | {"date": time.strftime("%Y-%m-%d")}


def medians(rounds):
    """One row of several measurements: the median of each figure."""
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def measure(config):
    """Every row, `{name: figures}`; the JSON file is up to date after each."""
    run_apart("check", config)
    rounds, rows = {name: [] for name in COMPARED}, {}

    def add(name):
        row = run_apart(name, config)
        if name in rounds:
            rounds[name].append(row)
            row = medians(rounds[name])
        rows[name] = row
        write_json(config.json, rows)
        return row

    for _ in range(config.rounds):
        for name in COMPARED:
            add(name)
    for name in (*SCALED, *SCRIPTS, *(FACES if os.path.isdir(config.faces) else ())):
        bare = BARE.get(name)
        before = run_apart(bare, config) if bare else None
        row = add(name)
        if bare:
            row["bare"] = (before["seconds"] + run_apart(bare, config)["seconds"]) / 2
    write_json(config.json, rows)
    return rows


def table(rows):
    """The figures as Markdown."""
    lines = ["| what | seconds | GFLOP/s | of the ceiling | ours takes, of this |",
             "| --- | --- | --- | --- | --- |"]
    for name in (*COMPARED, *SCALED):
        row = rows[name]
        precision = "bfloat16" if "bfloat16" in name else "float32"
        rate, ceiling = (r["operations"] / r["seconds"] / 1e9
                         for r in (row, rows[f"matmul-{precision}"]))
        rival = re.match(r"(train|search)-(torch|article)", name)
        ours = ""
        if rival:
            ours = f"{rows[f'{rival[1]}-{precision}']['seconds'] / row['seconds']:.2f}"
            if rival[2] == "article":
                share = rows[f"{rival[1]}-bfloat16"]["seconds"] / row["seconds"]
                ours += f"; bfloat16 {share:.2f}"
        lines.append(f"| {name} | {row['seconds']:.3f} | {rate:.0f} | {rate / ceiling:.0%} | "
                     f"{ours} |")
    lines.append("")
    train, start = rows["script-train"], rows["script-startup"]
    lines += [
        f"- train-dcgan.py from its second epoch on: {train['seconds']:.3f} s per step, "
        f"{train['bare'] / train['seconds']:.1%} of the rate of the bare step "
        f"({train['bare']:.3f} s); peak memory {train['memory'] / 2**30:.2f} GiB",
        f"- complete.py with 276 pictures: peak memory "
        f"{rows['script-memory']['memory'] / 2**30:.2f} GiB",
        f"- complete.py for one picture and one iteration: {start['seconds']:.1f} s; --help: "
        + ", ".join(f"{script} {seconds:.2f} s" for script, seconds in start["help"].items())]
    if "script-fast" in rows:
        original, fast = rows["script-complete"], rows["script-fast"]
        search, fast_search = 1000 * original["bare"], rows["search-fast"]["seconds"]
        for what, row, alone in (("--approach adam --lr 0.01 --nIter 1000", original, search),
                                 ("--preset fast", fast, fast_search)):
            lines.append(f"- complete.py {what}: {row['seconds']:.1f} s for 64 faces, of them "
                         f"{alone:.1f} s of search; PSNR in the hole {row['PSNR']:.2f} dB, SSIM "
                         f"{row['SSIM']:.3f}")
        lines += ["- complete.py with 1,000 iterations takes "
                  f"{original['seconds'] / search - 1:.1%} more than its search",
                  f"- --preset fast takes 1/{search / fast_search:.0f} of the search, "
                  f"1/{original['seconds'] / fast['seconds']:.0f} of the whole command"]
    return "\n".join(lines)


def parse_args(argv=None):
    parser = flags.Parser(prog="bench.py", description=__doc__)
    parser.add_argument("--only", metavar="ROW", help="measure one row, in this process")
    parser.add_argument("--rounds", type=Number(int, low=1), default=3,
                        help="how often the compared rows take turns")
    parser.add_argument("--json", type=settings.path,
                        help="where the figures go (benchmarks/bench.json; with --only nowhere)")
    parser.add_argument("--faces", type=settings.path, default="../shared/faces/test",
                        help="faces for the time to a quality; left out where there are none")
    parser.add_argument("--checkpointDir", type=settings.path,
                        default="../shared/reference-checkpoint", help="the network for them")
    config = parser.parse_args(argv)
    if config.only and not is_row(config.only):
        rows = ", ".join(("check", *COMPARED, *SCRIPTS, *FACES))
        parser.error(f"--only {config.only}: must be one of {rows}, or a row of "
                     "KIND-WHO-PRECISION-batchN-sizeN")
    if not config.only and not config.json:
        config.json = os.path.join(ROOT, "benchmarks", "bench.json")
    return config


def is_row(name):
    """Whether `run_row` knows it."""
    if name in ("check", *COMPARED, *SCRIPTS, *FACES):
        return True
    parts = PATTERN.fullmatch(name)
    if not parts:
        return False
    _, who, precision, batch, size = parts.groups()
    return ((who, precision) != ("article", "bfloat16") and int(batch or 64) > 0
            and int(size or 64) in (8, 16, 32, 64, 128, 256))


def main(argv=None):
    config = parse_args(argv)
    if config.json:
        record.require_free([config.json])
    if config.only:
        row = run_row(config.only, config)
        if config.json:
            write_json(config.json, {config.only: row})
        print(json.dumps(row))
        print(row.get("seconds", 0.0))
        return
    rows = measure(config)
    print(", ".join(f"{k} {v}" for k, v in machine().items()) + "\n")
    print(table(rows))


if __name__ == "__main__":
    running.run(main, "bench.py")
