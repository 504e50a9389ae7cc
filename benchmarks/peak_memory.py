"""The largest memory that this process has held."""

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Return the largest resident memory of this process so far.

    Linux hands `ru_maxrss` on from the parent through fork and exec, so a parent that has held much would show in
    every child; `VmHWM` is this process's alone.
    """
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def resident_bytes() -> int:
    """Return the memory that this process holds now; where the system does not tell, the most that it has held."""
    resident = _status("VmRSS")
    return peak_bytes() if resident is None else resident


def forget_peak() -> None:
    """Let `peak_bytes` begin anew from what is held now, where the system can (Linux)."""
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
