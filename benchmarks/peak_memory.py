"""The largest memory that this process has held."""

import sys
from pathlib import Path


def peak_bytes() -> int:
    """Return the largest resident memory of this process so far.

    Linux hands `ru_maxrss` on from the parent through fork and exec, so a parent that has held much would show in
    every child; `VmHWM` is this process's alone.
    """
    try:
        with Path("/proc/self/status").open(encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
