"""The versions of the program and of its packages, and the CPU."""

import importlib.metadata
import platform

import dcgan
from dcgan.machine import cpu

_LEVELS = {"avx2": "AVX2", "avx512f": "AVX-512", "amx_bf16": "AMX"}


def installed():
    """`{name: version}` of the program, Python and the main packages, which are not imported."""
    found = {"dcgan": dcgan.__version__, "python": platform.python_version()}
    for package in ("tensorflow", "numpy", "pillow"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # such as TensorFlow under another name
            found[package] = "of another package"
    return found


def described():
    """Two lines for a bug report: the versions; the system, the CPU and its instructions."""
    levels = [level for flag, level in _LEVELS.items() if cpu.has(flag)]
    return (", ".join(f"{name} {version}" for name, version in installed().items()) + "\n"
            + ", ".join(filter(None, [platform.platform(), f"{cpu.usable()} CPUs",
                                      cpu.described("model name"), *levels])))
