"""How much memory there is for this process."""

import pathlib
import re

from dcgan.machine import groups

_INFO = "/proc/meminfo"


def available():
    """Bytes that this process may still take: of the machine's, what a container's limit leaves;
    infinite where the system does not say."""
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
