"""How many threads this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path


def usable_threads(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the CPUs in this process's affinity mask, or fewer if a cgroup quota says so; at least 1.

    `os.cpu_count()` counts the machine's CPUs: in a container with a quota, threads would fight for them.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return count
    if quota == "max":
        return count
    return max(1, min(count, math.ceil(int(quota) / int(period))))
