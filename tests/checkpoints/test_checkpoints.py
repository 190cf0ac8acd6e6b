"""Checkpoints: our own, and those of the original in both of its namings."""

import itertools
import os
import re
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from conftest import (
    SHARED,
    f32,
    load_script,
    needs_shared,
    randomise,
    tiny,
    train_here,
    uniform,
)
from tf1_checkpoints import published_variables, save_tf1

from dcgan.checkpoints import reading
from dcgan.checkpoints.reading import checkpoint_architecture
from dcgan.files import record
from dcgan.messages import UserError
from dcgan.networks.architecture import Architecture
from model import DCGAN

pytestmark = pytest.mark.slow


def head_variables():
    """The same as the original's HEAD names and sizes them, with what its Saver keeps besides."""
    variables = published_variables(widths=(16, 16, 8, 4))
    renamed = {}
    for name, value in variables.items():
        for i in (1, 2, 3):
            if f"d_bn{i}/" in name:
                name = name.replace(f"d_bn{i}/", f"d_bn{i - 1}/")
                break
        renamed[name.replace("d_h3_lin", "d_h4_lin")] = value
    renamed["generator/g_h1/w/Adam"] = renamed["generator/g_h1/w/Adam_1"] = np.ones((2, 2))
    renamed["beta1_power"] = renamed["beta2_power_1"] = np.ones(())
    return variables, renamed


def test_published_naming_loads(tmp_path):
    variables = published_variables()
    save_tf1(tmp_path, variables)
    model = DCGAN.from_checkpoint(str(tmp_path))
    assert (model.image_size, model.z_dim, model.c_dim) == (64, 6, 3)
    assert model.architecture.g_widths == (16, 8, 4, 2)
    for name, value in variables.items():
        np.testing.assert_allclose(model.vars[name], value, rtol=1e-6)


def test_heads_naming_loads(tmp_path):
    variables, renamed = head_variables()
    assert "discriminator/d_bn0/gamma" in renamed and "discriminator/d_bn3/gamma" not in renamed
    save_tf1(tmp_path, renamed)
    model = DCGAN.from_checkpoint(str(tmp_path))
    assert model.architecture.g_widths == (16, 16, 8, 4)
    for name, value in variables.items():
        np.testing.assert_allclose(model.vars[name], value, rtol=1e-6)


def test_a_checkpoint_is_found_where_its_list_is_of_another_place(tmp_path):
    save_tf1(tmp_path, published_variables())
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/home/someone/DCGAN.model-7"\n')
    assert checkpoint_architecture(str(tmp_path)).z_dim == 6
    assert checkpoint_architecture(str(tmp_path / "DCGAN.model-7")).z_dim == 6


@pytest.mark.parametrize("damage", [b"", b"garbage", bytes(range(256))])
def test_a_checkpoint_is_found_where_its_list_is_damaged(tmp_path, damage):
    save_tf1(tmp_path, published_variables())
    (tmp_path / "checkpoint").write_bytes(damage)
    assert checkpoint_architecture(str(tmp_path)).z_dim == 6


def test_missing_left_over_and_misshapen_variables_are_listed(tmp_path):
    variables = published_variables()
    del variables["generator/g_bn1/gamma"]
    variables["generator/g_extra/w"] = np.ones(3)
    variables["discriminator/d_bn2/beta"] = np.ones(5)
    save_tf1(tmp_path, variables)
    with pytest.raises(UserError) as error:
        DCGAN.from_checkpoint(str(tmp_path))
    message = str(error.value)
    assert "missing: generator/g_bn1/gamma;" in message
    assert "unexpected: generator/g_extra/w;" in message
    assert "of another shape: discriminator/d_bn2/beta (5,) instead of (8,)" in message
    assert "\n" not in message


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    save_tf1(tmp_path, {"dense/kernel": np.ones((2, 2))})
    with pytest.raises(UserError, match="missing: .*unexpected: dense/kernel"):
        checkpoint_architecture(str(tmp_path))


def test_another_networks_checkpoint_is_refused_with_both_values(tmp_path):
    save_tf1(tmp_path, published_variables())
    with pytest.raises(UserError, match="z_dim is 6, expected 100"):
        DCGAN().load(str(tmp_path))


def test_no_checkpoint(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="no checkpoint in"):
            DCGAN.from_checkpoint(str(folder))


def save_own(folder, seed=0):
    model, _ = tiny(16, 1)
    randomise(model, seed)
    model.make_optimizers()
    for i in range(2):
        model.train_step(f32(uniform(4, 16, 16, 1, seed=i)), f32(uniform(4, 5, seed=i)))
    model.progress["step"].assign(2)
    assert model.save(str(folder)) == str(folder / "DCGAN-2")
    return model


def test_own_checkpoint_restores_everything(tmp_path):
    saved = save_own(tmp_path)
    model = DCGAN.from_checkpoint(str(tmp_path))
    assert model.architecture == saved.architecture
    resumed = DCGAN(architecture=saved.architecture)
    resumed.make_optimizers()
    resumed.load(str(tmp_path))
    for name in saved.vars:
        np.testing.assert_array_equal(model.vars[name], saved.vars[name])
        np.testing.assert_array_equal(resumed.vars[name], saved.vars[name])
    for ours, theirs in ((resumed.g_optim, saved.g_optim), (resumed.d_optim, saved.d_optim)):
        assert ours.step == theirs.step
        for name in theirs.m:
            np.testing.assert_array_equal(ours.m[name], theirs.m[name])
            np.testing.assert_array_equal(ours.v[name], theirs.v[name])
    assert resumed.progress["step"] == 2


def test_weights_only_leaves_optimizers_and_progress_fresh(tmp_path):
    saved = save_own(tmp_path)
    model = DCGAN(architecture=saved.architecture)
    model.make_optimizers()
    model.load(str(tmp_path), weights_only=True)
    np.testing.assert_array_equal(
        model.vars["generator/g_h1/w"], saved.vars["generator/g_h1/w"])
    assert model.progress["step"] == 0 and model.g_optim.step == 0


@pytest.mark.parametrize("damage", ["truncated data", "no data", "garbage index"])
def test_damaged_checkpoints_are_named(tmp_path, damage):
    save_own(tmp_path)
    data, index = tmp_path / "DCGAN-2.data-00000-of-00001", tmp_path / "DCGAN-2.index"
    if damage == "truncated data":
        data.write_bytes(data.read_bytes()[:500])
    elif damage == "no data":
        data.unlink()
    else:
        index.write_bytes(b"garbage" * 50)
    problem = ("is incomplete: its file DCGAN-2.data-00000-of-00001 is missing$"
               if damage == "no data" else "is damaged: ")
    with pytest.raises(UserError, match=f"DCGAN-2 {problem}") as error:
        DCGAN.from_checkpoint(str(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name,value", [
    ("image_size", 32), ("z_dim", 5), ("margin", 0.3), ("architecture", None)])
def test_sizes_are_read_from_the_checkpoint(tmp_path, name, value):
    model, _ = tiny()
    model.export(str(tmp_path / "weights"))
    with pytest.raises(ValueError, match=f"from_checkpoint reads {name} from the checkpoint; leave "
                                         f"it out. Received: {name}={value}"):
        DCGAN.from_checkpoint(tmp_path / "weights", **{name: value})


def test_an_export_is_weights_alone_in_half_precision(tmp_path, capsys):
    model, values = tiny()
    model.make_optimizers()
    model.export(str(tmp_path / "new" / "DCGAN.model-3"))
    assert sorted(os.listdir(tmp_path / "new")) == [
        "DCGAN.model-3.data-00000-of-00001", "DCGAN.model-3.index"]
    reader = tf.train.load_checkpoint(str(tmp_path / "new" / "DCGAN.model-3"))
    assert reader.get_variable_to_shape_map().keys() == values.keys()
    for name, dtype in reader.get_variable_to_dtype_map().items():
        assert dtype == (tf.float16 if name.endswith(("/w", "/Matrix")) else tf.float32)
    again = DCGAN.from_checkpoint(str(tmp_path / "new"))
    assert again.architecture == model.architecture
    for name, value in values.items():
        np.testing.assert_allclose(again.vars[name], value, rtol=2**-11, atol=1e-7)
    with pytest.raises(UserError, match="DCGAN.model-3.index.*cannot be written"):
        model.export(str(tmp_path / "new" / "DCGAN.model-3.index" / "x"))


@pytest.mark.parametrize("name,words", [
    ("checkpoint/DCGAN-1", "names like DCGAN-STEP are reserved for trainings"),
    ("checkpoint/w", "already exists"), ("checkpoint", "must be the name of a checkpoint"),
    ("checkpoint/", "must be the name of"), ("", "must be the name of"),
    ("pretrained", "read-only"),
    ("a[1]", "TensorFlow cannot read")])
def test_an_export_overwrites_nothing_and_is_found_again(tmp_path, monkeypatch, name, words):
    model, _ = tiny()
    monkeypatch.chdir(tmp_path)
    model.save("checkpoint")
    model.export("checkpoint/w")
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=f"^--export {re.escape(name)}: .*{words}"):
        train_here(tmp_path, "unused", "--export", name, sizes=())
    assert files == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_the_pretrained_network_takes_the_place_of_none(tmp_path, monkeypatch, capsys, faces):
    tiny(batch_size=1)[0].export(str(tmp_path / "shipped" / "DCGAN.model-3"))
    monkeypatch.setattr("dcgan.checkpoints.finding.PRETRAINED", str(tmp_path / "shipped"))
    monkeypatch.chdir(tmp_path)
    complete = load_script("complete.py").main
    flags = [str(faces / "face_0.png"), "--nIter", "1"]
    complete(flags)
    assert capsys.readouterr().out.startswith(
        "no checkpoint in checkpoint: using the face network in shipped\n")
    complete([*flags, "--checkpointDir", "pretrained"])
    assert "no checkpoint" not in capsys.readouterr().out
    complete([str(faces / "face_0.png"), "--init", "completions/latents.npz", "--nIter", "0"])
    with pytest.raises(UserError, match="no checkpoint in nowhere"):
        complete([*flags, "--checkpointDir", "nowhere"])
    DCGAN(image_size=8, z_dim=5, gf_dim=2, df_dim=2).save("checkpoint")
    complete([*flags, "--imgSize", "8"])  # one's own goes first
    assert "no checkpoint" not in capsys.readouterr().out


def test_a_training_starts_from_the_pretrained_network_only_when_told(
        tmp_path, monkeypatch, capsys, faces):
    model, values = tiny(z_dim=10, gf_dim=4, df_dim=4)
    model.export(str(tmp_path / "shipped" / "DCGAN.model-3"))
    monkeypatch.setattr("dcgan.checkpoints.finding.PRETRAINED", str(tmp_path / "shipped"))
    files = {name: (tmp_path / "shipped" / name).read_bytes()
             for name in os.listdir(tmp_path / "shipped")}
    for name in ("pretrained", "shipped", "../shipped/../shipped/"):
        with pytest.raises(UserError, match=f"--checkpoint_dir {name}: .* --init pretrained"):
            (tmp_path / "here").mkdir(exist_ok=True)
            train_here(tmp_path / "here" if name.startswith("..") else tmp_path, faces,
                       "--checkpoint_dir", name, "--max_steps", 1)
    train_here(tmp_path, faces, "--init", "pretrained", "--max_steps", 1, sizes=("--batch_size", 8))
    assert "starting from the weights of" in capsys.readouterr().out
    moved = DCGAN.from_checkpoint(str(tmp_path / "checkpoint")).vars["generator/g_h1/w"]
    assert 0 < np.abs(moved - values["generator/g_h1/w"]).max() < 0.01
    train_here(tmp_path, faces, "--checkpoint_dir", "own", "--max_steps", 1)
    assert "starting from" not in capsys.readouterr().out
    assert files == {name: (tmp_path / "shipped" / name).read_bytes() for name in files}


@needs_shared
def test_the_published_checkpoints_index_has_our_names_and_shapes():
    assert checkpoint_architecture(
        str(SHARED / "upstream-checkpoint" / "DCGAN.model-60502")) == Architecture.make()


@needs_shared
def test_the_reference_checkpoint_makes_faces():
    """Its samples' mean is a face: darker at the eyes than between and below them."""
    model = DCGAN.from_checkpoint(str(SHARED / "reference-checkpoint"))
    mean = model.generator(model.initial_z(range(64))).numpy().mean(axis=(0, 3))
    eyes = (mean[10:16, 16:22].mean() + mean[10:16, 42:48].mean()) / 2
    cheeks = (mean[28:34, 14:20].mean() + mean[28:34, 44:50].mean()) / 2
    assert cheeks - eyes > 0.1


@pytest.mark.parametrize("name", ["DCGAN-2", "DCGAN-2.index", "DCGAN-2.data-00000-of-00001",
                                  "checkpoint"])
def test_any_of_a_checkpoints_files_stands_for_it(tmp_path, name):
    saved = save_own(tmp_path)
    model = DCGAN.from_checkpoint(str(tmp_path / name))
    np.testing.assert_array_equal(
        model.vars["generator/g_h1/w"], saved.vars["generator/g_h1/w"])


@pytest.mark.parametrize("name", ["DCGAN-2", "DCGAN-2.index"])
def test_a_training_does_not_write_into_one_checkpoint(tmp_path, faces, name):
    save_own(tmp_path)
    with pytest.raises(UserError, match="must be a folder, not one checkpoint; to start .* --init"):
        train_here(tmp_path, faces, "--checkpoint_dir", name, sizes=())


def test_a_folder_whose_name_tensorflow_cannot_read_is_the_cause(tmp_path):
    """It is whole: said to be damaged, it would be thrown away."""
    save_own(tmp_path / "ck")
    os.rename(tmp_path / "ck", tmp_path / "ck [1]")
    with pytest.raises(UserError, match=r"ck \[1\]/DCGAN-2: TensorFlow cannot read paths that "
                                        r"contain \[ \] \* \? .*; rename the folder"):
        DCGAN.from_checkpoint(str(tmp_path / "ck [1]"))
    os.rename(tmp_path / "ck [1]", tmp_path / "ck (1)")
    DCGAN.from_checkpoint(str(tmp_path / "ck (1)"))


@pytest.mark.parametrize("moment", range(1, 8))
def test_a_reader_beside_a_training_that_keeps_one(tmp_path, monkeypatch, moment):
    """As best/ is replaced, at whatever moment: the reader gets one of the two."""
    model, folder = tiny(8)[0], str(tmp_path / "best")
    model.save(folder, max_to_keep=1)
    count, opened = itertools.count(1), reading.open_checkpoint

    def open_checkpoint(path):
        if next(count) == moment:
            model.progress["step"].assign_add(1)
            model.save(folder, max_to_keep=1)
        return opened(path)

    monkeypatch.setattr(reading, "open_checkpoint", open_checkpoint)
    read = DCGAN.from_checkpoint(folder)
    assert next(count) > moment, "nothing was replaced"
    for name, variable in read.vars.items():
        np.testing.assert_array_equal(variable, model.vars[name])


def test_a_reader_in_front_of_a_checkpoint_that_is_being_written(tmp_path, monkeypatch):
    """One of the same step is written anew: for a moment, no index is there."""
    model, put = tiny(8)[0], record.put
    model.save(str(tmp_path))
    readers, found = [], []

    def read():
        found.append(DCGAN.from_checkpoint(str(tmp_path)))

    def slowly(beside, path, **more):
        if path.endswith(".index"):
            readers.append(threading.Thread(target=read))
            readers[0].start()
            time.sleep(0.2)
        put(beside, path, **more)

    monkeypatch.setattr(record, "put", slowly)
    model.save(str(tmp_path))
    readers[0].join()
    assert len(found) == 1


def test_the_new_one_stays_beside_one_of_a_higher_step(tmp_path):
    model, _ = tiny(8)
    for step in (8, 6):
        model.progress["step"].assign(step)
        model.save(str(tmp_path), max_to_keep=1)
    assert [path.name for path in tmp_path.glob("*.index")] == ["DCGAN-6.index"]
