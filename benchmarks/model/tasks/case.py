"""What a task of the worker prepares: facts, and a function that measures one round."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.model.memory import Memory
from benchmarks.model.setup import Setup

Facts = dict[str, Any]
Case = tuple[Facts, Callable[[], Facts]]
"""What was found out while preparing, such as the loss of the first step, and the function that measures one round."""
Prepare = Callable[[Mapping[str, Any], Memory], Case]


def timed(call: Callable[[], Any], setup: Setup, steps: int) -> Callable[[], Facts]:
    """Return a function that measures the mean seconds of a call."""

    def measure() -> Facts:
        setup.synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            call()
        setup.synchronize()
        return {"seconds": (time.perf_counter() - start) / steps}

    return measure


def draw_normal(*size: int, seed: int, setup: Setup) -> Tensor:
    """Return standard normal values, the same in every process."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(setup.device, setup.dtype)
