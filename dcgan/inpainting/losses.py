"""The perceptual losses, and the weights of the known pixels in the contextual loss.

The functions import TensorFlow themselves, because `--help` needs only the names of the losses.
"""

from dcgan.settings import register

# By name: functions from D's logits, `[B, 1]` float32, to each image's loss, `[B]`.
PRIORS = {}


@register(PRIORS)
def article(logits):
    """-log D(G(z)), the generator's loss in training, as in the article's code."""
    import ops

    return ops.sigmoid_cross_entropy(logits, 1.0)


@register(PRIORS)
def saturating(logits):
    """log(1 - D(G(z))), as in the article's text and the paper; its gradient vanishes if D is sure
    that an image is generated."""
    import ops

    return -ops.sigmoid_cross_entropy(logits, 0.0)


def contextual_weights(mask, method, window=7, mix=0.5):
    """How much each known pixel counts in the contextual loss.

    `weighted` is the importance of Yeh et al., CVPR 2017: the fraction of missing pixels in the
    window around a known pixel. It is scaled so that the weights have the sum of the mask, and
    `lam` keeps its meaning. `uniform` is the mask, and `mixed` is a mean of the two.

    Args:
        mask: `[B, H, W, 1]` float32, 1 = known, 0 = missing.
        method: uniform, weighted or mixed.
        window: width of the window, odd; outside the image, the mask is mirrored.
        mix: the fraction of `weighted` in `mixed`.

    Returns:
        `[B, H, W, 1]` float32, 0 for missing pixels.
    """
    import tensorflow as tf

    half = [window // 2] * 2
    missing = tf.pad(1 - mask, [[0, 0], half, half, [0, 0]], "SYMMETRIC")
    importance = mask * tf.nn.avg_pool2d(missing, window, 1, "VALID")
    total, known = (tf.reduce_sum(t, axis=[1, 2, 3], keepdims=True) for t in (importance, mask))
    # If nothing is missing, all pixels are equally important.
    weighted = tf.where(total > 0, importance * tf.math.divide_no_nan(known, total), mask)
    share = {"uniform": 0.0, "weighted": 1.0, "mixed": mix}[method]
    return share * weighted + (1 - share) * mask
