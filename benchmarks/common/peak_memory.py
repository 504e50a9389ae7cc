"""The resident memory of this process: now, and at its largest."""

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Return the largest resident memory of this process so far.

    On Linux a child inherits `ru_maxrss` through fork and exec, so the memory of a large parent would be attributed to
    each of its children; `VmHWM` belongs to this process alone.
    """
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def resident_bytes() -> int:
    """Return the resident memory of this process now, or its peak where the system does not report it."""
    resident = _status("VmRSS")
    return peak_bytes() if resident is None else resident


def reset_peak() -> None:
    """Reset `peak_bytes` to the memory that is resident now, where the system allows it (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        return


def _status(name: str) -> int | None:
    try:
        with _STATUS.open(encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))
    except (OSError, StopIteration):
        return None
