"""How unreal D finds a completion: the perceptual losses that `complete.py --prior` knows.

Functions from D's logits, `[B, 1]` float32, to each image's loss, `[B]`. They import TensorFlow
when they are called, because `--help` asks for their names.
"""

from settings.choices import register

PRIORS = {}


@register(PRIORS)
def article(logits):
    """-log D(G(z)), the generator's loss in training: what the article's code has."""
    import ops

    return ops.sigmoid_cross_entropy(logits, 1.0)


@register(PRIORS)
def saturating(logits):
    """log(1 - D(G(z))), as the article and the paper write it; its gradient fades where D is sure
    that an image is none."""
    import ops

    return -ops.sigmoid_cross_entropy(logits, 0.0)
