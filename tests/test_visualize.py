"""train-dcgan.py --visualize: each picture against G computed here."""

import numpy as np
import pytest
from conftest import (
    assert_one_line_error,
    draw_faces,
    randomise,
    run_here,
    save_lively,
    train_here,
)
from PIL import Image

import utils
from dcgan import visualize
from dcgan.messages import UserError
from dcgan.training.settings import KINDS
from model import DCGAN

pytestmark = pytest.mark.slow
SIZES = {"image_size": 16, "z_dim": 10, "gf_dim": 4, "df_dim": 4}


def show(folder, kind, *flags):
    """The picture of a kind as its tiles, `[rows, columns, 16, 16, C]`."""
    train_here(folder, "unused", "--visualize", kind, *flags, sizes=())
    picture = np.asarray(Image.open(folder / "samples" / f"{kind}.png"))
    picture = picture.reshape(picture.shape[0], picture.shape[1], -1)
    rows, columns = (edge // 16 for edge in picture.shape[:2])
    return picture.reshape(rows, 16, columns, 16, -1).swapaxes(1, 2)


def G(model, z):
    return utils.to_uint8(model.generator(np.float32(z)))


def assert_alike(ours, theirs):
    """But for a byte's rounding, which the size of a batch can turn."""
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


@pytest.fixture(scope="module", params=[3, 1], ids=["rgb", "grey"])
def folder(request, tmp_path_factory):
    return save_lively(tmp_path_factory.mktemp("lively"), c_dim=request.param)


@pytest.fixture(scope="module")
def model(folder):
    return DCGAN.from_checkpoint(str(folder / "checkpoint"))


def frames(folder, kind):
    with Image.open(folder / "samples" / f"{kind}.gif") as gif:
        assert gif.info["loop"] == 0
        return gif.n_frames, gif.size


def test_each_kind_of_the_flag_has_a_picture():
    assert tuple(visualize._PICTURES) == KINDS


def test_samples_are_G_of_64_z(folder, model):
    tiles = show(folder, "samples")
    assert_alike(tiles.reshape(64, 16, 16, -1), G(model, model.initial_z(range(64))))
    assert not (show(folder, "samples", "--seed", 1) == tiles).all()


def test_interpolation_walks_from_each_z_to_the_next(folder, model):
    tiles = show(folder, "interpolate")
    z = model.initial_z(range(8)).numpy()
    assert_alike(tiles[:, 0], G(model, z))
    assert_alike(tiles[:, 7], G(model, np.roll(z, -1, axis=0)))
    assert_alike(tiles[2, 3], G(model, (4 * z[2:3] + 3 * z[3:4]) / 7)[0])
    assert frames(folder, "interpolate") == (28, (4 * 16, 2 * 16))  # there and back


def test_sweep_moves_one_coordinate(folder, model):
    tiles = show(folder, "sweep", "--coordinate", 3)
    z = model.initial_z(range(8)).numpy()
    for column, value in ((0, -1), (7, 1)):
        z[:, 3] = value
        assert_alike(tiles[:, column], G(model, z))
    assert frames(folder, "sweep")[0] == 28


def test_sweep_finds_the_coordinate_that_shows_most():
    model = randomise(DCGAN(**SIZES))
    matrix = model.vars["generator/g_h0_lin/Matrix"]
    strength = np.full((10, 1), 0.01)
    strength[6] = 1
    matrix.assign(matrix * strength)
    assert visualize._most_visible(model, model.initial_z(range(8)).numpy()) == 6


def test_the_z_of_pictures_are_found():
    model = randomise(DCGAN(**SIZES))
    images = G(model, model.initial_z(range(100, 105)))
    z = visualize.find_z(model, images)
    assert z.shape == (5, 10) and np.abs(z).max() <= 1
    wrong = np.abs(G(model, model.initial_z(range(5))).astype(int) - images).mean()
    assert np.abs(G(model, z).astype(int) - images).mean() < 0.1 * wrong


def test_arithmetic_adds_and_subtracts_means(folder, model, monkeypatch, capsys):
    """With z that are known, by each picture's first byte."""
    zs = model.initial_z(range(200, 456)).numpy()
    monkeypatch.setattr(visualize, "find_z", lambda model, images: zs[images[:, 0, 0, 0]])
    numbers = {"a": (1, 2, 3), "b": tuple(range(10, 20)), "c": (7,)}
    for group, members in numbers.items():
        (folder / group).mkdir()
        for i in members:
            utils.save_image(str(folder / group / f"{i}.png"), np.full((16, 16, 3), i, np.uint8))
    tiles = show(folder, "arithmetic", "--positive", "a", "b", "--negative", "c")
    means = {group: zs[list(members)].mean(axis=0) for group, members in numbers.items()}
    assert len(tiles) == 4
    for row, members in zip(tiles, numbers.values()):
        z = zs[list(members)]
        assert_alike(row[:len(z[:7])], G(model, z[:7]))
        assert not row[len(z):7].any()
        assert_alike(row[7], G(model, z.mean(axis=0, keepdims=True))[0])
    result = np.clip(means["a"] + means["b"] - means["c"], -1, 1)
    assert_alike(tiles[3, 0], G(model, result[np.newaxis])[0])
    assert all((tiles[3, 0] != tiles[3, i]).any() for i in range(1, 8))
    assert "row 3: - the mean of 1, c" in capsys.readouterr().out
    assert frames(folder, "arithmetic")[0] == 28


def test_neighbours_are_the_nearest_even_mirrored(folder, model, tmp_path, capfd):
    draw_faces(tmp_path, 5)
    sample = G(model, model.initial_z(range(8)))[4]
    similar = np.where(sample < 128, sample + 9, sample - 9).astype(np.uint8)
    for name, image in (("mirrored", sample[:, ::-1]), ("similar", similar)):
        utils.save_image(str(tmp_path / f"{name}.png"), image)
    (tmp_path / "broken.png").write_text("not a picture")
    tiles = show(folder, "neighbours", "--dataset", tmp_path)
    assert tiles.shape[:2] == (8, 8)
    assert_alike(tiles[4, 0], sample)
    assert_alike(tiles[4, 1], sample)
    assert_alike(tiles[4, 2], similar)
    out, err = capfd.readouterr()
    assert "nearest of 7 pictures" in out and "broken.png: not an image; skipped" in err
    distances = [float(d) for d in out.partition("of 255: ")[2].split("\n")[0].split(",")]
    assert distances[4] == 0 and min(distances[:4]) > 5


def test_what_cannot_be_visualized(folder, tmp_path):
    with pytest.raises(UserError, match="--coordinate 10: must be between 0 and 9"):
        show(folder, "sweep", "--coordinate", 10)
    with pytest.raises(UserError, match="^--positive nowhere: no such file"):
        show(folder, "arithmetic", "--positive", "nowhere")
    utils.save_image(str(tmp_path / "b.png"), np.zeros((16, 16, 3), np.uint8))
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(UserError, match="^--negative .*a.png: none of its 1 pictures"):
        show(folder, "arithmetic", "--positive", tmp_path / "b.png", "--negative",
             tmp_path / "a.png")
    with pytest.raises(UserError, match="^--dataset .*: none of its 1 pictures"):
        show(folder, "neighbours", "--dataset", tmp_path / "a.png")


@pytest.mark.parametrize("flags,words", [
    (["--visualize", "arithmetic"], "--positive smiling_women"),
    (["--coordinate", "3"], "--coordinate 3: works only with --visualize sweep; add"),
    (["--visualize", "sweep", "--negative", "a"], "--negative a: works only with --visualize"),
    (["--visualize", "samples", "--export", "a"], "cannot be combined; drop one"),
    (["--visualize", "samples", "--init", "a"], "--init a: cannot be combined with --visualize"),
    (["--visualize", "faces"], "--visualize faces: must be samples, interpolate"),
    (["--visualize", "samples", "--checkpoint_dir", "nowhere"], "no checkpoint in nowhere")])
def test_what_makes_no_sense_is_one_line(tmp_path, flags, words):
    assert_one_line_error(run_here("train-dcgan.py", *flags, cwd=tmp_path), words)
