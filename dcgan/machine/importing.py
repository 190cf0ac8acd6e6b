"""TensorFlow imported, quietly and as the flags of the machine say."""

import contextlib
import importlib.util
import os
import re
import sys
import tempfile

from dcgan.messages import UserError


@contextlib.contextmanager
def _without_keras():
    """Let TensorFlow be imported without Keras, which nothing here uses: with matplotlib, which
    Keras imports, it is a quarter of the time.

    TensorFlow imports Keras along with itself, or Keras 2 if this variable is set, and goes on
    without if that is not installed. `tf.keras` stays Keras 3: TensorFlow imports it, and reads the
    variable again, where a program first uses it.
    """
    if "TF_USE_LEGACY_KERAS" in os.environ or importlib.util.find_spec("tf_keras"):
        yield  # the user has chosen, or has Keras 2 installed
        return
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    try:
        yield
    finally:
        del os.environ["TF_USE_LEGACY_KERAS"]


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
            with _without_keras():
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
            raise UserError("--deterministic: TensorFlow has already started in this process; "
                            "restart the notebook's kernel") from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            captured.seek(0)
            for line in captured.read().decode(errors="replace").splitlines():
                # The last is what a machine without a GPU says.
                if not re.match(r"I\d{4} |WARNING: All log messages before|.*call to cuInit", line):
                    print(line, file=sys.stderr)
