"""The graph of the networks for TensorBoard."""

import tensorflow as tf


def graph(kind, architecture):
    """A `GraphDef`: z to G to D, and images to D.

    It is built with its own variables, which TensorBoard then shows inside their networks. In the
    graph of the compiled training step, they would be a hundred separate inputs.

    Args:
        kind: the `DCGAN` class.
        architecture: its `Architecture`.
    """
    shape = [None, architecture.image_size, architecture.image_size, architecture.c_dim]
    with tf.Graph().as_default() as whole:
        twin = kind(architecture=architecture)
        images = tf.compat.v1.placeholder(tf.float32, shape, "images")
        z = tf.compat.v1.placeholder(tf.float32, [None, architecture.z_dim], "z")
        ends = twin.discriminator(images)[0], twin.discriminator(twin.generator(z))[0]
    # Leave out what G(z) and D do not need: initial values, and the progress of training.
    return tf.compat.v1.graph_util.extract_sub_graph(
        whole.as_graph_def(add_shapes=True), [end.op.name for end in ends])
