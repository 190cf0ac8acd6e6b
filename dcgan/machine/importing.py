"""Imports TensorFlow without its messages, set up as the flags say."""

import contextlib
import importlib.util
import os
import re
import sys
import tempfile

from dcgan.messages import UserError


@contextlib.contextmanager
def _without_keras():
    """Let TensorFlow be imported without Keras, which this project does not use. Keras, and
    matplotlib, which Keras imports, take a quarter of the time.

    TensorFlow imports Keras, or Keras 2 if this variable is set, and continues without it if it is
    not installed. `tf.keras` stays Keras 3: TensorFlow imports it, and reads the variable again,
    when a program first uses it.
    """
    if "TF_USE_LEGACY_KERAS" in os.environ or importlib.util.find_spec("tf_keras"):
        yield  # the user chose a version, or has Keras 2
        return
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    try:
        yield
    finally:
        del os.environ["TF_USE_LEGACY_KERAS"]


def import_tensorflow(tf32=True, deterministic=False):
    """Import TensorFlow without its information messages; warnings and errors still reach stderr.

    TensorFlow is set to take a GPU's memory as needed, not all at once.

    Args:
        tf32: whether GPUs may multiply float32 in TF32.
        deterministic: make runs with the same seed equal bit for bit. On a CPU, op determinism is
            not enough; operations must also run one after the other.

    TF_CPP_MIN_LOG_LEVEL hides only some of the messages (tensorflow's issue 100442), and an error
    message of this program should be the only line that a user sees.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            with _without_keras():
                import tensorflow as tf

            for gpu in tf.config.list_physical_devices("GPU"):
                with contextlib.suppress(RuntimeError):  # it has already started, in a notebook
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
                # The last pattern appears on machines without a GPU.
                if not re.match(r"I\d{4} |WARNING: All log messages before|.*call to cuInit", line):
                    print(line, file=sys.stderr)
