#!/usr/bin/env python3
"""Time the convolutions of the 64-pixel network, TensorFlow's kernels against our detours.

    .venv/bin/python benchmarks/layers.py
    ONEDNN_MAX_CPU_ISA=AVX2 .venv/bin/python benchmarks/layers.py --batch_size 1 --sizes 8 64

The second leaves oneDNN the kernels of a CPU with AVX2 alone; AVX512_CORE and AVX512_CORE_BF16 are
the kinds between that and one with AMX. ops.py and dcgan/networks/convolution.py choose by this.
"""

import _path

from steps import median_time
from tables import head, row

from dcgan.cli import flags, running
from dcgan.machine import cpu, importing
from dcgan.settings import Number

LAYERS = ((64, 3, 64), (32, 64, 128), (16, 128, 256), (8, 256, 512))  # pixels, channels in, out


def parse_args(argv=None):
    parser = flags.Parser(prog="layers.py", description=__doc__)
    parser.add_argument("--batch_size", type=Number(int, low=1), default=64, help="images")
    parser.add_argument("--sizes", type=int, nargs="+", choices=[size for size, _, _ in LAYERS],
                        default=[size for size, _, _ in LAYERS],
                        help="of the layers, by the edge of their larger side")
    return parser.parse_args(argv)


def kernels(dtype, batch, size, n_in, n_out):
    """`{name: call}` of what a layer computes forward and backward, each in all its ways."""
    import tensorflow as tf

    from dcgan.networks.convolution import MinimalFilter, ProductFilter
    from ops import product_filter_gradient, subpixel_transpose

    def random(*shape):
        return tf.cast(tf.random.stateless_normal(shape, [0, 1]), dtype)

    shape = [5, 5, n_in, n_out]
    x, w, dy = random(batch, size, size, n_in), random(*shape), random(
        batch, size // 2, size // 2, n_out)
    calls = {
        "forward": lambda: tf.nn.conv2d(x, w, strides=2, padding="SAME"),
        "transposed": lambda: tf.nn.conv2d_transpose(dy, w, x.shape, strides=2, padding="SAME"),
        "by filter": lambda: tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=shape, out_backprop=dy, strides=[1, 2, 2, 1], padding="SAME")}
    if size == 64:
        calls["transposed, by subpixels"] = lambda: subpixel_transpose(dy, w)
    if size == 8:
        calls["by filter, as a product"] = lambda: product_filter_gradient(x, dy, shape)
        forms = {"as a product": ProductFilter}
        if dtype == "float32":
            forms["minimal filter"] = MinimalFilter
            calls["making the minimal filter"] = lambda: MinimalFilter.of(w).products
        for name, form in forms.items():
            kernel = form.of(w)
            calls[f"forward, {name}"] = lambda kernel=kernel: kernel.convolve(x)
            calls[f"transposed, {name}"] = lambda kernel=kernel: kernel.transpose(dy)
    # One element of the result is fetched, so that copying it is not measured too.
    return {name: tf.function(lambda call=call: tf.reshape(call(), [-1])[0])
            for name, call in calls.items()}


def main(argv=None):
    config = parse_args(argv)
    importing.import_tensorflow()
    head("layer", "precision", "what", "ms", "GFLOP/s")
    # Where oneDNN is told to leave bfloat16 alone, TensorFlow's kernels for it fail.
    for dtype in ("float32", "bfloat16") if cpu.has_bfloat16() else ("float32",):
        for size, n_in, n_out in LAYERS:
            if size not in config.sizes:
                continue
            operations = 2 * config.batch_size * (size // 2) ** 2 * 25 * n_in * n_out
            for what, call in kernels(dtype, config.batch_size, size, n_in, n_out).items():
                seconds = median_time(lambda call=call: call().numpy(), seconds=0.5, least=5)
                row(f"{size}x{size}x{n_in} to {size // 2}x{size // 2}x{n_out}", dtype, what,
                    f"{1000 * seconds:.1f}", f"{operations / seconds / 1e9:.0f}")


if __name__ == "__main__":
    running.run(main, "layers.py")
