"""train-dcgan.py as a user runs it: what it writes, and how it refuses."""

import os
import shutil

import numpy as np
import pytest
from conftest import TINY, assert_one_line_error, draw_faces, run_here, run_script, train_here
from PIL import Image
from trainings import checkpoints, events, variable

from dcgan.files import record
from dcgan.messages import UserError

pytestmark = pytest.mark.slow


def test_it_writes_checkpoints_samples_and_says_where(trained):
    # 24 pictures in batches of 8, two epochs: 6 steps. Saved every 2, two kept.
    assert checkpoints(trained) == ["DCGAN-4.index", "DCGAN-6.index"]
    assert sorted(os.listdir(trained / "samples")) == [
        record.NAME, "train_00_0000.png", "train_00_0002.png", "train_01_0002.png"]
    with Image.open(trained / "samples" / "train_00_0000.png") as grid:
        assert grid.size == (8 * 16, 8 * 16)
    assert "6 steps done: checkpoint checkpoint/DCGAN-6" in (trained / "stdout").read_text()


def test_it_goes_on_where_it_stopped(trained, faces, tmp_path):
    """Stopped after 4 of 6 steps and started again, it ends with the weights of one run."""
    train_here(tmp_path, faces, "--epoch", 2, "--max_steps", 4)
    assert checkpoints(tmp_path) == ["DCGAN-4.index"]
    assert (tmp_path / "samples" / "train_01_0000.png").exists()  # the last step's, in any case
    # The sizes come from the checkpoint.
    second = run_script("train-dcgan.py", "--dataset", faces, "--epoch", 2, "--batch_size", 8,
                        cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert "resuming from checkpoint/DCGAN-4 at step 4" in second.stdout
    assert checkpoints(tmp_path) == ["DCGAN-4.index", "DCGAN-6.index"]
    for name in ("variables/generator.Sg_h1.Sw", "g_optim/m/generator.Sg_h1.Sw",
                 "d_optim/v/discriminator.Sd_h1_conv.Sw", "g_optim/step"):
        one_run, two_runs = variable(trained, name), variable(tmp_path, name)
        # Not bitwise: sums over several threads differ in their last digits.
        assert np.mean(np.abs(one_run - two_runs)) <= 1e-3 * np.mean(np.abs(one_run)), name
    for folder in (trained, tmp_path):
        assert variable(folder, "progress/epoch") == 2
        assert variable(folder, "progress/position") == 0
    steps = [event.step for event in events(tmp_path).Tensors("d_loss")]
    assert steps == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("flags", [["--precision", "bfloat16"], ["--precision", "float16"],
                                   ["--jit"]])
def test_it_goes_on_in_another_precision_or_compiled(trained, faces, tmp_path, flags, capsys):
    """Checkpoints are the same whatever computes."""
    shutil.copytree(trained / "checkpoint", tmp_path / "checkpoint")
    train_here(tmp_path, faces, "--epoch", 3, *flags)
    assert "9 steps done" in capsys.readouterr().out
    weights = variable(tmp_path)
    assert weights.dtype == np.float32 and np.isfinite(weights).all()
    assert np.abs(weights - variable(trained)).max() > 0


def test_grey_pictures_of_any_kind_and_a_bad_one(tmp_path):
    """Every mode and shape in one folder, fewer than a batch of 64, to a grey network."""
    folder = draw_faces(tmp_path / "data" / "deep", 6)
    rng = np.random.default_rng(0)
    for i, mode in enumerate(("L", "RGBA", "P", "CMYK", "1")):
        suffix = "JPG" if mode == "CMYK" else "PNG"
        picture = Image.fromarray(rng.integers(0, 255, (20 + i, 30, 3), dtype=np.uint8))
        picture.convert(mode).save(folder / f"{mode}.{suffix}")
    (folder / "bad.png").write_text("not a picture")
    result = run_here("train-dcgan.py", "--dataset", "data", "--image_size", 8, "--gf_dim", 2,
                      "--df_dim", 2, "--c_dim", 1, "--epoch", 3, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "fewer than a batch of 64; training with batches of 12" in result.stderr
    assert result.stderr.count("bad.png: not an image; skipped") == 1
    assert "steps done" in result.stdout and checkpoints(tmp_path)
    with Image.open(tmp_path / "samples" / "train_00_0000.png") as grid:
        assert grid.mode == "L"


def test_a_dataset_whose_name_is_no_text(faces, tmp_path):
    name = os.fsdecode(b"faces\xff")
    shutil.copytree(faces, tmp_path / name)
    train_here(tmp_path, name, "--max_steps", 1)
    assert checkpoints(tmp_path) == ["DCGAN-1.index"]


@pytest.mark.parametrize("arguments,words", [
    (["--epoch", "0"], ["--epoch 0: must be at least 1"]),
    (["--learning_rate", "fast"], ["--learning_rate fast: must be a number"]),
    (["--image_size", "48"], ["--image_size", "48"]),
    (["--colour", "red"], ["--colour"])])
def test_a_bad_flag(tmp_path, arguments, words):
    assert_one_line_error(run_script("train-dcgan.py", *arguments, cwd=tmp_path), *words)


def test_a_missing_and_an_empty_dataset(tmp_path):
    assert_one_line_error(run_script("train-dcgan.py", "--dataset", "nowhere", cwd=tmp_path),
                          "--dataset nowhere: no such file or folder")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="^--dataset empty: no pictures found"):
        train_here(tmp_path, "empty")
    assert os.listdir(tmp_path) == ["empty"]


def test_a_dataset_of_nothing_readable(tmp_path):
    (tmp_path / "data").mkdir()
    for i in range(3):
        (tmp_path / "data" / f"{i}.png").write_text("not a picture")
    result = run_here("train-dcgan.py", "--dataset", "data", *TINY, cwd=tmp_path)
    assert_one_line_error(result, "--dataset data", "none of its 3 pictures can be read")
    assert not checkpoints(tmp_path)


@pytest.mark.parametrize("flag", ["--checkpoint_dir", "--sample_dir", "--log_dir"])
def test_folders_that_cannot_be_written(faces, tmp_path, flag):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"^{flag} file/out: cannot write there: Not a directory"):
        train_here(tmp_path, faces, flag, "file/out")
