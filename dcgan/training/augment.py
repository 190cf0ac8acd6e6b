"""Differentiable augmentation of what D sees (Zhao et al. 2020, arXiv 2006.10738).

G learns through it, so that each policy is a differentiable function of the images; what it does
to an image is a function of numbers that are drawn beforehand. TensorFlow is imported where it is
used: the flags are made of `POLICIES`.
"""

from dcgan.settings import register

POLICIES = {}
# The four passes of a training step through D: of its update the real and the generated images,
# and those of G's two updates.
PASSES = 4
# Numbers of an image: three of color, two of each of the others.
NUMBERS = 7


@register(POLICIES)
def color(images, u):
    """Brightness up or down by at most 0.5, saturation and contrast multiplied by 0 to 2 and by 0.5
    to 1.5."""
    import tensorflow as tf

    brightness, saturation, contrast = tf.unstack(u[:, :3, None, None, None], axis=1)
    images += brightness - 0.5
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = grey + 2 * saturation * (images - grey)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + (contrast + 0.5) * (images - mean)


@register(POLICIES)
def translation(images, u):
    """A shift by at most an eighth of the width, each way; pixels that enter are grey, 0."""
    import tensorflow as tf

    size = images.shape[1]
    most = max(1, size // 8)
    shift = tf.cast(tf.floor(u[:, 3:5] * (2 * most + 1)), tf.int32) - most
    # As a product with 0 and 1, whose gradient is one too, in which every run adds up alike.
    source = tf.range(size) - shift[..., tf.newaxis]  # [B, 2, size]
    rows, columns = tf.unstack(tf.one_hot(source, size, dtype=images.dtype), axis=1)
    return tf.einsum("bir,brsc,bjs->bijc", rows, images, columns)


@register(POLICIES)
def cutout(images, u):
    """A square of half the width, anywhere, at most half outside, becomes grey, 0."""
    import tensorflow as tf

    size = images.shape[1]
    hole = size // 2
    first = tf.floor(u[:, 5:7] * (size + 1)) - hole // 2
    place = tf.range(size, dtype=tf.float32) - first[..., tf.newaxis]  # [B, 2, size]
    rows, columns = tf.unstack((place >= 0) & (place < hole), axis=1)
    hidden = rows[:, :, tf.newaxis, tf.newaxis] & columns[:, tf.newaxis, :, tf.newaxis]
    return tf.where(hidden, 0.0, images)


def draw(seed, step, count):
    """What the augmentations of a training step do: a function of seed and step.

    Args:
        seed: of the training.
        step: int64, counted from 0.
        count: B, images of all replicas together.

    Returns:
        `[PASSES, B, NUMBERS]` float32, uniform from 0 to 1.
    """
    import tensorflow as tf

    key = tf.stack([tf.cast(seed, tf.int64), step])
    # Another key than that of z, or both would come from the same bits.
    return tf.random.stateless_uniform([PASSES, count, NUMBERS], tf.random.fold_in(key, 1))


def augment(images, policies, u):
    """What D sees of images.

    Args:
        images: `[B, size, size, C]` float32 in [-1, 1].
        policies: names of `POLICIES`.
        u: `[B, NUMBERS]` float32 in [0, 1), of a pass of what `draw` returned.

    Returns:
        The same, not clipped to that range.
    """
    for policy in policies:
        images = POLICIES[policy](images, u)
    return images
