"""The memory that a measurement takes, beyond what Python and the libraries do."""

import gc
import importlib

import torch

from peak_memory import forget_peak, peak_bytes, resident_bytes


class Memory:
    """On a CPU, what the process holds; on a GPU, what torch has allocated there."""

    def __init__(self, device: str, mode: str) -> None:
        """`device` is cpu or cuda, and `mode` tells whether the compiler will be there."""
        self._gpu = device == "cuda"
        self._mode = mode
        self._before = 0

    def begin(self) -> None:
        """Count from here: libraries are imported, and nothing is made yet."""
        importlib.import_module("torch._dynamo")  # torch's own optimizers import it when they are made
        if self._mode == "compiled":
            importlib.import_module("torch._inductor.compile_fx")
        gc.collect()
        self._before = torch.cuda.memory_allocated() if self._gpu else resident_bytes()

    def forget_peak(self) -> None:
        """Forget what preparing took, such as compiling: the peak is that of the turns."""
        gc.collect()
        if self._gpu:
            torch.cuda.reset_peak_memory_stats()
        else:
            forget_peak()

    def peak(self) -> int:
        """Return the largest memory since then, in bytes."""
        return (torch.cuda.max_memory_allocated() if self._gpu else peak_bytes()) - self._before
