"""Checkpoints as the original, on TensorFlow 1, wrote them."""

import numpy as np
import tensorflow as tf
from conftest import f32

from dcgan.networks.architecture import Architecture


def save_tf1(folder, variables, name="DCGAN.model-7"):
    """A checkpoint as TensorFlow 1's Saver writes it, with the file that names it."""
    folder.mkdir(exist_ok=True)
    prefix = str(folder / name)
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=list(variables),
                      shape_and_slices=[""] * len(variables),
                      tensors=[f32(value) for value in variables.values()])
    (folder / "checkpoint").write_text(
        f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n')
    return prefix


def published_variables(widths=(16, 8, 4, 2), d_widths=(2, 4, 8, 16)):
    """Random variables under the published checkpoint's names, for a 64-pixel network."""
    architecture = Architecture(64, 6, 3, widths, d_widths)
    rng = np.random.default_rng(0)
    return {name: rng.uniform(0.1, 1, shape) for name, shape in architecture.shapes().items()}
