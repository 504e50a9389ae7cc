"""Device, precision and compiler of a measurement, and the settings of all optimizers."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch

Call = TypeVar("Call", bound=Callable[..., Any])

LEARNING_RATE = 1e-3
BETAS = (0.9, 0.95)
EPS = 1e-8
WEIGHT_DECAY = 0.1
MAX_GRAD_NORM = 1.0


@dataclass(frozen=True)
class Setup:
    """Device, precision, compiler."""

    device: str
    """`cpu` or `cuda`."""
    mode: str
    """How the model runs: `eager`, `compiled`, or a mode of one library."""

    @property
    def compiled(self) -> bool:
        """Whether torch.compile is used."""
        return self.mode == "compiled"

    @property
    def dtype(self) -> torch.dtype:
        """The precision of matrix products: bfloat16 on a GPU, float32 on a CPU."""
        return torch.bfloat16 if self.device == "cuda" else torch.float32

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context of a training forward pass: on a GPU, float32 weights are multiplied in bfloat16."""
        if self.device == "cuda":
            return torch.autocast("cuda", dtype=self.dtype)
        return contextlib.nullcontext()

    def maybe_compile(self, call: Call, *, fullgraph: bool = True) -> Call:
        """Compile a function for fixed shapes in the compiled mode."""
        return cast(Call, torch.compile(call, fullgraph=fullgraph, dynamic=False)) if self.compiled else call

    def synchronize(self) -> None:
        """Wait for the device."""
        if self.device == "cuda":
            torch.cuda.synchronize()
