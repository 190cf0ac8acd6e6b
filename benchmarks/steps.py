"""One training step or search iteration, timed: ours, PyTorch's and the article's, which compute
the same. bench.py runs it, and names the rows."""

import _path

import re
import statistics
import time

import numpy as np

from dcgan.inpainting.masks import MASKS
from dcgan.inpainting.settings import Masking
from dcgan.machine import importing
from dcgan.messages import UserError

PATTERN = re.compile(r"(train|search)(?:-(torch|article))?(?:-(float32|bfloat16))?"
                     r"(?:-batch(\d+))?(?:-size(\d+))?")


def median_time(step, seconds=6.0, least=3):
    """Median seconds of `step()`, called so often and so long, after two calls to warm up."""
    step(), step()
    times = []
    while len(times) < least or sum(times) < seconds:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def operations(kind, model):
    """Floating point operations that a step cannot do without: two per multiply-add.

    A training step passes 6 times through G and 10 times through D, forward or backward, by inputs
    or by weights; a search iteration twice through each.
    """
    macs = {"generator": 0, "discriminator": 0}
    for name, shape in model.architecture.shapes().items():
        net, layer, part = name.split("/")
        if part not in ("w", "Matrix"):
            continue
        places = 1
        if part == "w":  # at the places of its smaller side
            i = int(re.search(r"\d+", layer)[0])
            places = (4 * 2 ** (i - 1) if net == "generator"
                      else model.image_size // 2 ** (i + 1)) ** 2
        macs[net] += places * int(np.prod(shape))
    passes = {"train": (6, 10), "search": (2, 2)}[kind]
    return 2 * model.batch_size * (
        passes[0] * macs["generator"] + passes[1] * macs["discriminator"])


def center_mask(size):
    """complete.py's default mask, `[size, size]`."""
    return MASKS["center"]((size, size), None, Masking())


def make_inputs(model):
    """Random images, z and the center mask, as NumPy."""
    rng = np.random.default_rng(0)
    shape = (model.batch_size, model.image_size, model.image_size, model.c_dim)
    images = rng.uniform(-1, 1, shape).astype(np.float32)
    z = rng.uniform(-1, 1, (model.batch_size, model.z_dim)).astype(np.float32)
    return images, z, center_mask(model.image_size)[np.newaxis, :, :, np.newaxis]


def compiled_search(model, approach, lr):
    """`dcgan.inpainting.search.make_search` with a constant step size, and no end before the last
    iteration."""
    from dcgan.inpainting.presets import completion_settings
    from dcgan.inpainting.search import make_search

    return make_search(model, completion_settings({"approach": approach, "lr": lr, "tol": 0.0}))


def our_step(kind, model, images, z, mask):
    """A call that takes one step and waits for it."""
    import tensorflow as tf

    images, z = tf.constant(images), tf.constant(z)
    if kind == "train":
        model.make_optimizers()
        step = tf.function(model.train_step, jit_compile=model.jit)
        return lambda: float(step(images, z)["g_loss"])
    start, search = compiled_search(model, "adam", 0.01)
    state = start(z, range(len(z)))
    arguments = (state, images, tf.constant(mask), tf.zeros([1, 1, 1, 1]))
    return lambda: search(*arguments, tf.constant(0), tf.constant(1))[0].z.numpy()


def torch_step(kind, model, images, z, mask, bfloat16):
    import torch
    from torch_dcgan import TorchDCGAN

    rival = TorchDCGAN(model, bfloat16)
    images, z = rival.images(images), torch.tensor(z)
    if kind == "train":
        return lambda: rival.train_step(images, z)[1].detach().numpy()
    step = rival.make_search(images, rival.images(mask))
    return lambda: step(z).numpy()


def article_step(kind, model, images, z, mask):
    from article_schedule import ArticleDCGAN

    rival = ArticleDCGAN(model, training=kind == "train")
    if kind == "train":
        return lambda: rival.train_step(images, z)
    step = rival.make_search(images, mask)
    return lambda: step(z)


def run_step_row(name):
    """Time a training step or a search iteration, in this process."""
    importing.import_tensorflow()
    from model import DCGAN

    kind, who, precision, batch, size = PATTERN.fullmatch(name).groups()
    precision = precision or "float32"
    model = DCGAN(image_size=int(size or 64), batch_size=int(batch or 64),
                  precision=precision if who is None else "float32")
    inputs = make_inputs(model)
    if who == "torch":
        step = torch_step(kind, model, *inputs, bfloat16=precision == "bfloat16")
    elif who == "article":
        step = article_step(kind, model, *inputs)
    else:
        step = our_step(kind, model, *inputs)
    return {"seconds": median_time(step), "operations": operations(kind, model)}


def run_matmul(precision, n=4096):
    """Time a matrix product, the machine's ceiling."""
    importing.import_tensorflow()
    import tensorflow as tf

    a, b = (tf.cast(tf.random.stateless_uniform([n, n], [0, i], -1), precision) for i in range(2))
    product = tf.function(lambda a, b: tf.matmul(a, b)[0, 0])
    return {"seconds": median_time(lambda: float(product(a, b)), seconds=3.0),
            "operations": 2 * n**3}


def check():
    """Stop unless the compared networks compute what ours does, from the same weights.

    Compared are G(z) in inference (in bfloat16 too), the losses of two training steps, and those of
    three iterations of the compiled search; each update matters to what comes behind it. The
    perceptual loss weighs as much as the contextual one, so that neither hides behind the other.
    """
    importing.import_tensorflow()
    import tensorflow as tf
    import torch
    from article_schedule import ArticleDCGAN
    from torch_dcgan import TorchDCGAN

    from model import DCGAN

    model = DCGAN(batch_size=8, gf_dim=16, df_dim=16, lam=5000.0)
    rng = np.random.default_rng(0)
    for name, variable in model.vars.items():
        if name.endswith(("gamma", "moving_variance", "biases", "bias", "beta", "moving_mean")):
            variable.assign(variable + rng.uniform(-0.3, 0.3, variable.shape))
    images, z, mask = make_inputs(model)
    torch_images, torch_mask = TorchDCGAN.images(images), TorchDCGAN.images(mask)

    def agree(what, ours, theirs, tolerance=1e-3):
        difference = np.abs(np.asarray(ours) - theirs).max()
        if not difference <= tolerance * np.abs(ours).max():
            raise UserError(f"the compared networks differ in {what}, by {difference:.2g}")

    def our_losses(approach, lr):
        start, search = compiled_search(model, approach, lr)
        return search(start(tf.constant(z), range(len(z))), images, mask, tf.zeros([1, 1, 1, 1]),
                      tf.constant(0), tf.constant(3))[1].numpy()

    for bfloat16, tolerance in ((False, 1e-3), (True, 0.1)):
        rival = TorchDCGAN(model, bfloat16)
        step, torch_z = rival.make_search(torch_images, torch_mask), torch.tensor(z)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            G = rival.G(torch_z).float().numpy()[:, :, ::-1, ::-1].transpose(0, 2, 3, 1)
        agree("PyTorch's G(z)", model.generator(z), G, tolerance)
        theirs = np.stack([step(torch_z).numpy() for _ in range(3)])
        agree("PyTorch's search", our_losses("adam", 0.01), theirs, tolerance)

    step, article_z = ArticleDCGAN(model, training=False).make_search(images, mask), z.copy()
    theirs = np.stack([step(article_z) for _ in range(3)])
    # The article adds the batch's mean of the perceptual losses to each: the same mean over all.
    agree("the article's search", our_losses("momentum", 0.0001).mean(axis=1), theirs.mean(axis=1))

    article, rival = ArticleDCGAN(model, training=True), TorchDCGAN(model)
    model.make_optimizers()
    train_step = tf.function(model.train_step)
    for _ in range(2):
        before = article.session.run(article.d_loss, {article.images: images, article.z: z})
        result = train_step(tf.constant(images), tf.constant(z))
        d_loss, g_loss = float(result["d_loss"]), float(result["g_loss"])
        losses = rival.train_step(torch_images, torch.tensor(z))
        agree("PyTorch's training step", (d_loss, g_loss), [float(x.detach()) for x in losses])
        agree("the article's training step", d_loss, before)
        article.train_step(images, z)
