#!/usr/bin/env python3
"""See that a change of the code changes nothing for users: record what the scripts do, and compare.

    .venv/bin/python benchmarks/unchanged.py record BEFORE --repository ../checkout-of-before
    .venv/bin/python benchmarks/unchanged.py record AFTER
    .venv/bin/python benchmarks/unchanged.py compare BEFORE AFTER

`record` runs the scripts of a checkout as a user does, on pictures of ../shared, with fixed seeds
and one thread. Each case has a folder: what its commands write, and output.json with what they say.
`compare` wants two recordings of one machine to be the same bit for bit: pictures by their bytes;
checkpoints, npz, csv, json and TensorBoard's files by what is in them; of `--help` the flags,
choices and defaults. Times, ids of runs, absolute paths, progress bars and TensorFlow's graph are
left out.
"""

# Nothing of the program is imported here: this has to outlive every change that it judges.
import argparse
import csv
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
ENVIRONMENT = {"TF_ENABLE_ONEDNN_OPTS": "1", "CUDA_VISIBLE_DEVICES": "-1", "COLUMNS": "100",
               "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1",
               "TF_NUM_INTEROP_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
# Python runs this before a script. TensorFlow orders a graph's operations by how long they took
# before, even with one thread, and AddN adds up its inputs in an order that depends on that: of two
# runs with one seed, one in two had other last digits after four iterations of a search. Its other
# executor has a fixed order.
SITE = """\
import importlib.util
import sys


class InOrder:
    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow.python.eager.context":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module.context().function_call_options = module.FunctionCallOptions(
                executor_type="SINGLE_THREADED_EXECUTOR")

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, InOrder())
"""
SHOWN = 5  # differences of one file
# Of run.json, hparams and records of files: when, where and under which name. The files that a
# SHA-256 is of are compared themselves.
INCIDENTAL = {"id", "folder", "machine", "time", "sha256", "process", "host", "since"}
BAR = re.compile(r"\d+%\||\d+(\.\d+)?(it|step|picture|batch|s)? \[\d\d:|\d/\d+ \[")

NETWORK = "--checkpointDir ../inputs/network"
FACES = f"complete.py ../inputs/faces {NETWORK}"
PHOTOS = f"complete.py ../inputs/photos {NETWORK} --preset fast --nIter 4 --nInit 64"
TRAIN = ("train-dcgan.py --dataset ../inputs/training --gf_dim 8 --df_dim 8 --batch_size 8 "
         "--sample_interval 10 --save_interval 10 --summary_interval 5 --deterministic")
LATENT = "train-dcgan.py --checkpoint_dir ../recipe/checkpoint --dataset ../inputs/training"
ALIGN = "align.py ../inputs/photos"
# By name: command lines, run in a folder of that name. A case may read the results of one above it.
CASES = {
    "article": [f"{FACES} --preset article --nIter 9 --outInterval 4 --seed 3"],
    "fast": [f"{FACES} --preset fast --outInterval 10"],
    "best": [f"{FACES} --preset best --nIter 8 --outInterval 4 --batchSize 3"],
    "init": [f"{FACES} --init ../article/completions/latents.npz --nIter 4 --letterbox"],
    "random": [f"{FACES} --maskType random --fraction 0.6 --nIter 40 --outInterval 5 --lr 0.003 "
               "--tol 0.02 --patience 4"],
    "left": [f"{FACES} --maskType left --approach adam --beta1 0.8 --nIter 6 --outInterval 2 "
             "--nCandidates 2 --combine best --video film.mp4"],
    "half": [f"{FACES} --maskType half --maskSide top --contextual weighted --window 5 "
             "--nIter 6 --outInterval 3 --batchSize 3 --log_dir logs"],
    "pattern": [f"{FACES} --maskType pattern --approach hmc --hmcL 3 --hmcAnneal 1.1 --nIter 4 "
                "--outInterval 2 --nCandidates 2 --log_dir logs"],
    "full": [f"{FACES} --maskType full --prior saturating --lam 0.5 --nIter 4 --no-keepBest"],
    "grid": [f"{PHOTOS} --maskType grid --no-crop --precision float32 --schedule constant"],
    "lowres": [f"{PHOTOS} --maskType lowres --crop --nInit 16 --initBy best"],
    "letterbox": [f"{PHOTOS} --letterbox --blend paste --centerScale 0.3 --log_dir logs"],
    "mask": [f"{PHOTOS} --mask ../inputs/mask.png --contextual mixed --mix 0.3 --video film.mp4"],
    "masks": [f"{PHOTOS} --mask ../inputs/masks --truth ../inputs/photos --align"],
    "alpha": [f"complete.py ../inputs/alpha.png {NETWORK} --nIter 3 --maskFromAlpha "
              "--region 20,15,110,120 --truth ../inputs/truth/alpha.png"],
    "color": [f"complete.py ../inputs/painted.png {NETWORK} --nIter 3 --maskColor '#00ff00' "
              "--maskTolerance 20 --align --landmarks ../inputs/landmarks.csv"],
    "faces": [f"complete.py ../inputs/pair.png ../inputs/photos {NETWORK} --nIter 3 --align "
              "--faces all --alignBy outerEyesAndNose"],
    "recipe": [f"{TRAIN} --max_steps 20"],
    "flags": [f"{TRAIN} --flip --ema 0.9 --diffaug color translation --label_smoothing 0.1 --r1 1 "
              f"--r1_interval 4 --lr_schedule cosine --validation ../inputs/faces "
              f"--validation_interval 5 --max_steps {steps}" for steps in (10, 20)],
    "warm": [f"{TRAIN} --init ../recipe/checkpoint --no-crop --no-cache --max_steps 2 --seed 1"],
    "latent": [f"{LATENT} --visualize samples", f"{LATENT} --visualize interpolate",
               f"{LATENT} --visualize sweep", f"{LATENT} --visualize neighbours",
               f"{LATENT} --visualize arithmetic --positive ../inputs/faces "
               "--negative ../inputs/photos"],
    "export": ["train-dcgan.py --checkpoint_dir ../recipe/checkpoint --export small",
               "complete.py ../inputs/faces --checkpointDir small --nIter 2"],
    "align": [f"{ALIGN} align innerEyesAndBottomLip faces --jobs 1 --verbose",
              f"{ALIGN} align outerEyesAndNose flat --size 64 --flat --skipMulti --jobs 1",
              f"{ALIGN} align outerEyesAndNose flat --size 64 --flat --skipMulti --jobs 1",
              f"{ALIGN} computeMean --outputDir mean --jobs 1"],
    "distributions": ["simple-distributions.py --outDir out --seed 1"],
    "help": [f"{script} --help" for script in (
        "complete.py", "train-dcgan.py", "align.py", "align.py x align",
        "align.py x computeMean", "simple-distributions.py")],
    "errors": [
        "complete.py", "complete.py nowhere.png", f"{FACES} --centerScale 0.7",
        f"{FACES} --maskType round", f"{FACES} --mask ../inputs/mask.png --maskFromAlpha",
        f"{FACES} --maskTolerance 3", f"{FACES} --truth ../inputs/truth", f"{FACES} --faces all",
        f"{FACES} --align --landmarks ../inputs/landmarks.csv --faces all",
        f"{FACES} --align --letterbox", f"{FACES} --video film.avi", f"{FACES} --window 4",
        f"{FACES} --init ../inputs/mask.png", f"{FACES} --region 1,2", f"{FACES} --maskColor green",
        "complete.py ../inputs/faces --checkpointDir nowhere",
        f"{FACES} --mask ../inputs/truth", "train-dcgan.py --dataset nowhere",
        "train-dcgan.py --visualize sweep --export x", "train-dcgan.py --visualize arithmetic",
        "train-dcgan.py --coordinate 3", "train-dcgan.py --r1_interval 4",
        "train-dcgan.py --r1 1 --precision float16", "train-dcgan.py --validation_interval 5",
        "train-dcgan.py --visualize sweep --coordinate 100", ALIGN,
        "align.py nowhere align outerEyesAndNose faces",
        f"{ALIGN} align outerEyesAndNose faces --size 4", "simple-distributions.py --seed -1"]}


def make_inputs(folder):
    """The pictures, masks and landmarks that the cases read."""
    def listed(*parts):
        root = os.path.join(SHARED, "faces", *parts)
        return sorted(os.path.join(at, name) for at, _, names in os.walk(root) for name in names)

    def place(*parts):
        path = os.path.join(folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    for kind, files in (("faces", listed("test")[::69]), ("training", listed("train")[::150][:24])):
        for path in files:
            shutil.copyfile(path, place(kind, os.path.basename(path)))
    raw = [listed("raw", person)[0] for person in ("Abdullah_Gul", "Ali_Abbas", "Ben_Kingsley")]
    shutil.copyfile(raw[0], place("photos", "gul.jpg"))  # with an alpha channel
    photos = [Image.open(path).convert("RGB") for path in raw]
    photos[1].save(place("photos", "abbas.png"))
    photos[2].save(place("photos", "kingsley.jpg"), quality=90)
    for name, photo in zip(("gul", "abbas", "kingsley"), photos):
        w, h = photo.size
        mask = Image.new("L", photo.size)
        ImageDraw.Draw(mask).ellipse((0.4 * w, 0.55 * h, 0.6 * w, 0.7 * h), 255)
        mask.save(place("masks", f"{name}.png"))
    mask.resize((200, 200)).save(place("mask.png"))
    photo = photos[0].resize((150, 160))
    photo.save(place("truth", "alpha.png"))
    painted = photo.copy()
    ImageDraw.Draw(painted).rectangle((60, 85, 90, 110), (0, 250, 10))
    painted.save(place("painted.png"))
    alpha = Image.new("L", photo.size, 255)
    ImageDraw.Draw(alpha).rectangle((60, 85, 90, 110), 0)
    photo.putalpha(alpha)
    photo.save(place("alpha.png"))
    pair = Image.new("RGB", (photos[1].width + photos[2].width, 240))
    pair.paste(photos[1], (0, 0))
    pair.paste(photos[2], (photos[1].width, 50))
    pair.save(place("pair.png"))
    with open(place("landmarks.csv"), "w") as file:
        file.write("painted.png,72,58,85,59,72,89\n")
    for at, _, names in os.walk(folder):
        for name in names:  # records of files and the key of a training's cache have their times
            os.utime(os.path.join(at, name), (10**9, 10**9))
    os.symlink(os.path.join(SHARED, "reference-checkpoint"), place("network"))


def record(folder, repository, only):
    """Run the cases; `recording.json`, which comes last, says that the recording is whole."""
    for needed in (os.path.join(SHARED, "faces"), os.path.join(repository, "complete.py")):
        os.stat(needed)
    os.makedirs(folder)
    make_inputs(os.path.join(folder, "inputs"))
    site = os.path.join(folder, "site")
    os.mkdir(site)
    with open(os.path.join(site, "sitecustomize.py"), "w") as file:
        file.write(SITE)
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": site}
    names = [name for name in CASES if name in (only or CASES)]
    start, cpu = time.monotonic(), os.times()
    with tqdm(total=sum(len(CASES[name]) for name in names), unit="command", disable=None) as bar:
        for name in names:
            cwd, runs = os.path.join(folder, name), []
            os.mkdir(cwd)
            for command in CASES[name]:
                bar.set_postfix_str(name)
                script, *flags = shlex.split(command)
                run = subprocess.run(
                    [sys.executable, os.path.join(repository, script), *flags], cwd=cwd, text=True,
                    stdin=subprocess.DEVNULL, capture_output=True, env=environment)
                runs.append({"command": command, "code": run.returncode, "stdout": run.stdout,
                             "stderr": run.stderr})
                if (run.returncode != 0) != (name == "errors"):
                    tqdm.write(f"{name}: exit code {run.returncode}: {command}\n{run.stderr}")
                bar.update()
            with open(os.path.join(cwd, "output.json"), "w") as file:
                json.dump(runs, file, indent=1)
    end = os.times()
    used = sum(end[i] - cpu[i] for i in (2, 3))  # of the processes that were waited for
    with open(os.path.join(folder, "recording.json"), "w") as file:
        json.dump({"folder": folder, "repository": repository, "cases": names}, file)
    print(f"{len(names)} cases in {time.monotonic() - start:.0f} s ({used:.0f} s of a core): "
          f"{folder}")


def flags_of(text):
    """The usage in a text of `--help`, and each flag's default."""
    usage = " ".join(text.split("\n\n")[0].split())
    entries = {}
    for part in re.split(r"\n {2}(?=-)", text)[1:]:
        default = re.search(r"\(default: (.*)\)", " ".join(part.split("\n\n")[0].split()))
        entries[re.split(r"  |\n", part)[0]] = default and default[1]
    return {"usage": usage, "flags": entries}


def read_json(text):
    """A text of JSON without what is incidental."""
    return json.loads(text, object_hook=lambda each: {
        key: value for key, value in each.items() if key not in INCIDENTAL})


def read_npz(path):
    """`{name: array}` of an npz; the settings in it as a dict."""
    with np.load(path) as file:
        return {name: read_json(str(file[name])) if name == "settings" else file[name]
                for name in file.files}


def read_checkpoint(path):
    """`{name: array}` of the checkpoint with an index."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(path.removesuffix(".index"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
            if name != "_CHECKPOINTABLE_OBJECT_GRAPH"}


def read_events(paths):
    """`{tag and step: values}` of a folder's files for TensorBoard."""
    import tensorflow as tf
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    found = {}
    for path in paths:
        for entry in tf.data.TFRecordDataset(path).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(entry)
            for value in event.summary.value:
                data = value.metadata.plugin_data
                if data.plugin_name == "hparams":
                    start = HParamsPluginData.FromString(data.content).session_start_info
                    read = {name: str(each) for name, each in start.hparams.items()}
                elif value.tag != "images_per_second":
                    read = [value.metadata.summary_description, data.plugin_name,
                            tf.make_ndarray(value.tensor)]
                else:
                    read = "a time"
                found.setdefault(f"{value.tag} of step {event.step}", []).append(read)
            if event.graph_def:
                found["graph"] = f"of step {event.step}"
    return found


def read_output(text):
    """What a case's commands said, without progress bars."""
    runs = json.loads(text)
    for run in runs:
        pieces = re.split(r"[\n\r]", run["stderr"])
        run["stderr"] = [each for each in pieces if each.strip() and not BAR.search(each)]
        if "--help" in run["command"]:
            run["stdout"] = flags_of(run["stdout"])
    return runs


def read(path, places):
    """What a file says, for `differences`; `places` are absolute paths and words for them."""
    name, suffix = os.path.basename(path), os.path.splitext(path)[1]
    if suffix in (".npz", ".index"):
        return {".npz": read_npz, ".index": read_checkpoint}[suffix](path)
    with open(path, "rb") as file:
        content = file.read()
    if suffix not in (".json", ".html", ".csv", ".log") and name not in (
            "checkpoint", ".dcgan-files"):
        pixels = {"pixels": np.asarray(Image.open(io.BytesIO(content)))} if suffix == ".png" else {}
        return pixels | {"SHA-256": hashlib.sha256(content).hexdigest()}
    text = content.decode(errors="surrogateescape")
    for place, word in places.items():
        text = text.replace(place, word)
    if name == ".dcgan-files":
        return sorted(str(read_json(line)) for line in text.splitlines() if line)
    if suffix == ".json":
        return (read_output if name == "output.json" else read_json)(text)
    lines = text.splitlines()
    if name == "checkpoint":
        return [line for line in lines if "timestamp" not in line]
    return list(csv.reader(lines)) if suffix == ".csv" else lines


def files_of(folder, case):
    """`{relative path: paths}` of a case's files: one, or a folder's for TensorBoard."""
    found = {}
    for at, _, names in os.walk(os.path.join(folder, case)):
        for name in sorted(names):
            path = os.path.join(at, name)
            key = os.path.join(at, "TensorBoard") if "tfevents" in name else path
            if ".data-" not in name:  # the index stands for them
                found.setdefault(os.path.relpath(key, folder), []).append(path)
    return found


def differences(before, after, where=""):
    """Yield a line for each place in which two values that `read` returned are not the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            if key not in before or key not in after:
                yield f"{where}{key}: only {'before' if key in before else 'after'}"
            else:
                yield from differences(before[key], after[key], f"{where}{key}: ")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, each in enumerate(zip(before, after)):
            yield from differences(*each, f"{where}{number}: ")
    elif isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        if (before.dtype, before.shape) != (after.dtype, after.shape):
            yield f"{where}{before.dtype}{before.shape} -> {after.dtype}{after.shape}"
        elif before.dtype == object:
            yield from differences(before.tolist(), after.tolist(), where)
        elif before.tobytes() != after.tobytes():
            yield f"{where}{np.sum(before != after)} of {before.size} values differ"
    elif repr(before) != repr(after):
        texts = repr(before), repr(after)
        first = max(0, len(os.path.commonprefix(texts)) - 30)
        yield where + " -> ".join(text[first:first + 90] for text in texts)


def load(folder):
    """What recording.json says, and the absolute paths of the recording with words for them."""
    with open(os.path.join(folder, "recording.json")) as file:
        recording = json.load(file)
    at, repository = recording["folder"], recording["repository"]
    seen = os.path.relpath(repository, os.path.join(at, "case"))  # as it is from within a case
    return recording["cases"], {f"{seen}/pretrained": "REPOSITORY/pretrained",
                                f"{repository}/": "REPOSITORY/", at: "FOLDER"}


def compare(before, after, only):
    """Print every difference; returns whether there is none."""
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    (cases, places), (other_cases, other_places) = load(before), load(after)
    names = only or list(dict.fromkeys(cases + other_cases))
    count = different = 0
    for name in ["inputs", *names]:
        files, other = files_of(before, name), files_of(after, name)
        if not files and not other:
            print(f"{name}: is in neither")
            different += 1
        for path in sorted(files.keys() | other.keys()):
            count += 1
            if path not in files or path not in other:
                lines = [f"only {'before' if path in files else 'after'}"]
            elif path.endswith("TensorBoard"):
                lines = list(differences(read_events(files[path]), read_events(other[path])))
            else:
                lines = list(differences(read(*files[path], places),
                                         read(*other[path], other_places)))
            different += bool(lines)
            for line in lines[:SHOWN]:
                print(f"{path}: {line}")
            if len(lines) > SHOWN:
                print(f"{path}: ... and {len(lines) - SHOWN} more")
    print(f"{len(names)} cases, {count} files: {different or 'none'} not the same")
    return different == 0


def parse_args(argv=None):
    parser = argparse.ArgumentParser(prog="unchanged.py", description=__doc__)
    modes = parser.add_subparsers(dest="mode", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--only", nargs="+", choices=CASES, metavar="CASE",
                        help=f"of {', '.join(CASES)}; some read what others wrote")
    recorded = modes.add_parser("record", parents=[common], help="run the scripts")
    recorded.add_argument("folder", help="where to; not there yet")
    recorded.add_argument("--repository", default=ROOT, metavar="DIR",
                          help="the checkout whose scripts are run (this one)")
    compared = modes.add_parser("compare", parents=[common], help="exit code 1: they differ")
    compared.add_argument("before", help="a recording")
    compared.add_argument("after", help="another")
    return parser.parse_args(argv)


def main(argv=None):
    config = parse_args(argv)
    try:
        if config.mode == "record":
            record(os.path.abspath(config.folder), os.path.abspath(config.repository), config.only)
        else:
            sys.exit(not compare(config.before, config.after, config.only))
    except OSError as error:
        print(f"unchanged.py: error: {error.filename}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
