"""The pictures of a training: their order, their cache, and files that mean harm."""

import argparse
import os
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import pytest
from conftest import ROOT
from hostile import HOSTILE, damaged, write_hostile
from hypothesis import given, settings
from PIL import Image

import utils
from dcgan import messages
from dcgan.files.listing import fingerprint, list_images
from dcgan.pictures import reading
from dcgan.training.cache import Cache
from dcgan.training.dataset import Pictures

pytestmark = pytest.mark.slow
SIZE = 8


def save_numbered(folder, count):
    """Pictures whose every byte is their number."""
    paths = []
    for i in range(count):
        paths.append(str(folder / f"{i}.png"))
        utils.save_image(paths[-1], np.full((SIZE, SIZE, 3), i, np.uint8))
    return paths


def pictures(files, **settings):
    return Pictures(files, "data", SIZE, 3, True, **settings)


def numbers(batch):
    return utils.to_uint8(batch[:, 0, 0, 0]).tolist()


def some(dataset, count):
    return [numbers(batch) for batch in dataset.take(count)]


# Order


def test_epochs_show_every_image_once_in_an_order_of_the_seed(tmp_path):
    files = save_numbered(tmp_path, 12)
    batches = some(pictures(files).batches(0, 0, 4), 6)
    for epoch in (batches[:3], batches[3:]):
        assert sorted(sum(epoch, [])) == list(range(12))
    assert batches[:3] != batches[3:]
    assert batches == some(pictures(files).batches(0, 0, 4), 6)
    assert batches != some(pictures(files, seed=1).batches(0, 0, 4), 6)


@pytest.mark.parametrize("count", [12, 14])
def test_it_goes_on_from_any_place(tmp_path, count):
    files = pictures(save_numbered(tmp_path, count))
    batches = some(files.batches(0, 0, 4), 8)  # of 14, the last two are left out
    for done in range(8):
        place = files.place(done, 0, 0, 4)
        assert some(files.batches(*place, 4), 8 - done) == batches[done:]
        assert place == (done // 3, done % 3 * 4)
        assert files.steps_until(5, *place, 4) == 15 - done
    assert files.steps_until(2, 2, 0, 4) == 0
    assert files.place(1, 0, 100, 4) == (1, 4)  # there were more pictures before


def save_ramps(folder, count):
    """Pictures of which none is another, or mirrored another."""
    ramp = np.broadcast_to(np.arange(SIZE, dtype=np.uint8)[:, np.newaxis], (SIZE, SIZE, 3))
    paths = [str(folder / f"{i}.png") for i in range(count)]
    for i, path in enumerate(paths):
        utils.save_image(path, ramp + SIZE * i)
    return paths


def test_flip_mirrors_half_of_each_epoch_others_in_each(tmp_path):
    files = save_ramps(tmp_path, 32)
    plain = list(pictures(files).batches(0, 0, 4).take(16))

    def flips(**settings):
        flipped = pictures(files, flip=True, **settings).batches(0, 0, 4).take(16)
        was = []
        for batch, other in zip(plain, flipped):
            for image, now in zip(batch.numpy(), other.numpy()):
                was.append(np.array_equal(now, image[:, ::-1]))
                assert was[-1] or np.array_equal(now, image)
        return was

    once = flips()
    assert 6 < sum(once[:32]) < 26 and 6 < sum(once[32:]) < 26 and once[:32] != once[32:]
    assert once == flips(cache=str(tmp_path / "cache")) == flips(cache=str(tmp_path / "cache"))
    at = pictures(files, flip=True)
    later = list(at.batches(*at.place(11, 0, 0, 4), 4).take(1))[0]
    whole = list(at.batches(0, 0, 4).take(12))[-1]
    assert np.array_equal(later, whole)


@pytest.mark.parametrize("local,workers", [(2, 1), (1, 2), (2, 2)])
def test_replicas_share_the_batches_of_one(tmp_path, local, workers):
    files = save_ramps(tmp_path, 12)
    whole = list(pictures(files, flip=True).batches(0, 4, 4).take(5))
    shares = [list(pictures(files, flip=True).batches(0, 4, 4, rank, local, workers)
                   .take(5 * local)) for rank in range(workers)]
    for k, batch in enumerate(whole):
        assert np.array_equal(batch, np.concatenate(
            [share[k * local + r] for share in shares for r in range(local)]))


def test_what_is_unreadable_is_named_once_and_the_next_takes_its_place(tmp_path, capfd):
    files = save_numbered(tmp_path, 12)
    (tmp_path / "5.png").write_text("not a picture")
    whole = some(pictures(files).batches(0, 0, 4), 6)
    assert all(len(batch) == 4 and 5 not in batch for batch in whole)
    assert set(sum(whole[:3], [])) == set(range(12)) - {5}
    assert capfd.readouterr().err.count("5.png: not an image; skipped") == 1


def test_none_that_can_be_read_is_a_failure(tmp_path):
    (tmp_path / "a.png").write_text("not a picture")
    files = pictures([str(tmp_path / "a.png")])
    next(iter(files.batches(0, 0, 1)))
    assert "none of its 1 pictures can be read" in str(files.failure)


# The cache


def test_from_the_second_epoch_on_nothing_is_decoded(tmp_path, monkeypatch):
    files = save_numbered(tmp_path, 12)
    whole = some(pictures(files, cache=str(tmp_path / "cache")).batches(0, 0, 4), 6)
    for path in files:  # what was read is not there any more
        with open(path, "r+b") as file:
            stamp = os.stat(path)
            file.write(b"garbage")
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    again = pictures(files, cache=str(tmp_path / "cache"))
    assert some(again.batches(0, 0, 4), 6) == whole and not again.unreadable
    assert (tmp_path / "cache").stat().st_size == 32 + 12 * (SIZE * SIZE * 3 + 4)


def change_a_file(files):
    utils.save_image(files[3], np.full((SIZE, SIZE, 3), 200, np.uint8))


def add_a_file(files):
    files.append(files[0].replace("0.png", "z.png"))
    os.rename(files[3], files[-1])
    files.pop(3)


def test_a_stale_cache_is_made_anew(tmp_path):
    for change in (change_a_file, add_a_file):
        folder = tmp_path / change.__name__
        folder.mkdir()
        files = save_numbered(folder, 6)
        some(pictures(files, cache=str(tmp_path / "cache")).batches(0, 0, 6), 1)
        change(files)
        cached = some(pictures(files, cache=str(tmp_path / "cache")).batches(0, 0, 6), 1)
        assert cached == some(pictures(files).batches(0, 0, 6), 1)


@pytest.mark.parametrize("damage", ["a flipped bit", "zeros", "cut", "longer", "another key",
                                    "empty", "a folder"])
def test_a_torn_cache_is_not_trusted(tmp_path, damage, capfd):
    files, path = save_numbered(tmp_path, 6), tmp_path / "cache"
    whole = some(pictures(files, cache=str(path)).batches(0, 0, 6), 1)
    data = bytearray(path.read_bytes())
    assert len(data) == 32 + 6 * (192 + 4)
    if damage == "a flipped bit":
        data[32 + 196 + 50] ^= 4
    elif damage == "zeros":
        data[32 + 196:32 + 2 * 196] = bytes(196)
    elif damage == "another key":
        data[7] ^= 1
        data[100:] = data[50:-50]
    path.write_bytes({"cut": data[:500], "longer": data + b"x", "empty": b""}.get(damage, data))
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    files = pictures(files, cache=str(path))
    assert some(files.batches(0, 0, 6), 1) == whole
    assert ("cache: Is a directory; each epoch decodes" in capfd.readouterr().err) == (
        damage == "a folder")


def test_the_cache_keeps_what_it_was_given(tmp_path):
    key = fingerprint([], "data")
    cache = Cache(str(tmp_path / "cache"), key, 3, (2, 2, 1))
    picture = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    assert cache.get(1) is None
    cache.put(1, picture)
    np.testing.assert_array_equal(cache.get(1), picture)
    assert cache.get(0) is None and cache.get(2) is None
    # Black is a picture too.
    cache.put(2, np.zeros((2, 2, 1), np.uint8))
    assert cache.get(2).max() == 0
    data = (tmp_path / "cache").read_bytes()
    assert data[32 + 8:32 + 16] == b"\0\1\2\3" + zlib.crc32(b"\0\1\2\3").to_bytes(4, "little")


def test_a_cache_that_the_disk_has_no_room_for(tmp_path, monkeypatch, capfd):
    files = save_numbered(tmp_path, 6)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: argparse.Namespace(free=1000))
    whole = some(pictures(files, cache=str(tmp_path / "cache")).batches(0, 0, 6), 1)
    assert whole == some(pictures(files).batches(0, 0, 6), 1)
    assert "cache: needs 1,208 bytes, but 1,000 are free; each epoch" in capfd.readouterr().err
    assert not (tmp_path / "cache").exists()


def test_names_are_the_same_with_a_slash_behind_the_folder(tmp_path):
    save_numbered(tmp_path, 3)
    names = {Pictures(list_images([root]), root, SIZE, 3, True).names
             for root in (str(tmp_path), f"{tmp_path}/")}
    assert len(names) == 1


def test_a_full_disk_ends_the_cache_alone(tmp_path, monkeypatch, capfd):
    files = pictures(save_numbered(tmp_path, 6), cache=str(tmp_path / "cache"))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert sorted(sum(some(files.batches(0, 0, 2), 3), [])) == list(range(6))
    assert capfd.readouterr().err.count("No space left on device; pictures that it does not") == 1


# Files that mean harm


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile(folder)
    return folder


def test_hostile_files_are_used_or_named(hostile):
    """Each of docs/resuming.md's, in a process of its own that says what it took."""
    program = """if True:
        import sys
        sys.path.insert(0, sys.argv[1])
        import os, utils
        from dcgan import messages
        from dcgan.files.listing import list_images
        if os.getuid() == 0:  # root may read everything, also what Pillow imports at first sight
            for path in list_images([sys.argv[2]]):
                messages.attempt(lambda: utils.read_image(path, 64))
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        for path in list_images([sys.argv[2]]):
            result, reason = messages.attempt(lambda: utils.read_image(path, 64))
            assert (result is None) == (reason is not None)
            if result is not None:
                assert result.shape == (64, 64, 3)
            name = os.fsencode(os.path.relpath(path, sys.argv[2]))
            sys.stdout.buffer.write(repr((name, reason)).encode() + b"\\n")
        with open("/proc/self/status") as status:  # ru_maxrss knows pytest's own memory too
            print(*(int(line.split()[1]) // 1024 for line in status if "VmHWM" in line))
    """
    result = subprocess.run([sys.executable, "-c", program, ROOT, hostile], capture_output=True,
                            text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    *lines, memory = result.stdout.splitlines()
    found = dict(map(eval, lines))
    for name, _, reason in HOSTILE:
        said = found.pop(os.fsencode(name))
        assert reason == said or (reason and said and reason in said), (name, said)
    assert not found
    assert int(memory) < 1024
    assert "closed: Permission denied; skipped" in result.stderr


def test_hostile_files_do_not_end_a_training(hostile):
    files = pictures(list_images([str(hostile)]))
    batches = list(files.batches(0, 0, 1).take(len(files)))
    assert all(batch.shape == (1, SIZE, SIZE, 3) for batch in batches)
    unreadable = {os.path.relpath(files.files[index], hostile) for index in files.unreadable}
    root = {"unreadable.png"}  # who may read everything
    assert unreadable | root == {name for name, _, reason in HOSTILE if reason} | root


@settings(max_examples=2000, deadline=None, database=None, derandomize=True)
@given(damaged())
def test_damaged_files_are_used_or_named(data):
    """benchmarks/fuzz.py does more, and outlives a crash."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(data)
        file.flush()
        picture, reason = messages.attempt(lambda: utils.read_image(file.name, SIZE))
    assert reason is None if picture is not None else reason


def test_warnings_are_one_line_whatever_the_name(capfd):
    messages.warn("a\nb\udcff.png", "is odd")
    assert capfd.readouterr().err == "warning: a\\nb\\udcff.png: is odd\n"


def test_sixteen_bits_are_scaled(tmp_path):
    Image.fromarray(np.full((4, 4), 257 * 100, np.uint16)).save(tmp_path / "a.png")
    assert (utils.read_image(str(tmp_path / "a.png")) == 100).all()


def test_a_cache_of_pictures_that_were_read_in_another_way_is_made_anew(tmp_path, monkeypatch):
    files = save_numbered(tmp_path, 6)
    some(pictures(files, cache=str(tmp_path / "cache")).batches(0, 0, 6), 1)
    key = (tmp_path / "cache").read_bytes()[:32]
    monkeypatch.setattr(reading, "RULES", reading.RULES + 1)
    pictures(files, cache=str(tmp_path / "cache"))
    assert (tmp_path / "cache").read_bytes()[:32] != key
