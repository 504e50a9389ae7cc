"""The peak memory of a run, and the error for a step that needs too much."""

import sys
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")


class TooLittleMemoryError(ValueError):
    """The gradient of a training step does not fit into the memory of the device."""


def peak_memory_bytes(device: torch.device) -> int | None:
    """Return the peak memory of tensors on an accelerator; for a CPU, the peak resident memory of the process.

    Returns:
        None if the system does not report it.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()  # which does not shrink unless asked to
    return _peak_resident_bytes()


def _peak_resident_bytes() -> int | None:
    # On Linux a program inherits the peak of getrusage from the process that started it; VmHWM is its own.
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
