#!/usr/bin/env python3
"""How fast training and completion are, beside the machine's ceiling, PyTorch and the article.

    .venv/bin/python benchmarks/bench.py                          all of it: `make bench`
    .venv/bin/python benchmarks/bench.py --only train-bfloat16    one row, seconds per step last

Rows are KIND-WHO-PRECISION-batchN-sizeN, of which only KIND must be said: train or search; of us,
torch or article; in float32 or bfloat16; N pictures of N pixels. Each runs in a process of its own,
the compared ones in several rounds by turns; what counts is the median.
"""

import importlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np  # noqa: E402

import utils  # noqa: E402  (the project's root is on the path only now)
from utils import UserError, number  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
COMPARED = ("matmul-float32", "matmul-bfloat16",
            "train-float32", "train-torch-float32", "train-article",
            "train-bfloat16", "train-torch-bfloat16",
            "search-float32", "search-torch-float32", "search-article",
            "search-bfloat16", "search-torch-bfloat16")
SIZES = ("batch16", "batch32", "batch128", "batch256", "size32", "size128")
SCALED = tuple(f"{kind}-{size}" for kind in ("train-float32", "train-bfloat16", "search-float32")
               for size in SIZES)
SCRIPTS = ("script-train", "script-complete", "script-memory", "script-startup")
QUALITY = ("quality-original", "quality-fast")
PATTERN = re.compile(r"(train|search)(?:-(torch|article))?(?:-(float32|bfloat16))?"
                     r"(?:-batch(\d+))?(?:-size(\d+))?")


def median_time(step, seconds=6.0, least=3):
    """Median seconds of `step()`, called so often and so long, after two calls to warm up."""
    step(), step()
    times = []
    while len(times) < least or sum(times) < seconds:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def operations(kind, model):
    """Floating point operations that a step cannot do without: two per multiply-add.

    A training step passes 6 times through G and 10 times through D, forward or backward, by inputs
    or by weights; a search iteration twice through each.
    """
    macs = {"generator": 0, "discriminator": 0}
    for name, shape in model.architecture.shapes().items():
        net, layer, part = name.split("/")
        if part not in ("w", "Matrix"):
            continue
        places = 1
        if part == "w":  # at the places of its smaller side
            i = int(re.search(r"\d+", layer)[0])
            places = (4 * 2 ** (i - 1) if net == "generator"
                      else model.image_size // 2 ** (i + 1)) ** 2
        macs[net] += places * int(np.prod(shape))
    passes = {"train": (6, 10), "search": (2, 2)}[kind]
    return 2 * model.batch_size * (
        passes[0] * macs["generator"] + passes[1] * macs["discriminator"])


def make_inputs(model):
    """Random images, z and the center mask, as NumPy."""
    rng = np.random.default_rng(0)
    shape = (model.batch_size, model.image_size, model.image_size, model.c_dim)
    images = rng.uniform(-1, 1, shape).astype(np.float32)
    z = rng.uniform(-1, 1, (model.batch_size, model.z_dim)).astype(np.float32)
    options = SimpleNamespace(maskType="center", centerScale=0.25)
    return images, z, model.masks(options)[0]


def our_step(kind, model, images, z, mask):
    """A call that takes one step and waits for it."""
    import tensorflow as tf

    images, z = tf.constant(images), tf.constant(z)
    if kind == "train":
        model.make_optimizers()
        step = tf.function(model.train_step, jit_compile=model.jit)
        return lambda: float(step(images, z)["g_loss"])
    start, search = model.make_search(SimpleNamespace(
        approach="adam", lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8, schedule="constant",
        nIter=1000, tol=0.0))
    state = start(z, 0)
    arguments = (state, images, tf.constant(mask), tf.zeros([1, 1, 1, 1]))
    return lambda: search(*arguments, tf.constant(0), tf.constant(1))[0].z.numpy()


def torch_step(kind, model, images, z, mask, bfloat16):
    import torch
    from torch_dcgan import TorchDCGAN

    rival = TorchDCGAN(model, bfloat16)
    images, z = rival.images(images), torch.tensor(z)
    if kind == "train":
        return lambda: float(rival.train_step(images, z)[1])
    step = rival.make_search(images, rival.images(mask))
    return lambda: step(z).numpy()


def article_step(kind, model, images, z, mask):
    from article_schedule import ArticleDCGAN

    rival = ArticleDCGAN(model, training=kind == "train")
    if kind == "train":
        return lambda: rival.train_step(images, z)
    step = rival.make_search(images, mask)
    return lambda: step(z)


def run_step_row(name):
    """Time a training step or a search iteration, in this process."""
    utils.import_tensorflow()
    from model import DCGAN

    kind, who, precision, batch, size = PATTERN.fullmatch(name).groups()
    precision = precision or "float32"
    model = DCGAN(image_size=int(size or 64), batch_size=int(batch or 64),
                  precision=precision if who is None else "float32")
    inputs = make_inputs(model)
    if who == "torch":
        step = torch_step(kind, model, *inputs, bfloat16=precision == "bfloat16")
    elif who == "article":
        step = article_step(kind, model, *inputs)
    else:
        step = our_step(kind, model, *inputs)
    return {"seconds": median_time(step), "operations": operations(kind, model)}


def run_matmul(precision, n=4096):
    """Time a matrix product, the machine's ceiling."""
    utils.import_tensorflow()
    import tensorflow as tf

    a, b = (tf.cast(tf.random.stateless_uniform([n, n], [0, i], -1), precision) for i in range(2))
    product = tf.function(lambda a, b: tf.reduce_max(tf.matmul(a, b)))
    return {"seconds": median_time(lambda: float(product(a, b)), seconds=3.0),
            "operations": 2 * n**3}


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
    """train-dcgan.py at its defaults, from the second epoch on, by TensorBoard's own clock."""
    faces = draw_faces(f"{folder}/faces", 64 * steps_per_epoch)
    _, memory = run_script(
        f"{ROOT}/train-dcgan.py", "--dataset", faces, "--epoch", epochs, "--checkpoint_dir",
        f"{folder}/checkpoint", "--sample_dir", f"{folder}/samples", "--log_dir", f"{folder}/logs")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(f"{folder}/logs", size_guidance={"tensors": 0}).Reload()
    times = [event.wall_time for event in accumulator.Tensors("g_loss")]
    return {"seconds": (times[-1] - times[steps_per_epoch - 1]) / (len(times) - steps_per_epoch),
            "memory": memory}


def save_untrained(folder):
    utils.import_tensorflow()
    from model import DCGAN

    DCGAN().save(f"{folder}/checkpoint")
    return f"{folder}/checkpoint"


def run_script_complete(folder, count=64):
    """`DCGAN.complete` at complete.py's defaults but for --nIter 200, and what of it is search."""
    checkpoint = save_untrained(folder)
    from model import DCGAN

    spent = []

    class Timed(DCGAN):
        def make_search(self, config):
            start, search = super().make_search(config)

            def timed(*arguments):
                begin = time.perf_counter()
                state, losses, zs = search(*arguments)
                zs.numpy()
                spent.append(time.perf_counter() - begin)
                return state, losses, zs

            return start, timed

    config = importlib.import_module("complete").parse_args(
        [draw_faces(f"{folder}/faces", count), "--outDir", f"{folder}/out", "--nIter", "200"])
    model = Timed.from_checkpoint(checkpoint)
    begin = time.perf_counter()
    model.complete(config)
    return {"seconds": time.perf_counter() - begin, "search": sum(spent)}


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


def run_quality(which, config):
    """Time and quality of a search, and what it starts with, for 64 faces: search.py's row."""
    utils.import_tensorflow()
    from quality import psnr, ssim
    from search import load_images, search

    from model import DCGAN

    flags = {"original": ["--approach", "adam", "--lr", "0.01", "--nIter", "1000"],
             "fast": ["--preset", "fast"]}[which]
    options = importlib.import_module("complete").parse_args([config.faces, *flags])
    model = DCGAN.from_checkpoint(config.checkpointDir, precision=options.precision)
    images = load_images([config.faces], 64, model)
    hole = model.masks(options)[0][0, :, :, 0] == 0
    ((_, seconds, _, completed),) = search(model, options, images, [options.nIter])
    return {"seconds": seconds, "PSNR": psnr(completed, images, hole).mean(),
            "SSIM": ssim(completed, images, hole).mean()}


def check():
    """Stop unless the compared networks compute what ours does, from the same weights.

    Compared are G(z) with running statistics, the losses of two training steps (so the update of
    the first matters to the second), and a search iteration's loss per image.
    """
    utils.import_tensorflow()
    import torch
    from article_schedule import ArticleDCGAN
    from torch_dcgan import TorchDCGAN

    from model import DCGAN

    model = DCGAN(batch_size=8, gf_dim=16, df_dim=16)
    rng = np.random.default_rng(0)
    for name, variable in model.vars.items():
        if name.endswith(("gamma", "moving_variance", "biases", "bias", "beta", "moving_mean")):
            variable.assign(variable + rng.uniform(-0.3, 0.3, variable.shape))
    images, z, mask = make_inputs(model)
    rivals = TorchDCGAN(model), ArticleDCGAN(model, training=True)
    inference = TorchDCGAN(model), ArticleDCGAN(model, training=False)

    def agree(what, ours, theirs):
        if not np.allclose(ours, theirs, rtol=2e-3, atol=2e-3):
            difference = np.abs(np.asarray(ours) - theirs).max()
            raise UserError(f"the compared networks differ in {what}, by {difference:.2g}")

    ours = model.completion_losses(z, images, mask)[0]
    torch_images = TorchDCGAN.images
    steps = (inference[0].make_search(torch_images(images), torch_images(mask)),
             inference[1].make_search(images, mask))
    with torch.no_grad():
        G = inference[0].G(torch.tensor(z)).numpy()[:, :, ::-1, ::-1].transpose(0, 2, 3, 1)
    agree("PyTorch's G(z)", model.generator(z), G)
    agree("PyTorch's search", ours, steps[0](torch.tensor(z)))
    # The article adds the mean of the perceptual losses to each.
    perceptual = model.completion_losses(z, images, mask)[2].numpy()
    agree("the article's search", ours + model.lam * (perceptual.mean() - perceptual),
          steps[1](z.copy()))
    step = our_step_losses(model, images, z)
    for _ in range(2):
        before_update = rivals[1].session.run(
            rivals[1].d_loss, {rivals[1].images: images, rivals[1].z: z})
        d_loss, g_loss = step()
        agree("PyTorch's training step", (d_loss, g_loss), [
            float(loss.detach()) for loss in rivals[0].train_step(
                torch_images(images), torch.tensor(z))])
        agree("the article's training step", d_loss, before_update)
        rivals[1].train_step(images, z)


def our_step_losses(model, images, z):
    import tensorflow as tf

    model.make_optimizers()
    step = tf.function(model.train_step)

    def losses():
        result = step(tf.constant(images), tf.constant(z))
        return float(result["d_loss"]), float(result["g_loss"])

    return losses


def run_row(name, config):
    """Measure one row in this process: `{"seconds": ..., ...}`."""
    if name == "check":
        check()
        return {}
    if name.startswith("matmul-"):
        return run_matmul(name.removeprefix("matmul-"))
    if name.startswith("quality-"):
        return run_quality(name.removeprefix("quality-"), config)
    if name.startswith("script-"):
        with tempfile.TemporaryDirectory() as folder:
            return {"script-train": run_script_train, "script-complete": run_script_complete,
                    "script-memory": run_script_memory,
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
    def write(temporary):
        with open(temporary, "w") as file:
            json.dump({"machine": machine(), "rows": rows}, file, indent=1)

    utils.write_whole(path, write)


def machine():
    with open("/proc/cpuinfo") as info:
        cpu = re.search(r"model name\s*: (.*)", info.read())
    from importlib.metadata import version

    return {"cpu": cpu[1] if cpu else platform.machine(), "cores": os.cpu_count(),
            "tensorflow": version("tensorflow"), "torch": version("torch"),
            "python": platform.python_version(), "date": time.strftime("%Y-%m-%d")}


def medians(rounds):
    """One row of several measurements: the median of each figure."""
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def measure(config):
    """Every row, `{name: figures}`; the JSON file is up to date after each."""
    run_apart("check", config)
    rounds = {name: [] for name in COMPARED}
    for _ in range(config.rounds):
        for name in COMPARED:
            rounds[name].append(run_apart(name, config))
    rows = {name: medians(results) for name, results in rounds.items()}
    quality = QUALITY if os.path.isdir(config.faces) else ()
    for name in (*SCALED, *SCRIPTS, *quality):
        if name == "script-train":  # beside the bare step, of the same minutes
            before, rows[name], after = (
                run_apart(n, config) for n in ("train-float32", name, "train-float32"))
            rows[name]["bare"] = (before["seconds"] + after["seconds"]) / 2
        else:
            rows[name] = run_apart(name, config)
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
    train, complete, start = (rows[f"script-{n}"] for n in ("train", "complete", "startup"))
    lines += [
        f"- train-dcgan.py from its second epoch on: {train['seconds']:.3f} s per step, "
        f"{train['bare'] / train['seconds']:.1%} of the rate of the bare step "
        f"({train['bare']:.3f} s); peak memory {train['memory'] / 2**30:.2f} GiB",
        f"- complete.py, 200 iterations: {complete['seconds'] / complete['search'] - 1:.1%} on top "
        f"of its search ({complete['search']:.1f} s); peak memory with 276 pictures "
        f"{rows['script-memory']['memory'] / 2**30:.2f} GiB",
        f"- complete.py for one picture and one iteration: {start['seconds']:.1f} s; --help: "
        + ", ".join(f"{script} {seconds:.2f} s" for script, seconds in start["help"].items())]
    if "quality-fast" in rows:
        original, fast = rows["quality-original"], rows["quality-fast"]
        for what, row in (("Adam, lr 0.01, 1,000 iterations, float32", original),
                          ("--preset fast", fast)):
            lines.append(f"- {what}: {row['seconds']:.1f} s for 64 faces, PSNR in the hole "
                         f"{row['PSNR']:.2f} dB, SSIM {row['SSIM']:.3f}")
        lines.append(f"- --preset fast takes 1/{original['seconds'] / fast['seconds']:.0f} of the "
                     "time")
    return "\n".join(lines)


def parse_args(argv=None):
    parser = utils.Parser(prog="bench.py", description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="ROW", help="measure one row, in this process")
    parser.add_argument("--rounds", type=number(int, low=1), default=3,
                        help="how often the compared rows take turns")
    parser.add_argument("--json", default="benchmarks/bench.json", help="where the figures go")
    parser.add_argument("--faces", default="../shared/faces/test",
                        help="faces for the time to a quality; left out where there are none")
    parser.add_argument("--checkpointDir", default="../shared/reference-checkpoint",
                        help="the network for them")
    config = parser.parse_args(argv)
    rows = ("check", *COMPARED, *SCRIPTS, *QUALITY)
    if config.only and config.only not in rows and not PATTERN.fullmatch(config.only):
        parser.error(f"--only {config.only}: must be one of {', '.join(rows)}, or a row of "
                     "KIND-WHO-PRECISION-batchN-sizeN")
    return config


def main(argv=None):
    config = parse_args(argv)
    if config.only:
        row = run_row(config.only, config)
        write_json(config.json, {config.only: row})
        print(json.dumps(row))
        print(row.get("seconds", 0.0))
        return
    rows = measure(config)
    print(", ".join(f"{k} {v}" for k, v in machine().items()) + "\n")
    print(table(rows))


if __name__ == "__main__":
    utils.run(main, "bench.py")
