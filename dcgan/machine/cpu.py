"""This machine's CPUs: how many there are for this process, and which instructions they have."""

import functools
import math
import os
import re

from dcgan.machine import groups

INFO = "/proc/cpuinfo"
# In the order in which oneDNN's environment variable ONEDNN_MAX_CPU_ISA counts them.
_LEVELS = ("SSE41", "AVX", "AVX2", "AVX512_CORE", "AVX512_CORE_BF16", "AVX512_CORE_AMX")
_FLAGS = {"avx2": "AVX2", "avx512f": "AVX512_CORE", "avx512_bf16": "AVX512_CORE_BF16",
          "amx_bf16": "AVX512_CORE_AMX"}


def usable():
    """How many CPUs this process may use: of the machine's, what `taskset` and a container's limit
    (`docker run --cpus`) leave."""
    count = (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")  # Linux alone has it
             else os.cpu_count())
    return max(1, math.ceil(min([count, *_quotas()])))


def _quotas():
    """Yield the CPUs' time that each of this process's control groups has, in CPUs."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        for quota, period in groups.limits(*names):
            if quota not in ("max", "-1"):
                yield int(quota) / int(period)


@functools.cache
def _flags():
    """What Linux says that the CPU has; nothing elsewhere."""
    try:
        with open(INFO) as info:
            flags = re.search(r"^flags\s*:(.*)", info.read(), re.MULTILINE)
    except OSError:
        return frozenset()
    return frozenset(flags[1].split()) if flags else frozenset()


def has(flag):
    """Whether oneDNN finds an instruction set here, and is not told to leave it alone.

    Args:
        flag: avx2, avx512f, avx512_bf16 or amx_bf16, as `lscpu` writes it.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    # Newer levels (AVX512_CORE_AMX_FP16, DEFAULT, ...) allow all of these.
    allowed = limit not in _LEVELS or _LEVELS.index(_FLAGS[flag]) <= _LEVELS.index(limit)
    return flag in _flags() and allowed


def has_bfloat16():
    """Whether the CPU computes in bfloat16, so that it is faster than float32."""
    return has("avx512_bf16") or has("amx_bf16")
