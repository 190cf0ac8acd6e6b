"""How much memory this process may use."""

import pathlib
import re

from dcgan.machine import groups

_INFO = "/proc/meminfo"


def available():
    """Bytes that this process may still use, within the machine's memory and a container's limit;
    infinity if the system does not report it."""
    left = [float("inf")]
    try:
        info = pathlib.Path(_INFO).read_text()
        found = re.search(r"^MemAvailable: *(\d+) kB", info, re.MULTILINE)
        left += [1024 * int(found[1])] if found else []
    except OSError:
        pass
    for names in (("memory.max", "memory.current"),
                  ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):
        left += [int(most) - int(taken) for most, taken in groups.limits(*names) if most != "max"]
    return min(left)
