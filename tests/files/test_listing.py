"""What a picture is, and where to look for some."""

import os

import pytest
from PIL import Image

import utils
from dcgan.files import record, writing
from dcgan.files.listing import MAKERS, list_images, suffixes
from dcgan.messages import UserError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder, *paths, **settings):
    return [os.path.relpath(path, folder)
            for path in list_images([str(folder / path) for path in paths or ("",)], **settings)]


def test_it_searches_recursively_in_any_case(tmp_path):
    touch(tmp_path, "b.PNG", "a.jpg", "sub/deep/c.JPEG", "sub/d.webp", "e.bmp", "notes.txt",
          "f.gif")
    assert found(tmp_path) == ["a.jpg", "b.PNG", "e.bmp", "f.gif", "sub/d.webp", "sub/deep/c.JPEG"]
    # A file that is named is taken at its word, whatever its suffix.
    assert found(tmp_path, "notes.txt") == ["notes.txt"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path, "elsewhere/a.png")
    (tmp_path / "data").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "data" / "link")
    os.symlink(tmp_path / "data", tmp_path / "data" / "circle")
    assert found(tmp_path, "data") == ["data/link/a.png"]


def test_it_says_what_is_wrong(tmp_path):
    with pytest.raises(UserError, match="^--dataset .*nowhere: no such file or folder"):
        found(tmp_path, "nowhere", flag="--dataset ")
    with pytest.raises(UserError, match="no pictures found; accepted suffixes: .*.jpg, .*.png"):
        found(tmp_path)
    touch(tmp_path, ".a.png")
    with pytest.raises(UserError, match="no pictures found; left out: 1 hidden"):
        found(tmp_path)


def test_every_format_that_is_read_is_found(tmp_path):
    """By all of its suffixes, and written so it can be read."""
    for suffix in (".jfif", ".jpe", ".ppm", ".pgm", ".jp2", ".avif", ".mpo", ".apng"):
        assert suffix in suffixes()
    Image.init()
    for suffix in suffixes():
        kind = Image.registered_extensions()[suffix]
        mode = "F" if suffix == ".pfm" else "L" if suffix in (".pgm", ".pbm") else "RGB"
        Image.new(mode, (16, 16)).save(tmp_path / f"a{suffix}", format=kind)
    assert found(tmp_path) == sorted(f"a{suffix}" for suffix in suffixes())
    for path in found(tmp_path):
        if not path.endswith(".pfm"):
            assert utils.read_image(str(tmp_path / path)).shape == (16, 16, 3)


@pytest.mark.parametrize("name", [
    ".ipynb_checkpoints/a-checkpoint.png", ".Trash-1000/files/deleted.jpg", ".thumbnails/x/a.png",
    "._a.jpg", "sub/.a.png", "__MACOSX/a.png", "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg",
    "$RECYCLE.BIN/a.png", "sub/lost+found/a.png"])
def test_hidden_and_system_files_are_left_out(tmp_path, name, capfd):
    touch(tmp_path, "a.png", name)
    assert found(tmp_path) == ["a.png"]
    assert capfd.readouterr().err == (f"warning: {tmp_path}: left out: 1 hidden, or in hidden or "
                                      "system folders\n")
    # What is named is taken, and all that is below it.
    assert found(tmp_path, name) == [name]
    if "/" in name and not os.path.basename(name).startswith("."):
        assert found(tmp_path, os.path.dirname(name)) == [name]


def test_one_line_counts_what_is_left_out_and_says_why(tmp_path, capfd):
    touch(tmp_path, "a.png", "b.HEIC", "c.heif", "sub/d.heic", "e.psd", "notes.txt", ".f.png",
          "out/g.png", "out/h.png", "masks/a.png")
    assert found(tmp_path, writes=[str(tmp_path / "out")], reads=[str(tmp_path / "masks")]) == [
        "a.png"]
    (line,) = capfd.readouterr().err.splitlines()
    for part in ("2 in folders that this command writes to", "1 hidden",
                 "1 read as masks, undamaged pictures or validation pictures",
                 "2 .heic, which is not supported (convert them to JPEG first, with heif-convert",
                 "1 .heif", "1 .psd, which is not supported"):
        assert part in line
    assert "txt" not in line


def test_heic_is_named_whatever_its_suffix(tmp_path):
    """As phones hand them on."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(OSError, match="HEIC is not supported; convert it to JPEG"):
        utils.read_image(str(path))


def test_masks_that_a_shell_names_too(tmp_path):
    touch(tmp_path, "pics/a.png", "pics/masks/a.png", "pics/one-mask.png")
    masks = [str(tmp_path / "pics" / name) for name in ("masks", "one-mask.png")]
    everything = ("pics/a.png", "pics/masks", "pics/one-mask.png")
    assert found(tmp_path, *everything, reads=masks) == ["pics/a.png"]
    assert found(tmp_path, "pics", reads=masks) == ["pics/a.png"]
    # Alone, a folder is what the user says.
    assert found(tmp_path, "pics/masks", reads=masks) == ["pics/masks/a.png"]


def test_folders_are_known_by_what_they_are_on_the_disk(tmp_path):
    touch(tmp_path, "pics/a.png", "pics/out/b.png")
    os.symlink(tmp_path / "pics", tmp_path / "link")
    assert found(tmp_path, "pics", writes=[str(tmp_path / "link" / "out")]) == ["pics/a.png"]


def results(folder, by, *names):
    folder.mkdir(exist_ok=True)
    record.claim(str(folder), by)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        writing.write_text(str(folder / name), name)


def test_what_this_program_made_is_no_picture_below_a_folder(tmp_path, capfd):
    touch(tmp_path, "a.png", "here/b.png")
    results(tmp_path / "out", "complete.py", "images/a.png")
    results(tmp_path / "samples", "train-dcgan.py", "train_00_0000.png")
    results(tmp_path / "aligned", "align.py", "c.png")
    results(tmp_path / "here", "complete.py", "before.png")
    results(tmp_path / "mean", "align.py computeMean", "mean.png")
    assert found(tmp_path) == ["a.png", "aligned/c.png", "here/b.png"]
    assert "left out: 4 made by this program in an earlier run" in capfd.readouterr().err
    assert found(tmp_path, makers=(*MAKERS, "align.py")) == ["a.png", "here/b.png"]
    # A folder of results that is named is what the user says, unless the call writes there.
    assert found(tmp_path, "out/images") == ["out/images/a.png"]
    assert found(tmp_path, "aligned") == ["aligned/c.png"]
    with pytest.raises(UserError, match="left out: 1 made by this program"):
        found(tmp_path, "out/images", writes=[str(tmp_path / "out")])
    # One that somebody has exchanged is the user's.
    (tmp_path / "samples" / "train_00_0000.png").write_text("mine")
    assert "samples/train_00_0000.png" in found(tmp_path)


def test_a_user_s_folder_that_results_go_to_is_searched(tmp_path):
    """`complete.py images --outDir .` takes the user's, and never its own."""
    touch(tmp_path, "images/mine.png", "a.png")
    results(tmp_path, "complete.py", "images/a.png", "before.png")
    here = [str(tmp_path)]
    assert found(tmp_path, "images", writes=here) == ["images/mine.png"]
    assert found(tmp_path, writes=here) == ["a.png", "images/mine.png"]


def test_files_and_folders_may_be_paths(tmp_path, capfd):
    touch(tmp_path, "a/b.png", "a/.c.png", "d.png")
    assert list_images([tmp_path / "a", tmp_path / "d.png"], writes=[tmp_path / "out"]) == [
        f"{tmp_path}/a/b.png", f"{tmp_path}/d.png"]
    assert f"{tmp_path}/d.png: left out: 1 hidden" in capfd.readouterr().err
    with pytest.raises(UserError, match="e: no such file or folder"):
        list_images([tmp_path / "e"])
