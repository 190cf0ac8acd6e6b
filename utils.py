"""Files and pictures: listing, reading, grids, and the command line.

Pictures are `[H, W, C]` uint8 arrays, C 1 (grey) or 3 (RGB); the networks' range [-1, 1] is entered
and left by `to_float` and `to_uint8`, which map every byte to itself. TensorFlow and OpenCV are
imported where they are used, so that `--help` does not wait for them.
"""

import argparse
import collections
import contextlib
import itertools
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import threading
import unicodedata
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

import machine  # noqa: F401  (before TensorFlow)
from cli import environment
from cli.intermixed import IntermixedParser
from files import ownership
from files.errors import UserError
from pictures import depth, exif

# What Pillow decodes by itself; of its others, EPS runs a program, and some take anything for one.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# Pillow's warnings name no file; what it cannot use, it raises. (To catch them is not thread-safe.)
warnings.filterwarnings("ignore", module=r"PIL\.")
NOTED = 10  # files that are named, of which the same is to be said
LONGEST_NAME = 251  # bytes, of 255 that a file system takes: `.png` goes behind it
LARGE = 2**24  # pixels, of pictures that are read one at a time, for the memory's sake


def first_line(error):
    """What an exception of TensorFlow's says, without its account of where."""
    lines = str(error).splitlines() or [type(error).__name__]
    return re.sub(r"^{{.*?}} ", "", lines[0])


def warn(path, text):
    """Say on stderr, in one line, what is the matter with a file."""
    name = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path)
    print(f"warning: {name}: {text}", file=sys.stderr)


_noted = collections.defaultdict(set)  # files by what was said of them


def note(path, text):
    """`warn`, once: pictures are read several times; and by name of the first few alone: what is
    so of one may be so of a whole dataset."""
    noted = _noted[text]
    if path in noted or len(noted) > NOTED:
        return
    noted.add(path)
    warn(path, text if len(noted) <= NOTED else f"{text}; others like it are not named")


# Files


def _folded(name):
    """What two names have in common that are one for some file systems."""
    return composed(name.casefold())


def _fitting(name, behind=""):
    """A name with something behind it, cut where no file could have it with a suffix behind."""
    def length():
        return len(os.fsencode(os.path.basename(name) + behind))

    if behind or length() > LONGEST_NAME:
        while length() > LONGEST_NAME - 1:  # its suffix may be `.webp`
            name = name[:-1]
    return name + behind


def unique_names(names, taken=()):
    """The names, with `-2`, `-3`, ... behind each that an earlier one already is, or that is among
    those taken; cut where they would be too long for files."""
    names = list(map(_fitting, names))
    wanted, taken = set(map(_folded, names)), set(map(_folded, taken))
    unique = []
    for name in names:
        candidate, count = name, 1
        while _folded(candidate) in taken or (count > 1 and _folded(candidate) in wanted):
            count += 1
            candidate = _fitting(name, f"-{count}")
        taken.add(_folded(candidate))
        unique.append(candidate)
    return unique


def untaken(name, names, behind=""):
    """The name and what goes behind it, with `-2`, `-3`, ... if one of the names already is it."""
    return unique_names([*names, _fitting(name, behind)])[-1]


def stem(path):
    """A file's name without folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]


def composed(name):
    """A name as people see it: Unicode has two forms of `é`, of which Macs take the longer."""
    return unicodedata.normalize("NFC", name)


def seen_stem(path):
    """A file's stem as people see it."""
    return composed(stem(path))


def by_stem(files, flag):
    """`{seen_stem: file}`; a UserError, begun with `flag`, if two files share one."""
    stems = {}
    for path in files:
        other = stems.setdefault(seen_stem(path), path)
        if other != path:
            raise UserError(f"{flag} {path}: another file has the same name, {other}")
    return stems


def make_folder(path, flag="", by=None):
    """Make a folder unless it is there, and see that files can be written into it.

    Args:
        path: the folder.
        flag: what an error begins with.
        by: the script whose results go there and below, for the record in it.

    Raises:
        UserError: it cannot be made or written.
    """
    try:
        os.makedirs(path or ".", exist_ok=True)
        with tempfile.TemporaryFile(dir=path or "."):
            pass
        if by is not None:
            ownership.claim(path, by)
    except OSError as error:
        raise UserError(f"{flag}{path}: cannot write there: {error.strerror}") from error


@contextlib.contextmanager
def _naming_failure(path):
    """An OSError over a file, as a UserError that names it."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_whole(path, write, **more):
    """Call `write(temporary path)` beside `path`, then rename: the file appears whole or not.

    Args:
        path: the file.
        write: writes it under the path that it is given.
        **more: as `ownership.put` takes it.

    Raises:
        UserError: it cannot be written, or would replace what is not ours.
    """
    with _naming_failure(path), ownership.beside(path) as temporary:
        write(temporary)
        ownership.put(temporary, path, **more)


def as_text(value):
    """`str(value)` with `?` for the bytes of a file's name that are no text; some, TensorBoard for
    one, take nothing else."""
    return str(value).encode(errors="replace").decode()


def write_text(path, text):
    """Write a file of UTF-8, whole or not at all; what is no text (in names) becomes `?`."""
    def write(temporary):
        with open(temporary, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)

    write_whole(path, write)


# Reading and writing pictures


@contextlib.contextmanager
def _opened(path):
    """A picture of which only the header is read; whatever its decoder raises is an OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe waits for its writer
        raise OSError("not a file")
    Image.init()  # or it knows but half of FORMATS
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > Image.MAX_IMAGE_PIXELS:
                raise Image.DecompressionBombError  # as Pillow does at twice as many
            yield image
    except UnidentifiedImageError as error:
        raise OSError(_what_else(path)) from error
    except Image.DecompressionBombError as error:
        raise OSError(f"has over {Image.MAX_IMAGE_PIXELS:,} pixels") from error
    except depth.UnknownRange as error:
        raise OSError(str(error)) from error
    except OSError as error:
        raise error if error.errno else OSError(f"damaged image ({error})") from error
    # Pillow's decoders raise SyntaxError, struct.error, EOFError, ... on damaged files.
    except Exception as error:
        raise OSError(f"damaged image ({error})") from error


def _what_else(path):
    """What a file is that is no picture of `FORMATS`, in words."""
    with open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:] in (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"):
        return "is HEIC, which is not read; convert it to JPEG first, with heif-convert for example"
    return depth.unread(path)


def _upright(image, path):
    """The picture decoded, turned as its EXIF data say, scaled to 8 bits: the first of several."""
    _note_others(image, path)
    has_deep_channels = depth.has_deep_channels(image)
    image.load()
    turn, remark = exif.orientation(image), None
    if depth.is_deep(image):
        image, remark = depth.to_bytes(image)
    elif has_deep_channels:
        image, remark = depth.channels_to_bytes(image, path)
    if remark:
        note(path, remark)
    if turn in exif.UPRIGHT:
        image = image.transpose(exif.UPRIGHT[turn])
    return image


def _note_others(image, path):
    """Say that the first picture is used, if there are others; but phones' are not of the user."""
    with contextlib.suppress(Exception):  # where the second is damaged, the first may be fine
        if image.format != "MPO" and getattr(image, "is_animated", False):
            note(path, "has several pictures; the first is used")


def open_image(path):
    """Any picture of `FORMATS`, upright and decoded, scaled to 8 bits.

    Args:
        path: the file; what it holds decides, not its suffix.

    Returns:
        A Pillow image of any mode of 8 bits.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(path) as image:
        return _upright(image, path)


_large_by_turns = threading.Lock()


def read_image(path, size=None, c_dim=3, crop=True):
    """Read any picture of `FORMATS`, upright, as grey or RGB without its alpha channel.

    Args:
        path: the file.
        size: edge to resize to, antialiased; None leaves the picture as it is.
        c_dim: 1 (grey) or 3 (RGB).
        crop: cut the centre square before resizing, instead of distorting.

    Returns:
        `[H, W, c_dim]` uint8.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    with _opened(path) as image:
        large = image.width * image.height > LARGE
        with _large_by_turns if large else contextlib.nullcontext():
            image = _upright(image, path).convert("L" if c_dim == 1 else "RGB")
            if size is not None and image.size != (size, size):
                image = (ImageOps.fit if crop else Image.Image.resize)(
                    image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(image.height, image.width, c_dim)


def as_pillow(image):
    """`[H, W, C]` uint8 (C 1 or 3) as a Pillow image."""
    return Image.fromarray(image.squeeze(axis=2) if image.shape[2] == 1 else image)


def save_image(path, image, **more):
    """Write `[H, W, C]` uint8 (C 1 or 3) as PNG, whole or not at all; `more` as `write_whole`."""
    write_whole(path, lambda temporary: as_pillow(image).save(temporary, format="PNG"), **more)


def to_float(images):
    """Bytes as float32 pictures in [-1, 1], the networks' range."""
    return images.astype(np.float32) / 127.5 - 1


def to_uint8(images):
    """Pictures in [-1, 1] as bytes, rounded: the inverse of `to_float`."""
    return np.clip(np.rint((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


def grid(images, columns=8):
    """`[B, H, W, C]` as one picture, row by row, `columns` wide; places left over are black."""
    count, height, width, channels = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    places = np.zeros((rows * columns, height, width, channels), images.dtype)
    places[:count] = images
    places = places.reshape(rows, columns, height, width, channels)
    return places.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def save_gif(path, frames, milliseconds=100):
    """Pictures as an endless animation: the article's `convert -delay 10 -loop 0`.

    Args:
        path: the GIF.
        frames: pictures of one size, `[H, W, C]` uint8, in order.
        milliseconds: how long each is shown.
    """
    frames = map(as_pillow, frames)
    first = next(frames)
    write_whole(path, lambda temporary: first.save(
        temporary, format="GIF", save_all=True, duration=milliseconds, loop=0,
        append_images=frames))


def save_video(path, frames, per_second=10):
    """The same as a video, in VP9, which browsers play and OpenCV's wheel has an encoder for.

    Args:
        path: the video, .mp4.
        frames: as `save_gif` takes them, in RGB.
        per_second: how many are shown.

    Raises:
        UserError: it cannot be written.
    """
    import cv2

    frames = iter(frames)
    first = next(frames)
    height, width, _ = first.shape

    def write(temporary):
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:  # OpenCV takes no name but UTF-8
            video = cv2.VideoWriter(file.name, cv2.VideoWriter_fourcc(*"vp09"), per_second,
                                    (width + width % 2, height + height % 2))  # it wants even edges
            if not video.isOpened():
                raise OSError("OpenCV has no encoder for it here")
            for frame in itertools.chain([first], frames):
                video.write(np.pad(frame[..., ::-1], ((0, height % 2), (0, width % 2), (0, 0)),
                                   mode="edge"))
            video.release()
            shutil.copyfile(file.name, temporary)

    write_whole(path, write)


def start_logs(paths, z_dim):
    """Begin each search log anew with its header, as the original writes it."""
    def write(temporary):
        with open(temporary, "w") as log:
            log.write("iter loss " + " ".join(f"z{i}" for i in range(z_dim)) + "\n")

    for path in paths:
        write_whole(path, write, finished=False)


def append_logs(paths, first, losses, zs):
    """Append iterations to each image's log: `iter loss z0 z1 ...`, a line each.

    Args:
        paths: B logs.
        first: the number of the first iteration.
        losses: `[n, B]`.
        zs: `[n, B, z_dim]`.
    """
    iterations = np.arange(first, first + len(losses))
    for b, path in enumerate(paths):
        rows = np.column_stack([iterations, losses[:, b], zs[:, b]])
        with _naming_failure(path), open(path, "a") as log:
            np.savetxt(log, rows, fmt=["%d", "%.6g"] + ["%.6f"] * zs.shape[2])


def end_logs(paths):
    """Record the search logs as they are now, so that one that is changed from now on stays."""
    for path in paths:
        with _naming_failure(path):
            ownership.note(path, path)


# Many files


def attempt(read):
    """`(read(), None)`, or None and the reason why it failed."""
    try:
        return read(), None
    except OSError as error:
        return None, error.strerror or str(error)
    except ValueError as error:
        return None, str(error)
    except MemoryError:
        return None, "is too large for this machine's memory"
    except UserError as error:
        return None, str(error)
    except Exception as error:  # no picture's fault may end the work on another
        return None, f"{type(error).__name__}: {first_line(error)}"


def or_warn(path, read):
    """What `read()` returns, or None and a warning that names the file."""
    result, reason = attempt(read)
    if reason is not None:
        warn(path, f"{reason}; skipped")
    return result


def read_or_warn(path):
    """`read_image`, or None and a warning that names the file."""
    return or_warn(path, lambda: read_image(path))


def batched(items, count):
    """Yield lists of `count` of the items, and of what remains."""
    items = iter(items)
    return iter(lambda: list(itertools.islice(items, count)), [])


# The command line


def register(functions):
    """A decorator that puts a function into a dict, under its name."""
    def put(function):
        functions[function.__name__] = function
        return function

    return put


def help_of(functions):
    """What each function of a dict does, for `--help`: its docstring."""
    def text(function):
        words = " ".join(function.__doc__.split()).rstrip(".").replace("`", "")
        return words[0].lower() + words[1:]

    return "; ".join(f"{name}: {text(function)}" for name, function in functions.items())


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults, but not those that stand in the text or are none."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


class Parser(IntermixedParser):
    """argparse that shows every default and puts an error on one line, led by its flag."""

    def __init__(self, **kwargs):
        super().__init__(formatter_class=HelpFormatter, **kwargs)

    def error(self, message):
        message = re.sub(r"^argument ([^:]*): ", r"\1 ", message)
        self.exit(2, f"{self.prog}: error: {message}\n")


def path(text):
    """An argparse type: a file or folder, `~` the home folder, which shells leave in --flag=~/x."""
    return os.path.expanduser(text)


def number(kind, low=None, high=None, above=None):
    """An argparse type: an int or float that is at least `low`, at most `high`, over `above`."""
    limits = [f"at least {low}" if low is not None else "", f"over {above}" * (above is not None),
              f"at most {high}" if high is not None else ""]
    rule = " and ".join(filter(None, limits))

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text}: must be {what}") from None
        # Written so that nan, which every comparison denies, is refused.
        if not ((low is None or value >= low) and (high is None or value <= high)
                and (above is None or value > above) and abs(value) < float("inf")):
            raise argparse.ArgumentTypeError(f"{text}: must be {rule or 'finite'}")
        return value

    return parse


def add_machine_flags(parser):
    """The flags of both scripts that say how TensorFlow computes."""
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"),
                        default="float32",
                        help="of the convolutions; weights, statistics and losses stay float32. "
                             "bfloat16 pays on GPUs and on CPUs that compute in it (avx512_bf16 "
                             "or amx_bf16 in lscpu), float16 on GPUs")
    parser.add_argument("--jit", action=argparse.BooleanOptionalAction,
                        help="compile with XLA (default: on a single GPU; on CPUs its convolutions "
                             "are several times slower)")
    parser.add_argument("--tf32", action=argparse.BooleanOptionalAction, default=True,
                        help="let GPUs multiply float32 with 10 bits of mantissa, several times "
                             "faster")


def import_tensorflow(tf32=True, deterministic=False):
    """Import TensorFlow without its notes; its C++ warnings and errors still reach stderr.

    It then takes a GPU's memory as it needs it, not all at once.

    Args:
        tf32: whether GPUs may multiply float32 in TF32.
        deterministic: make every run with the same seed bitwise the same. Op determinism alone is
            not enough on a CPU; it also takes that operations run one after the other.

    TF_CPP_MIN_LOG_LEVEL holds back only some of them (tensorflow's issue 100442), and an error of
    ours should be the only line that a user sees.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            import tensorflow as tf

            for gpu in tf.config.list_physical_devices("GPU"):
                with contextlib.suppress(RuntimeError):  # in a notebook, where it is at work
                    tf.config.experimental.set_memory_growth(gpu, True)
            tf.config.experimental.enable_tensor_float_32_execution(tf32)
            if deterministic:
                tf.config.experimental.enable_op_determinism()
                tf.config.threading.set_inter_op_parallelism_threads(1)
            tf.get_logger().setLevel("ERROR")
        except RuntimeError as error:
            raise UserError("--deterministic: TensorFlow is at work in this process already; "
                            "restart the notebook's kernel") from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            captured.seek(0)
            for line in captured.read().decode(errors="replace").splitlines():
                # The last is what a machine without a GPU says.
                if not re.match(r"I\d{4} |WARNING: All log messages before|.*call to cuInit", line):
                    print(line, file=sys.stderr)


class Stopped(Exception):
    """A signal asked to stop, and what there was to save is saved; `args[0]` is its number."""


class StopRequest:
    """What `deferred_stop` yields: the signal that asked to stop, or 0."""

    signum = 0

    def is_set(self):
        return self.signum != 0

    def raise_if_set(self):
        """Raise `Stopped` if a signal came."""
        if self.signum:
            raise Stopped(self.signum)


@contextlib.contextmanager
def deferred_stop():
    """Make the first Ctrl-C or SIGTERM set the `StopRequest` that this yields; a second one ends
    the process at once.

    As an exception it could come between an update and its count, or within a destructor of
    TensorFlow's, where Python swallows it. Python runs handlers between its own instructions alone,
    which may be a minute apart when TensorFlow is at work: so another thread waits for the signals.
    """
    request, signals = StopRequest(), (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield request
        return
    arrived, arrival = os.pipe()
    os.set_blocking(arrival, False)

    def watch():
        while byte := os.read(arrived, 1):
            if byte[0] in signals and request.is_set():
                os._exit(128 + byte[0])
            request.signum = byte[0]
        os.close(arrived)

    threading.Thread(target=watch, daemon=True).start()
    before = signal.set_wakeup_fd(arrival, warn_on_full_buffer=False)
    previous = {each: signal.signal(each, lambda *_: None) for each in signals}
    try:
        yield request
    finally:
        for each in signals:
            signal.signal(each, previous[each])
        signal.set_wakeup_fd(before)
        os.close(arrival)


def run(main, prog):
    """Call a script's `main()`; a `UserError` becomes one line and exit code 2, a signal 128 and
    its number."""
    with contextlib.suppress(AttributeError):  # a notebook's stdout takes everything
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
    try:
        main()
    except UserError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a full disk, a folder that went away, ...
        where = f"{error.filename}: " if error.filename else ""
        print(f"{prog}: error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        print(f"{prog}: error: {environment.missing(error.name)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        sys.exit(130)
    except Stopped as stopped:
        signum = stopped.args[0]
        word = "interrupted" if signum == signal.SIGINT else "terminated"
        print(f"{prog}: {word}", file=sys.stderr)
        sys.exit(128 + signum)
