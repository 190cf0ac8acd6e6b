"""The R1 penalty: D's gradient at real images (Mescheder et al. 2018, arXiv 1801.04406)."""

import tensorflow as tf


def with_r1(discriminator, images):
    """D's verdict, and half the mean squared length of the gradient of its logits.

    D normalises by the batch's statistics here, so that an image's logit depends a little on the
    others; the gradient is that of the sum of all logits.

    Args:
        discriminator: images to `(probability, logits)`, each `[B, 1]`.
        images: `[B, H, W, C]` float32.

    Returns:
        `((probability, logits), penalty)`, the penalty a scalar.
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        verdict = discriminator(images)
    slope = tape.gradient(verdict[1], images)
    return verdict, tf.reduce_mean(tf.reduce_sum(slope**2, axis=[1, 2, 3])) / 2
