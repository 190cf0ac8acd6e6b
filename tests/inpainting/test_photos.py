"""Pictures of any size and shape as frames, and completed frames put back."""

import io
import os

import numpy as np
import pytest
from conftest import load_script
from PIL import Image, ImageOps
from PIL.ExifTags import IFD, Base

import utils
from dcgan.faces import alignment
from dcgan.faces.landmarks import read_landmarks
from dcgan.inpainting import photos
from dcgan.inpainting.photos import Framer
from dcgan.inpainting.settings import Framing
from dcgan.messages import UserError
from dcgan.pictures import saving

pytestmark = pytest.mark.slow
complete = load_script("complete.py")
HOLE = slice(6, 14), slice(20, 30)  # of the mask below


def picture(height=24, width=40, seed=0):
    """A smooth picture, `[H, W, 3]` uint8."""
    phase = np.random.default_rng(seed).uniform(0, 3, 3)
    y, x = np.mgrid[:height, :width, :1][:2] / 8
    return np.uint8(127 + 100 * np.sin(x * (1, 0.5, 2) + y + phase))


def framer(tmp_path, *flags, size=16, c_dim=3, names=("a.png",)):
    config = complete.parse_args([*(str(tmp_path / name) for name in names), *map(str, flags)])
    return Framer(config, config.imgs, size, c_dim, config.seed, [config.outDir])


@pytest.fixture
def masked(tmp_path):
    """a.png, and mask.png with a hole."""
    Image.fromarray(picture()).save(tmp_path / "a.png")
    mask = np.zeros((24, 40), np.uint8)
    mask[HOLE] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


@pytest.mark.parametrize("flag", ["--crop", "--no-crop"])
@pytest.mark.parametrize("size", [(24, 40), (40, 24), (16, 16), (9, 7)])
@pytest.mark.parametrize("c_dim", [1, 3])
def test_published_frames_are_what_the_network_was_trained_on(tmp_path, flag, size, c_dim):
    Image.fromarray(picture(*size)).save(tmp_path / "a.png")
    (frame,) = framer(tmp_path, flag, c_dim=c_dim).frames()
    expected = utils.read_image(str(tmp_path / "a.png"), 16, c_dim, crop=flag == "--crop")
    np.testing.assert_array_equal(frame.image, expected)
    np.testing.assert_array_equal(frame.truth, expected)
    assert frame.whole == (size != (16, 16))


def test_a_letterbox_knows_nothing_of_its_bars(tmp_path):
    Image.fromarray(picture(24, 48)).save(tmp_path / "a.png")
    (frame,) = framer(tmp_path, "--letterbox", "--maskType", "full").frames()
    assert (frame.mask[4:12] == 1).all() and (frame.mask[:4] == 0).all()
    assert (frame.mask[12:] == 0).all()
    assert not frame.hole.any(), "bars are not a part of the picture"
    inner = Image.fromarray(picture(24, 48)).resize((16, 8), Image.Resampling.LANCZOS)
    assert np.abs(frame.image[4:12].astype(int) - np.asarray(inner))[1:-1].max() <= 2


def test_a_region_is_cut_and_put_back(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    f = framer(tmp_path, "--region", "8,4,16,16")
    (frame,) = f.frames()
    np.testing.assert_array_equal(frame.image, picture()[4:20, 8:24])
    fill = np.full((1, 16, 16, 3), -1, np.float32)
    pixels, hole = f.completed([frame], fill, "paste")
    expected = np.zeros((24, 40), bool)
    expected[8:16, 12:20] = True
    np.testing.assert_array_equal(hole, expected)
    np.testing.assert_array_equal(pixels[~hole], picture()[~hole])
    assert (pixels[hole] == 0).all()


def test_a_region_outside_of_the_picture(tmp_path, capfd):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    assert not list(framer(tmp_path, "--region", "30,0,16,16").frames())
    assert "--region 30,0,16,16 is not inside its 40x24 pixels; skipped" in capfd.readouterr().err


def test_fill_at_another_scale_lands_where_it_belongs(masked):
    """G(z) that is the picture itself, at the frame's scale, completes it nearly without error."""
    f = framer(masked, "--mask", masked / "mask.png")
    (frame,) = f.frames()
    truth = f.cut(photos.Photo(picture(), np.ones((24, 40), bool)), frame.place).image
    expected = np.zeros((24, 40), bool)
    expected[HOLE] = True
    for method in ("paste", "poisson"):
        errors = []
        for shift in ([0, 0], [0.2, 0], [-0.2, 0], [0, 0.2], [0, -0.2]):  # half a pixel of it
            moved = frame._replace(place=photos.Place(frame.place.transform + np.pad(
                np.reshape(shift, (2, 1)), ((0, 0), (2, 0)))))
            pixels, hole = f.completed([moved], utils.to_float(truth)[np.newaxis], method)
            np.testing.assert_array_equal(hole, expected)
            np.testing.assert_array_equal(pixels[~hole], picture()[~hole])
            errors.append(np.abs(pixels[hole].astype(int) - picture()[hole]).mean())
        assert errors[0] < 0.95 * min(errors[1:])


def test_pixels_with_something_hidden_in_them_are_missing(masked):
    """The network's pixel has in it what pixels of the picture have their centres in it."""
    (frame,) = framer(masked, "--mask", masked / "mask.png").frames()
    known = np.zeros((40, 40), bool)
    known[8:32] = True  # in the square around it
    known[8:][HOLE] = False
    centers = np.arange(40) + 0.5
    for y, x in np.ndindex(16, 16):
        inside = [(centers > 2.5 * k) & (centers <= 2.5 * (k + 1)) for k in (y, x)]
        assert frame.mask[y, x] == known[np.ix_(*inside)].all(), (y, x)
    assert (frame.image[frame.mask == 0] == photos.HIDDEN).all()


def test_a_hole_that_reaches_out_of_the_frame(masked, capfd):
    """It is filled, all of it, and that it is so is said."""
    f = framer(masked, "--mask", masked / "mask.png", "--region", "10,2,15,15")
    (frame,) = f.frames()
    pixels, hole = f.completed([frame], np.zeros((1, 16, 16, 3), np.float32), "poisson")
    assert "50% of the hole lies outside --region" in capfd.readouterr().err
    assert hole.sum() == 80
    np.testing.assert_array_equal(pixels[~hole], picture()[~hole])
    assert np.abs(pixels[hole].astype(int) - picture()[hole]).mean() < 40


def landmarks_for(transform):
    """68 landmarks that `face_transform` maps by this transform onto 16x16 pixels."""
    inverse = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]
    points = np.zeros((68, 2))
    for i, place in alignment.LANDMARK_TEMPLATE.items():
        points[i] = inverse @ [*(16 * np.array(place)), 1]
    return points


ROTATED = np.array([[0.6, 0.2, -6.0], [-0.2, 0.6, 2.0]])


def test_a_face_goes_there_and_back(masked):
    np.savetxt(masked / "points.txt", landmarks_for(ROTATED))
    f = framer(masked, "--mask", masked / "mask.png", "--align",
               "--landmarks", masked / "points.txt")
    (frame,) = f.frames()
    np.testing.assert_allclose(frame.place.transform, ROTATED, atol=1e-4)
    known = frame.mask == 1
    expected = alignment.warp_face(picture(), frame.place.transform, 16)
    assert np.abs(frame.image[known].astype(int) - expected[known]).max() <= 1
    fill = utils.to_float(expected)[np.newaxis]
    pixels, hole = f.completed([frame], fill, "poisson")
    assert hole.sum() == 80
    np.testing.assert_array_equal(pixels[~hole], picture()[~hole])
    assert np.abs(pixels[hole].astype(int) - picture()[hole]).mean() < 8


def test_two_faces_share_a_picture(tmp_path):
    """Each fills what is nearest to it, and the picture is one."""
    Image.fromarray(picture()).save(tmp_path / "a.png")
    f = framer(tmp_path, "--align", "--faces", "all")
    f.places = lambda photo, path: [photos.Place.of_box(x, 4, 16, 16, 16) for x in (2, 22)]
    frames = list(f.frames())
    assert [frame.name for frame in frames] == ["a", "a-face2"]
    assert [frame.siblings for frame in frames] == [2, 2]
    fills = np.stack([np.full((16, 16, 3), value, np.float32) for value in (-1, 1)])
    pixels, hole = f.completed(frames, fills, "paste")
    assert (pixels[8:16, 6:14] == 0).all() and (pixels[8:16, 26:34] == 255).all()
    assert hole.sum() == 2 * 64


def test_the_face_that_the_mask_touches(masked):
    f = framer(masked, "--mask", masked / "mask.png", "--align")
    places = [photos.Place.of_box(x, 2, 16, 16, 16) for x in (0, 18)]
    f.places = lambda photo, path: places
    (frame,) = f.frames()
    assert frame.place is places[1]


def test_of_several_faces_that_the_mask_touches_it_is_said_which_is_meant(masked, capfd):
    points = np.array([[20.0, 5], [30, 5], [25, 14]])
    two = [photos.Place.of_box(x, 2, 16, 16, 16)._replace(points=points) for x in (18, 14)]
    said = "its mask touches 2 faces; the one at 25, 8 is completed (--faces all completes each)"
    for faces, count in (("largest", 1), ("all", 2)):
        f = framer(masked, "--mask", masked / "mask.png", "--align", "--faces", faces)
        f.places = lambda photo, path: two
        frames = list(f.frames())
        assert len(frames) == count and frames[0].place is two[0]
        assert (said in capfd.readouterr().err) == (count == 1)


@pytest.mark.parametrize("text,error", [
    ("1 2 3", "3 numbers"), ("a.png,1,2", "3 numbers"), ("1,2,3,4,5,6,x", "could not convert"),
    ("", "0 numbers"), (None, "No such file"), ("1 2 3 4 5 nan", "a number is not finite")])
def test_landmarks_that_are_none(tmp_path, text, error):
    if text is not None:
        (tmp_path / "points.csv").write_text(text)
    with pytest.raises(UserError, match=f"--landmarks .*points.csv: {error}"):
        read_landmarks(str(tmp_path / "points.csv"))


def test_landmarks_of_every_form(tmp_path):
    points = np.arange(136.0).reshape(68, 2)
    np.savetxt(tmp_path / "rows.csv", points, delimiter=",")
    (tmp_path / "three.txt").write_text("1 2\n3 4\n5 6\n")
    (tmp_path / "table.csv").write_text(
        "\ufefffile," + ",".join(f"{axis}{i}" for i in range(68) for axis in "xy") + "\n"
        "folder/an image.jpg," + ",".join(map(str, points.ravel())) + "\n", encoding="utf-8")
    (tmp_path / "three.csv").write_text("0001 1 2 3 4 5 6\nb.png 1 2 3 4 5 7\n")
    np.testing.assert_array_equal(read_landmarks(tmp_path / "rows.csv")[None], points)
    np.testing.assert_array_equal(
        read_landmarks(tmp_path / "three.txt")[None], [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(
        read_landmarks(tmp_path / "table.csv")["an image"], points)
    assert read_landmarks(tmp_path / "three.csv").keys() == {"0001", "b"}


@pytest.mark.parametrize("mode,name,expected", [
    ("RGB", "a.png", "RGB"), ("RGBA", "a.png", "RGBA"), ("L", "a.png", "L"), ("LA", "a.png", "LA"),
    ("P", "a.png", "RGB"), ("1", "a.bmp", "L"), ("RGB", "a.bmp", "RGB"), ("RGB", "a.tif", "RGB"),
    ("RGB", "a.webp", "RGB"), ("RGB", "a.jpg", "RGB"), ("L", "a.jpg", "L"),
    ("CMYK", "a.jpg", "RGB"), ("P", "a.gif", "RGB"), ("RGBA", "a.webp", "RGBA"),
    ("P", "a.tif", "RGB"), ("CMYK", "a.tif", "RGB"), ("YCbCr", "a.tif", "RGB")])
def test_a_photo_keeps_format_mode_and_pixels(tmp_path, mode, name, expected):
    image = Image.fromarray(picture()).convert("RGB" if mode in ("RGBA", "LA") else mode)
    if mode in ("RGBA", "LA"):
        image = image.convert(mode[:-1])
        alpha = np.array(Image.fromarray(picture(seed=1)).convert("L"))
        alpha[:2] = 0
        image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / name, **({"lossless": True, "exact": True} if "webp" in name else {}))
    source, hole = str(tmp_path / name), np.zeros((24, 40), bool)
    hole[HOLE] = True
    upright = utils.open_image(source)
    pixels = np.array(upright.convert("RGB"))
    pixels[hole] = 200
    out = tmp_path / "out"
    out.mkdir()
    paths = saving.save_photo(str(out), "a", source, pixels, hole)
    kind = {"gif": "PNG", "tif": "TIFF", "jpg": "JPEG"}.get(name[2:], name[2:].upper())
    with Image.open(paths[0]) as written:
        assert (written.format, written.size) == (kind, (40, 24))
    assert [os.path.basename(path) for path in paths] == {
        "JPEG": ["a.jpg", "a.png"], "PNG": ["a.png"]}.get(kind, [name])
    with Image.open(paths[-1]) as written:  # the lossless one
        assert written.mode == expected
        result = np.asarray(written.convert("RGBA"))
    before = np.asarray(upright.convert("RGBA"))
    np.testing.assert_array_equal(result[~hole], before[~hole])
    np.testing.assert_array_equal(result[hole], np.full((80, 4), (200, 200, 200, 255)))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_and_orientation_stay(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[Base.Orientation], exif[0x010E] = orientation, "a description"
    Image.fromarray(picture()).save(tmp_path / name, exif=exif)
    source = str(tmp_path / name)
    upright = utils.read_image(source)
    hole = np.zeros(upright.shape[:2], bool)
    hole[:5] = True  # what is on top when it is looked at
    pixels = upright.copy()
    pixels[hole] = 0
    path = saving.save_photo(str(tmp_path), "b", source, pixels, hole)[-1]
    with Image.open(path) as written:
        assert written.getexif()[Base.Orientation] == orientation
        assert written.getexif()[0x010E] == "a description"
        with Image.open(source) as original:
            assert written.size == original.size, "it is stored as it was"
        shown = np.asarray(ImageOps.exif_transpose(written).convert("RGB"))
    np.testing.assert_array_equal(shown, pixels)


def test_the_thumbnail_in_the_exif_data_does_not_show_the_hole(tmp_path):
    """And camera, place and time stay."""
    exif = Image.Exif()
    exif[Base.Model] = "a camera"
    exif[IFD.Exif] = {Base.ExposureTime: 0.5, Base.MakerNote: b"preview"}
    exif[IFD.GPSInfo] = {1: "N"}
    thumbnail = io.BytesIO()
    Image.fromarray(picture()[::4, ::4]).save(thumbnail, "JPEG")
    ifd = exif.get_ifd(IFD.IFD1)
    data = exif.tobytes() + thumbnail.getvalue()
    assert not ifd
    for name in ("a.jpg", "a.png"):
        Image.fromarray(picture()).save(tmp_path / name, exif=data)
        for path in saving.save_photo(str(tmp_path), "b", str(tmp_path / name), picture(),
                                      np.zeros((24, 40), bool)):
            with open(path, "rb") as file:
                content = file.read()
            assert thumbnail.getvalue() not in content and b"preview" not in content
            with Image.open(path) as written:
                kept = written.getexif()
            assert kept[Base.Model] == "a camera"
            assert kept.get_ifd(IFD.Exif) == {Base.ExposureTime: 0.5}
            assert kept.get_ifd(IFD.GPSInfo) == {1: "N"}


def test_a_scratch_of_one_pixel_is_completed(tmp_path):
    Image.fromarray(picture(400, 400)).save(tmp_path / "a.png")
    mask = np.zeros((400, 400), np.uint8)
    mask[200, 100] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for flags in ((), ("--align", "--landmarks", tmp_path / "points.txt")):
        np.savetxt(tmp_path / "points.txt", landmarks_for(np.array([[0.04, 0, 0], [0, 0.04, 0]])))
        f = framer(tmp_path, "--mask", tmp_path / "mask.png", *flags)
        (frame,) = f.frames()
        assert 1 <= frame.hole.sum() <= 4
        _, hole = f.completed([frame], np.zeros((1, 16, 16, 3), np.float32), "poisson")
        assert hole.sum() == 1


@pytest.mark.parametrize("points", ["5 5 5 5 5 5", "1 1 2 2 3 3"])
def test_landmarks_on_a_line(masked, capfd, points):
    (masked / "points.txt").write_text(points)
    assert not list(framer(masked, "--align", "--landmarks", masked / "points.txt").frames())
    assert "its landmarks are in one place or on one line; skipped" in capfd.readouterr().err


def test_a_picture_too_long_for_a_square(tmp_path, capfd):
    Image.new("L", (20000, 10)).save(tmp_path / "a.png")
    assert not list(framer(tmp_path, "--letterbox").frames())
    assert "20000x10 pixels are too long for a square; choose a --region" in capfd.readouterr().err


def test_a_face_that_is_wholly_hidden_does_not_cost_the_other(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    mask = np.zeros((24, 40), np.uint8)
    mask[:, :18] = mask[8:12, 26:30] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    f = framer(tmp_path, "--align", "--faces", "all", "--mask", tmp_path / "mask.png")
    f.places = lambda photo, path: [photos.Place.of_box(x, 4, 16, 16, 16) for x in (0, 22)]
    (frame,) = f.frames()
    assert frame.siblings == 1 and frame.mask.mean() > 0.9


def test_a_jpeg_is_compressed_as_it_was(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=31, subsampling=2)
    path = saving.save_photo(str(tmp_path), "b", str(tmp_path / "a.jpg"), picture(),
                             np.zeros((24, 40), bool))[0]
    with Image.open(path) as written, Image.open(tmp_path / "a.jpg") as original:
        assert written.quantization == original.quantization
        assert written.layer == original.layer


def test_a_hole_that_reaches_beyond_the_frame_is_filled_smoothly_there(masked, capsys):
    """No streaks of the frame's edge: a picture that is even around the hole is so in the hole."""
    Image.new("RGB", (40, 24), (90, 120, 150)).save(masked / "a.png")
    mask = np.zeros((24, 40), np.uint8)
    mask[4:20, 4:36] = 255
    Image.fromarray(mask).save(masked / "mask.png")
    f = framer(masked, "--mask", masked / "mask.png", "--region", "10,2,20,20")
    (frame,) = f.frames()
    fill = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    pixels, hole = f.completed([frame], fill, "poisson")
    beyond = hole.copy()
    beyond[:, 10:30] = False
    rows = np.abs(np.diff(pixels[4:20, 4:9].astype(int), axis=0))
    assert rows.max() < 30  # the frame's edge, continued, has steps of up to 255
    assert np.abs(pixels[beyond].astype(int) - (90, 120, 150)).mean() < 25
    assert "38% of the hole lies outside --region" in capsys.readouterr().err


@pytest.mark.parametrize("text", [
    '"a, b.png",1,2,3,4,5,6\n"c;d.png",1,2,3,4,5,7',
    '"a, b.png";1;2;3;4;5;6\n"c;d.png" ; 1;2;3;4;5;7',
    '"a, b.png" 1 2 3 4 5 6\n"c;d.png"\t1 2 3 4 5 7',
    'file,x0,y0,x1,y1,x2,y2\n"a, b.png", 1,2, 3,4, 5,6\n"c;d.png",1,2,3,4,5,7'])
def test_a_name_with_separators_in_it_stands_in_quotes(tmp_path, text):
    (tmp_path / "points.csv").write_text(text)
    assert {name: points.ravel().tolist() for name, points in
            read_landmarks(tmp_path / "points.csv").items()} == {
                "a, b": [1, 2, 3, 4, 5, 6], "c;d": [1, 2, 3, 4, 5, 7]}


def test_a_name_that_lacks_its_quotes(tmp_path):
    (tmp_path / "points.csv").write_text("a, b.png,1,2,3,4,5,6")
    with pytest.raises(UserError, match="8 numbers; .*quotes around a name with a comma"):
        read_landmarks(tmp_path / "points.csv")


def test_pictures_and_masks_may_be_paths(masked):
    settings = Framing(mask=masked / "mask.png")
    framer = Framer(settings, [masked / "a.png"], 16, 3)
    (frame,) = framer.frames()
    assert frame.path == str(masked / "a.png") and framer.photo(masked / "a.png").known.mean() < 1


def test_without_pillows_limit_a_picture_may_be_long(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    Image.fromarray(picture(4, 400)).save(tmp_path / "a.png")
    assert len(list(framer(tmp_path, "--letterbox").frames())) == 1
