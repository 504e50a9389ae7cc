"""The memory that a measurement takes, without that of Python and the imported libraries."""

import gc
import importlib

import torch

from benchmarks.common.peak_memory import peak_bytes, reset_peak, resident_bytes


class Memory:
    """On a CPU the resident memory of the process, on a GPU the memory that torch has allocated there."""

    def __init__(self, device: str, mode: str) -> None:
        """`device` is `cpu` or `cuda`; the mode `compiled` imports the compiler before the measurement begins."""
        self._gpu = device == "cuda"
        self._mode = mode
        self._before = 0

    def begin(self) -> None:
        """Count from now on: all libraries are imported, and nothing has been allocated yet."""
        importlib.import_module("torch._dynamo")  # torch's optimizers import it when they are constructed
        if self._mode == "compiled":
            importlib.import_module("torch._inductor.compile_fx")
        gc.collect()
        self._before = torch.cuda.memory_allocated() if self._gpu else resident_bytes()

    def reset_peak(self) -> None:
        """Exclude the memory of preparing, such as compiling, from the peak."""
        gc.collect()
        if self._gpu:
            torch.cuda.reset_peak_memory_stats()
        else:
            reset_peak()

    def peak(self) -> int:
        """Return the largest memory since `reset_peak`, minus that at `begin`, in bytes."""
        return (torch.cuda.max_memory_allocated() if self._gpu else peak_bytes()) - self._before
