#!/usr/bin/env python3
"""Time the convolutions of the 64-pixel network, TensorFlow's kernels against ops.py's detours.

    .venv/bin/python benchmarks/layers.py
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import cli.environment  # noqa: E402, F401  (first: it says so where packages are missing)

# isort: split
from bench import median_time  # noqa: E402

import utils  # noqa: E402  (the project's root is on the path only now)
from utils import number  # noqa: E402

LAYERS = ((64, 3, 64), (32, 64, 128), (16, 128, 256), (8, 256, 512))  # pixels, channels in, out


def parse_args(argv=None):
    parser = utils.Parser(prog="layers.py", description=__doc__.splitlines()[0])
    parser.add_argument("--batch_size", type=number(int, low=1), default=64, help="images")
    return parser.parse_args(argv)


def kernels(dtype, batch, size, n_in, n_out):
    """`{name: call}` of what a layer computes forward and backward, each in all its ways."""
    import tensorflow as tf

    import ops

    def random(*shape):
        return tf.cast(tf.random.stateless_normal(shape, [0, 1]), dtype)

    shape = [5, 5, n_in, n_out]
    x, w, dy = random(batch, size, size, n_in), random(*shape), random(
        batch, size // 2, size // 2, n_out)
    calls = {
        "forward": lambda: tf.nn.conv2d(x, w, strides=2, padding="SAME"),
        "transposed": lambda: tf.nn.conv2d_transpose(dy, w, x.shape, strides=2, padding="SAME"),
        "transposed, by subpixels": lambda: ops.subpixel_transpose(dy, w),
        "by filter": lambda: tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=shape, out_backprop=dy, strides=[1, 2, 2, 1], padding="SAME"),
        "by filter, as a product": lambda: ops.product_filter_gradient(x, dy, shape)}
    if size == 8 and dtype == "float32":
        minimal = ops.MinimalFilter.of(w)
        calls["forward, minimal filter"] = lambda: minimal.convolve(x)
        calls["transposed, minimal filter"] = lambda: minimal.transpose(dy)
    # One element of the result is fetched, so that copying it is not measured too.
    return {name: tf.function(lambda call=call: tf.reshape(call(), [-1])[0])
            for name, call in calls.items()}


def main(argv=None):
    config = parse_args(argv)
    utils.import_tensorflow()
    print("| layer | precision | what | ms | GFLOP/s |\n| --- | --- | --- | --- | --- |")
    for dtype in ("float32", "bfloat16"):
        for size, n_in, n_out in LAYERS:
            operations = 2 * config.batch_size * (size // 2) ** 2 * 25 * n_in * n_out
            for what, call in kernels(dtype, config.batch_size, size, n_in, n_out).items():
                seconds = median_time(lambda call=call: call().numpy(), seconds=0.5, least=5)
                print(f"| {size}x{size}x{n_in} to {size // 2}x{size // 2}x{n_out} | {dtype} | "
                      f"{what} | {1000 * seconds:.1f} | {operations / seconds / 1e9:.0f} |",
                      flush=True)


if __name__ == "__main__":
    utils.run(main, "layers.py")
