"""--validation: what is measured on held-out faces, and which checkpoint is kept for it."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from conftest import (
    SHARED,
    assert_one_line_error,
    draw_faces,
    f32,
    needs_shared,
    run_here,
    run_script,
    tiny,
    train_here,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.kills import weights_in
from dcgan.messages import UserError
from dcgan.training import validation
from dcgan.training.validation import SCALARS
from model import DCGAN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """9 drawn faces that no training here has seen."""
    return draw_faces(tmp_path_factory.mktemp("others"), 9, seed=5)


FLAGS = ("--validation_interval", 2, "--epoch", 9, "--save_interval", 3)


def curve(folder, tag):
    events = EventAccumulator(str(folder / "logs"), size_guidance={"tensors": 0}).Reload()
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)}


def test_the_verdict():
    model, _ = tiny(16)
    images = np.random.default_rng(0).uniform(-1, 1, (70, 16, 16, 3)).astype(np.float32)
    logits = model.discriminator(f32(images))[1].numpy()
    accuracy, mean = validation.verdict(model, images)
    assert accuracy == pytest.approx(np.mean(logits > 0)) and 0 < accuracy < 1
    assert mean == pytest.approx(logits.mean(), rel=1e-5)


@needs_shared
def test_the_completion_is_complete_pys(tmp_path):
    """PSNR of the same faces by `complete.py --preset fast --gaussian 0`, as results.csv has it."""
    files = sorted((SHARED / "faces" / "test").iterdir())[:4]
    model = DCGAN.from_checkpoint("pretrained", batch_size=64)
    images = np.stack(validation.read_spread(list(map(str, files)), 4, model, True))
    contextual, psnr = validation.completion(model, images)
    result = run_here(
        "complete.py", *files, "--preset", "fast", "--gaussian", 0, "--precision", "float32",
        "--checkpointDir", "pretrained", "--outDir", tmp_path, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    rows = np.genfromtxt(tmp_path / "results.csv", delimiter=",", names=True, dtype=None,
                         encoding="utf-8")
    assert psnr == pytest.approx(rows["psnr"].mean(), abs=0.02)
    assert contextual == pytest.approx(rows["contextual"].mean(), rel=0.01)


def test_what_is_written_and_kept(faces, others, tmp_path, capsys, monkeypatch):
    """The best of steps 2, 4, 6, over a start in between and those that delete old checkpoints."""
    quality = {2: 10.0, 4: 12.0, 6: 11.0, 8: 12.5}
    measured = []

    def completion(model, images):
        assert images.shape == (9, 16, 16, 3)
        measured.append(len(measured))
        return 100.0, quality[2 * len(measured)]

    monkeypatch.setattr(validation, "completion", completion)
    flags = ("--validation", others, *FLAGS, "--max_to_keep", 1)
    train_here(tmp_path, faces, "--max_steps", 5, *flags)
    assert "best at step 4, 12.00 dB in held-out faces: checkpoint/best" in capsys.readouterr().out
    best = tmp_path / "checkpoint" / "best"
    assert sorted(path.name for path in best.glob("*.index")) == ["DCGAN-4.index"]
    train_here(tmp_path, faces, "--max_steps", 7, *flags)
    assert "best at step 4, 12.00 dB" in capsys.readouterr().out
    assert json.loads((best / "validation.json").read_text())["step"] == 4
    train_here(tmp_path, faces, "--max_steps", 8, *flags)
    assert [path.name for path in best.glob("*.index")] == ["DCGAN-8.index"]
    assert DCGAN.from_checkpoint(str(best)).image_size == 16
    assert curve(tmp_path, "validation/psnr") == quality
    for tag in SCALARS:
        assert list(curve(tmp_path, tag)) == [2, 4, 6, 8]


def test_other_faces_and_a_damaged_record_begin_anew(faces, others, tmp_path, capsys):
    train_here(tmp_path, faces, "--validation", others, "--max_steps", 2, *FLAGS)
    record = tmp_path / "checkpoint" / "best" / "validation.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"psnr": 99}))
    more = draw_faces(tmp_path / "more", 3, seed=6)
    train_here(tmp_path, faces, "--validation", more, "--max_steps", 4, *FLAGS)
    assert "was measured on other pictures" in capsys.readouterr().err
    assert json.loads(record.read_text())["step"] == 4
    record.write_text("{}")
    train_here(tmp_path, faces, "--validation", more, "--max_steps", 6, *FLAGS)
    assert "is damaged; renamed to" in capsys.readouterr().err
    assert json.loads(record.read_text())["step"] == 6


def test_it_is_of_the_average_and_changes_no_weight(faces, others, tmp_path):
    flags = ("--max_steps", 3, "--ema", 0.9, "--deterministic")
    weights = []
    for folder, more in (("with", ("--validation", others, *FLAGS)), ("without", FLAGS[2:])):
        (tmp_path / folder).mkdir()
        result = run_script(
            "train-dcgan.py", "--dataset", faces, "--image_size", 16, "--batch_size", 8,
            "--gf_dim", 4, "--df_dim", 4, "--z_dim", 10, *flags, *more, cwd=tmp_path / folder)
        assert result.returncode == 0, result.stderr
        weights.append(weights_in(str(tmp_path / folder)))
    for name in weights[0]:
        np.testing.assert_array_equal(weights[0][name], weights[1][name], err_msg=name)
    model, _ = tiny(16)
    model.make_optimizers(ema=0.5)
    for variable in model.average.values():
        variable.assign(variable + 1)
    twin = validation.twin_of(model)
    validation.copy_weights(model, twin)
    name, other = "generator/g_h1/w", "discriminator/d_h0_conv/w"
    np.testing.assert_array_equal(twin.vars[name], model.average[name])
    np.testing.assert_array_equal(twin.vars[other], model.vars[other])


def test_a_checkpoint_that_cannot_be_kept(others, tmp_path, capsys):
    """A warning, and the training goes on; so it does with a picture that cannot be read."""
    (tmp_path / "checkpoint").mkdir()
    shutil.copytree(others, tmp_path / "faces")
    (tmp_path / "faces" / "bad.png").write_text("no picture")
    (tmp_path / "checkpoint" / "best").write_text("not a folder")
    train_here(tmp_path, tmp_path / "faces", "--validation", tmp_path / "faces", "--max_steps", 2,
               *FLAGS)
    said = capsys.readouterr()
    assert "training continues" in said.err and "bad.png: not an image; skipped" in said.err
    assert "2 steps done" in said.out


@pytest.mark.parametrize("flags,words", [
    (["--validation", "nowhere"], ["--validation nowhere: no such file or folder"]),
    (["--validation_interval", "0"], ["--validation_interval 0: must be at least 1"]),
    (["--validation_interval", "7"], ["--validation_interval 7: works only with --validation"])])
def test_nonsense(faces, tmp_path, flags, words):
    assert_one_line_error(
        run_here("train-dcgan.py", "--dataset", faces, *flags, cwd=tmp_path), *words)


def test_a_folder_of_nothing_readable(faces, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_text("no picture")
    with pytest.raises(UserError, match="^--validation data: none of its pictures can be read"):
        train_here(tmp_path, faces, "--validation", "data")
