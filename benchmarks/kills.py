#!/usr/bin/env python3
"""Kill trainings, start them again, and see that nothing is lost.

`resume`: a training is killed at random steps and started again each time; it has to end in
weights that are bitwise those of one that ran through. `save`: trainings that write a checkpoint
after every step are killed at random moments; every next start has to resume from the newest
checkpoint that was seen before.
"""

from _path import ROOT

import argparse
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from dcgan import settings
from dcgan.cli import flags, running
from dcgan.messages import UserError

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

SMALL = ("--image_size", "16", "--batch_size", "8", "--gf_dim", "64", "--df_dim", "64")


class Training:
    """A process of train-dcgan.py in a folder, in which every step of it leaves a sample.

    (Its progress bar begins after a second, in which a small network takes a hundred steps.)
    """

    def __init__(self, folder, *flags):
        self.samples = os.path.join(folder, "samples")
        shutil.rmtree(self.samples, ignore_errors=True)
        script = os.path.join(ROOT, "train-dcgan.py")
        self.process = subprocess.Popen(
            [sys.executable, script, "--sample_interval", "1", *flags], cwd=folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.errors = b""
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        while data := os.read(self.process.stderr.fileno(), 4096):
            self.errors += data

    @property
    def step(self):
        """The steps that this process has done."""
        return len(glob.glob(os.path.join(self.samples, "train_*")))

    def wait_for(self, step):
        """Until so many steps of this process are done, or it has ended."""
        while self.step < step and self.process.poll() is None:
            time.sleep(0.005)

    def kill(self):
        """Kill it, and return what it said on stdout."""
        self.process.send_signal(signal.SIGKILL)
        return self.end()

    def end(self):
        """Wait for its end, and return what it said on stdout."""
        said = self.process.stdout.read().decode()
        self.reader.join()
        self.process.wait()
        return said


def steps_in(folder):
    """The newest checkpoint's step in a run's folder."""
    from dcgan.checkpoints import finding

    paths = finding.find_checkpoints(os.path.join(folder, "checkpoint"))
    return finding.step_of(paths[0]) if paths else 0


def weights_in(folder):
    """`{name: array}` of everything in the newest checkpoint."""
    from dcgan.checkpoints import reading

    path, _ = reading.newest_whole(os.path.join(folder, "checkpoint"))
    reader = reading.open_checkpoint(path)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
            if "OBJECT_GRAPH" not in name and "save_counter" not in name}


def resume(options, folder, rng):
    """Returns whether the run that was killed ends otherwise than the one that was not."""
    flags = [*options.flags, "--dataset", options.dataset, "--deterministic", "--save_interval",
             "3", "--max_steps", str(options.steps), "--epoch", "1000"]
    folders = [os.path.join(folder, name) for name in ("through", "killed")]
    for each in folders:
        os.makedirs(each)
    through = Training(folders[0], *flags)
    lost = 0
    for kill in range(options.kills):
        # Anywhere behind the start, but so that there are steps left for the other kills, and for
        # those that it takes until it is killed.
        from_step = steps_in(folders[1])
        room = (options.steps - from_step) // (options.kills - kill + 1)
        point = from_step + rng.randint(1, max(1, room))
        training = Training(folders[1], *flags)
        training.wait_for(point - from_step)
        time.sleep(rng.uniform(0, options.pause))
        training.kill()
        if training.process.returncode != -signal.SIGKILL or not training.step:
            raise UserError(f"not killed in training: {training.errors.decode()}")
        reached, saved = from_step + training.step, steps_in(folders[1])
        lost += reached > saved
        print(f"started at step {from_step}, killed after step {reached}, of which {saved} are "
              "saved", flush=True)
    Training(folders[1], *flags).end()
    through.end()
    one, other = map(weights_in, folders)
    different = [name for name in one if one[name].tobytes() != other[name].tobytes()]
    ends = [steps_in(each) for each in folders]
    print(f"{options.kills} kills, {lost} of which lost steps that were taken again: "
          f"{len(one) - len(different)} of {len(one)} tensors at step {ends[1]} are bitwise equal "
          "to those of the training that ran through")
    return bool(different or one.keys() != other.keys() or ends != [options.steps] * 2 or not lost)


def save(options, folder, rng, lane, kills, results):
    """Kill a training so many times; appends `(failed, within a save)` for each."""
    os.makedirs(folder)
    checkpoint_dir = os.path.join(folder, "checkpoint")
    flags = [*options.flags, "--dataset", options.dataset, "--save_interval", "1", "--max_to_keep",
             "2", "--epoch", "1000000"]
    for kill in range(kills):
        before = steps_in(folder)
        training = Training(folder, *flags)
        training.wait_for(1)
        time.sleep(rng.uniform(0, options.pause))
        running = training.process.poll() is None
        said = training.kill()
        after = steps_in(folder)
        names = os.listdir(checkpoint_dir)
        torn = any(name.startswith(".saving") for name in names) or len(
            [name for name in names if ".data-" in name]) != len(
            [name for name in names if name.endswith(".index")])
        failed = (not running or after < before or b"damaged" in training.errors
                  or (before > 0 and not re.search(rf"at step {before}\b", said)))
        results.append((failed, torn))
        print(f"lane {lane}, kill {kill + 1}: {before} -> {after}"
              + ", within a save" * torn + ", FAILED" * failed, flush=True)
        if failed:
            print(said, training.errors.decode(errors="replace"), flush=True)


def parse_args(argv=None):
    parser = flags.Parser(prog="kills.py", description=__doc__,
                          epilog="More flags are train-dcgan.py's.")
    parser.add_argument("what", choices=("resume", "save"))
    parser.add_argument("--dataset", type=settings.path, required=True, help="folder of pictures")
    parser.add_argument("--kills", type=settings.Number(int, low=1), default=10, help="how many")
    parser.add_argument("--steps", type=settings.Number(int, low=2), default=40,
                        help="of resume's training")
    parser.add_argument("--pause", type=settings.Number(float, low=0), default=1.0,
                        help="kill up to so many seconds after the step")
    parser.add_argument("--lanes", type=settings.Number(int, low=1), default=1,
                        help="trainings that save kills at the same time")
    parser.add_argument("--seed", type=int, help="of the moments", default=0)
    parser.add_argument("--small", action=argparse.BooleanOptionalAction, default=True,
                        help="train a small network")
    options, options.flags = parser.parse_known_args(argv)
    options.flags = [*(SMALL if options.small else ()), *options.flags]
    options.dataset = os.path.abspath(options.dataset)
    return options


def main(argv=None):
    options = parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        if options.what == "resume":
            sys.exit(bool(resume(options, folder, random.Random(options.seed))))
        results, share = [], -(-options.kills // options.lanes)
        lanes = [threading.Thread(target=save, args=(
            options, os.path.join(folder, str(lane)), random.Random(f"{options.seed} {lane}"), lane,
            share, results)) for lane in range(options.lanes)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
    failed, torn = (sum(column) for column in zip(*results))
    print(f"{len(results)} kills, {torn} of them within a save: {failed} failed starts")
    sys.exit(bool(failed))


if __name__ == "__main__":
    running.run(main, "kills.py")
