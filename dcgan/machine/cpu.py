"""This machine's CPUs: how many this process may use, and which instructions they support."""

import functools
import math
import os
import re

from dcgan.machine import groups

_INFO = "/proc/cpuinfo"
# In the order of oneDNN's environment variable ONEDNN_MAX_CPU_ISA.
_LEVELS = ("SSE41", "AVX", "AVX2", "AVX512_CORE", "AVX512_CORE_BF16", "AVX512_CORE_AMX")
_FLAGS = {"avx2": "AVX2", "avx512f": "AVX512_CORE", "avx512_bf16": "AVX512_CORE_BF16",
          "amx_bf16": "AVX512_CORE_AMX"}


def usable():
    """How many CPUs this process may use, within `taskset` and a container's limit
    (`docker run --cpus`)."""
    count = (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")  # only on Linux
             else os.cpu_count())
    return max(1, math.ceil(min([count, *_quotas()])))


def _quotas():
    """Yield the CPU limit of each of this process's control groups, in CPUs."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        for quota, period in groups.limits(*names):
            if quota not in ("max", "-1"):
                yield int(quota) / int(period)


@functools.cache
def described(key):
    """The first CPU's value of a key, such as `model name`, that Linux lists; otherwise an empty
    string."""
    try:
        with open(_INFO) as info:
            found = re.search(rf"^{key}\s*:(.*)", info.read(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else ""


def _flags():
    """The CPU flags that Linux lists; an empty set on other systems."""
    return set(described("flags").split())


def has(flag):
    """Whether oneDNN finds an instruction set here and is allowed to use it.

    Args:
        flag: avx2, avx512f, avx512_bf16 or amx_bf16, as in `lscpu`.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    # Newer levels (AVX512_CORE_AMX_FP16, DEFAULT, ...) allow all of these.
    allowed = limit not in _LEVELS or _LEVELS.index(_FLAGS[flag]) <= _LEVELS.index(limit)
    return flag in _flags() and allowed


def has_bfloat16():
    """Whether the CPU has bfloat16 instructions, which make it faster than float32."""
    return has("avx512_bf16") or has("amx_bf16")
