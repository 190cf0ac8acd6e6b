"""All that model.py and the scripts are made of.

To import this comes before importing TensorFlow, which reads its environment only then.
"""

import os
import platform

__version__ = "0.1.0"

# By itself TensorFlow uses oneDNN's kernels only on CPUs with AVX-512. With AVX2 alone they are
# faster as well: a training step takes 0.35 to 0.65 of the time (docs/performance.md).
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
