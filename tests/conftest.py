import contextlib
import functools
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the tolerances are the CPU's

import dcgan  # noqa: F401, I001  (TensorFlow reads the environment when it is imported)
import numpy as np
import pytest
import tensorflow as tf

import utils
from dcgan.cli import running
from dcgan import messages
from dcgan.files import record
from dcgan.faces.places import made_of
from model import DCGAN

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"

needs_chromium = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not there")
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")


def pytest_sessionstart():
    """A record of results that lies in the temporary folder, or above, is that of the tests too."""
    for found in record.above(os.path.join(tempfile.gettempdir(), "test")):
        pytest.exit(f"{found.path} is the record of results that a script has written there; "
                    "remove it", returncode=2)


def run_script(script, *args, cwd, **environment):
    """Run one of the scripts as a user does."""
    return subprocess.run([sys.executable, ROOT / script, *map(str, args)], cwd=cwd, text=True,
                          capture_output=True, timeout=240, env=os.environ | environment)


def run_here(script, *args, cwd):
    """The same in this process, where TensorFlow is imported already: for what a script computes,
    writes and says. Returns what `run_script` does."""
    said, errors, path, code = io.StringIO(), io.StringIO(), sys.path[:], 0
    sys.path.insert(0, str((ROOT / script).parent))  # as Python does
    try:
        with (contextlib.chdir(cwd), contextlib.redirect_stdout(said),
              contextlib.redirect_stderr(errors)):
            running.run(lambda: load_script(script).main(list(map(str, args))), script)
    except SystemExit as end:
        code = end.code
    finally:
        sys.path[:] = path
    return subprocess.CompletedProcess([script, *args], code, said.getvalue(), errors.getvalue())


TINY = ("--image_size", 16, "--batch_size", 8, "--gf_dim", 4, "--df_dim", 4, "--z_dim", 10)


def train_here(folder, faces, *flags, sizes=TINY):
    """train-dcgan.py in this process, where TensorFlow is imported already; may raise."""
    with contextlib.chdir(folder):
        load_script("train-dcgan.py").main(
            [str(flag) for flag in ("--dataset", faces, *sizes, *flags)])


def load_script(script):
    """A script as a module, whatever its name."""
    spec = importlib.util.spec_from_file_location("script", ROOT / script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_one_line_error(result, *words):
    """Exit code 2, no traceback, and one line of stderr with all the words."""
    assert result.returncode == 2, result.stderr
    lines = [line for line in result.stderr.splitlines()
             if line.strip() and not line.startswith("warning: ")]
    assert len(lines) == 1, result.stderr
    assert "error: " in lines[0]
    for word in words:
        assert str(word) in lines[0], f"{word!r} is not in {lines[0]!r}"


def draw_faces(folder, count, size=16, seed=0):
    """Some of the demo's faces as PNG files."""
    import drawing

    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        utils.save_image(str(folder / f"face_{i}.png"),
                         drawing.draw_face(np.random.default_rng([seed, i]), size))
    return folder


def randomise(model, seed=0):
    """Give every variable a value of ordinary size, so that no term hides behind a zero."""
    rng = np.random.default_rng(seed)
    for name, variable in model.vars.items():
        if name.endswith(("gamma", "variance")):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        else:
            variable.assign(rng.normal(0, 0.2, variable.shape))
    return model


def tiny(image_size=16, c_dim=3, lowres=8, **settings):
    """A model with random values everywhere, and its values as float64."""
    settings = {"z_dim": 5, "gf_dim": 2, "df_dim": 2, "batch_size": 4} | settings
    model = randomise(DCGAN(image_size=image_size, c_dim=c_dim, **settings))
    model.lowres = lowres
    return model, {name: v.numpy().astype(float) for name, v in model.vars.items()}


def uniform(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def f32(array):
    return tf.constant(array, tf.float32)


def save_lively(folder, **sizes):
    """A checkpoint of a network whose G(z) differ much, as those of a short training do not."""
    model = randomise(DCGAN(**{"image_size": 16, "z_dim": 10, "gf_dim": 4, "df_dim": 4} | sizes))
    model.save(str(folder / "checkpoint"))
    return folder


def faces_everywhere(function, jobs, processes, **_):
    """Takes the place of align.py's `run_jobs`: each picture is a face, as it is."""
    for path, output in jobs:
        face, reason = messages.attempt(functools.partial(utils.read_image, path, 8))
        if face is not None:
            utils.save_image(output, face, of=made_of(path, function.keywords["settings"]))
        yield path, reason or "aligned"


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """24 drawn faces of 16x16 pixels."""
    return draw_faces(tmp_path_factory.mktemp("faces"), 24)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, faces):
    """The folder of a tiny training by the real script: checkpoint/, samples/, logs/."""
    folder = tmp_path_factory.mktemp("trained")
    result = run_script(
        "train-dcgan.py", "--dataset", faces, "--image_size", 16, "--batch_size", 8, "--gf_dim", 4,
        "--df_dim", 4, "--z_dim", 10, "--epoch", 2, "--save_interval", 2, "--sample_interval", 3,
        "--summary_interval", 2, "--max_to_keep", 2, cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "stdout").write_text(result.stdout)
    return folder


# For the tests of what complete.py writes, in several files


@pytest.fixture(scope="session")
def lively(tmp_path_factory):
    """The checkpoint of a network whose G(z) differ much."""
    return str(save_lively(tmp_path_factory.mktemp("lively")) / "checkpoint")


@pytest.fixture(scope="session")
def three_faces(tmp_path_factory):
    """A folder of them, other than `faces`."""
    return draw_faces(tmp_path_factory.mktemp("three_faces"), 3, seed=5)


@pytest.fixture(scope="session")
def done(lively, three_faces, tmp_path_factory):
    """--outDir after two candidates for each of three faces."""
    from completing import run

    folder = tmp_path_factory.mktemp("done")
    run(lively, three_faces, "--outDir", folder, "--nCandidates", 2, "--blend", "poisson",
        "--nIter", 6, "--outInterval", 2, "--log_dir", folder / "logs", "--video", "search.mp4",
        "--approach", "adam", "--lr", 0.1)
    return folder


def astronaut():
    """A photograph in the public domain, `[512, 512, 3]` uint8, and the landmarks of its face."""
    import skimage

    import utils
    from dcgan.faces import detection

    path = os.path.join(os.path.dirname(skimage.__file__), "data", "astronaut.png")
    image = utils.read_image(path).copy()
    return image, detection.find_landmarks(image, detection.face_predictor_path())[0]
