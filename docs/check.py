#!/usr/bin/env python3
"""Run every command that README and docs/ show, in a scratch copy of the project.

Long commands are cut short by flags after their own, of which the last counts. A command that
something else runs is only named, with that. Real faces are looked for in ../shared.
"""

import argparse
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BEGINNINGS = ("./", "make ", ".venv/bin/", "tensorboard ", "git ", "source ", "find ", "cd ",
              "ruff ")
PLACEHOLDER = re.compile(r"\.\.\.|\b(FILE|FOLDER|GROUP|NAME)\b")

# What else runs a command.
ELSEWHERE = (
    (r"make (setup|test)$", ".ci/run"),
    (r"make docs-check", "this is it"),
    (r"make pins", "needs the network, and changes requirements.txt"),
    (r"make paint( |$)", "tests/page/test_paint.py"),
    (r"make paint-pictures$|\.venv/bin/python benchmarks/page\.py", "needs minutes, and Chromium"),
    (r"make bench$", "the row of it that benchmarks/RESULTS.md names"),
    (r"source \.venv/bin/activate", "every command here has the environment"),
    (r".*--strategy multiworker", "tests/training/test_cluster.py"),
    (r"\.venv/bin/python benchmarks/kills\.py", "tests/training/test_loop.py, with fewer kills"),
    (r"\.venv/bin/python -m pytest|\.ci/run", ".ci/run"),
    (r".*--checkpoint_dir \w+/DCGAN-\d",
     "tests/checkpoints/test_checkpoints.py, of another checkpoint"),
    (r".* (\.\./data/|third\b)", "needs the faces that pretrained/training_set.py aligns"),
    (r".*pretrained/training_set\.py",
     "tests/repository/test_training_set.py, with fewer photographs"),
    (r"git clone ADDRESS", "every command here is in a clone"),
    (r"git clone", "needs the network; a checkpoint of the same format stands in for it"),
    (r"cd dcgan-completion", "every command here is in the clone"),
    (r"\./openface|find |cd outputImages|ruff ", "of other programs"))
TRAINING = r"\./train-dcgan\.py --dataset (?!.*--(visualize|components))"
# Flags that cut a command short.
SHORT = (
    (TRAINING, "--max_steps 2 --batch_size 8"),
    (r"train-dcgan\.py .*--components", "--components 20"),
    (r"complete\.py .*hmc", "--nIter 1 --hmcL 2 --batchSize 8"),
    (r"complete\.py ", "--nIter 2"),
    (r"benchmarks/quality\.py", "--count 2 --maskType center --search '--nIter 1'"),
    (r"benchmarks/photographs\.py", "--count 7"),
    (r"benchmarks/search\.py", "--count 2 --iterations 1 --search '--nIter 1'"),
    (r"benchmarks/deviations\.py", "--count 2 --search '--nIter 1'"),
    (r"benchmarks/scaling\.py", "--steps 4"),
    (r"benchmarks/patience\.py", "--tol 0.01 --patience 20"),
    (r"benchmarks/unchanged\.py", "--only distributions"),
    (r"benchmarks/blend\.py", "--edge 600 --rounds 1"),
    (r"benchmarks/fuzz\.py damage", "--cases 20"))


def documents():
    """The Markdown files, README first: what it shows leaves what others build on."""
    return [os.path.join(ROOT, name) for name in ("README.md", "CONTRIBUTING.md")] + sorted(
        glob.glob(os.path.join(ROOT, "*", "*.md")))


def commands(text):
    """The commands in a Markdown text: lines of indented or `bash` blocks, and `code` that begins
    as a command does and has no placeholder."""
    text = re.sub(r" *\\\n +", " ", text)
    for block in re.split(r"(?ms)^(```.*?^```)", text):
        if block.startswith("```"):
            continue  # outputs, and a batch script
        for part in re.split(r"(?m)((?:^    .*\n)+)", block):
            inline = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", part)]
            for code in part.splitlines() if part.startswith("    ") else inline:
                code = re.sub(r"\s+#.*", "", code.strip())
                if code.startswith(BEGINNINGS) and " " in code and not PLACEHOLDER.search(code):
                    yield code


def plan(text):
    """`(command, flags, elsewhere)` of every command in a text: the flags that cut it short, or
    what else runs it."""
    for command in dict.fromkeys(commands(text)):
        elsewhere = next((who for what, who in ELSEWHERE if re.match(what, command)), None)
        flags = next((flags for what, flags in SHORT if re.search(what, command)), "")
        yield command, "" if elsewhere else flags, elsewhere


def prepare(scratch):
    """Copy the project, and put there what its documents speak of: pictures, a photograph with a
    mask, the original's checkpoint."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        os.makedirs(os.path.dirname(os.path.join(scratch, name)), exist_ok=True)
        if os.path.exists(os.path.join(ROOT, name)):
            # With its time: a newer requirements.txt would make `make` install anew.
            shutil.copy2(os.path.join(ROOT, name), os.path.join(scratch, name))
    os.symlink(os.path.realpath(os.path.join(ROOT, ".venv")), os.path.join(scratch, ".venv"))
    shared = os.path.realpath(os.path.join(ROOT, "..", "shared"))
    has_faces = os.path.isdir(shared)
    if has_faces:
        os.symlink(shared, os.path.join(os.path.dirname(scratch), "shared"))
    setup = ["demo/draw_faces.py data/aligned --count 80",
             "demo/draw_faces.py data/test/aligned --count 8 --seed 1",
             "demo/paint_over.py drawn",
             *(f"demo/draw_faces.py data/{group} --count 2 --seed {seed}"
               for seed, group in enumerate(("smiling", "men", "women"), 2))]
    for command in setup:
        run(f".venv/bin/python {command}", scratch)
    for name, target in (("dataset", "aligned"), ("test-data", "test/aligned")):
        os.makedirs(os.path.join(scratch, "data", f"your-{name}"))
        os.symlink(f"../{target}", os.path.join(scratch, "data", f"your-{name}", "aligned"))
    if has_faces:
        shutil.copytree(os.path.join(shared, "reference-checkpoint"),
                        os.path.join(scratch, "original", "checkpoint"))
        for raw in ("data/raw", "data/test/raw"):
            shutil.copytree(os.path.join(shared, "faces", "raw", "Aishwarya_Rai"),
                            os.path.join(scratch, raw, "Aishwarya_Rai"))
    for kind, target in (("photos", "photo.jpg"), ("masks", "photo-mask.png")):
        shutil.copy(os.path.join(scratch, "drawn", kind, "mouth.png"),
                    os.path.join(scratch, target))
    return has_faces


def run(command, folder):
    """Run a command in a shell, with the environment's programs first; raise if it fails."""
    path = os.path.join(folder, ".venv", "bin") + os.pathsep + os.environ["PATH"]
    result = subprocess.run(["bash", "-c", command], cwd=folder, text=True, capture_output=True,
                            env=os.environ | {"PATH": path})
    if result.returncode:
        sys.exit(f"\n{command}: ended with {result.returncode}\n{result.stdout[-2000:]}"
                 f"\n{result.stderr[-2000:]}")


def show_tensorboard(command, folder):
    """Start TensorBoard, and see that its page is there."""
    process = subprocess.Popen(
        [os.path.join(folder, ".venv", "bin", "tensorboard"), *shlex.split(command)[1:], "--port",
         "0", "--host", "127.0.0.1"], cwd=folder, text=True, stderr=subprocess.PIPE)
    try:
        line = next(line for line in process.stderr if "http://" in line)
        urllib.request.urlopen(re.search(r"http://\S+", line)[0], timeout=30).close()
    finally:
        process.terminate()
        process.wait()


def main(argv=None):
    parser = argparse.ArgumentParser(prog="check.py", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="commands with this in them")
    config = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        scratch = os.path.join(folder, "main")
        os.mkdir(scratch)
        has_faces = prepare(scratch)
        for path in documents():
            print(f"\n{os.path.relpath(path, ROOT)}")
            with open(path) as file:
                text = file.read()
            for command, flags, elsewhere in plan(text):
                if config.only not in command:
                    continue
                if not has_faces and re.search(r"\.\./shared|original/|photo\.jpg|data/.*raw",
                                               command):
                    elsewhere = "needs ../shared"
                if elsewhere:
                    print(f"     -    {command}: {elsewhere}")
                    continue
                if re.match(TRAINING, command):
                    shutil.rmtree(os.path.join(scratch, "checkpoint"), ignore_errors=True)
                before = time.monotonic()
                if command.startswith("tensorboard"):
                    show_tensorboard(command, scratch)
                else:
                    run(f"{command} {flags}", scratch)
                print(f"{time.monotonic() - before:6.1f} s  {command}"
                      + f"  [{flags}]" * bool(flags), flush=True)


if __name__ == "__main__":
    main()
