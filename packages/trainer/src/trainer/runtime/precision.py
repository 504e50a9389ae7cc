"""Mixed precision: weights are float32, matrix products may be computed in bfloat16."""

from contextlib import AbstractContextManager, nullcontext

import torch

from trainer.config import ComputePrecision


def computes_in_bfloat16(setting: ComputePrecision, device: torch.device) -> bool:
    """Return whether products are computed in bfloat16; with auto, where the device has hardware support for it.

    On CPUs auto means float32: without hardware support bfloat16 is many times slower.
    """
    if setting == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return setting == "bfloat16"


def autocast(device: torch.device, *, bfloat16: bool) -> AbstractContextManager[object]:
    """Return the context manager in which a loss is computed."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if bfloat16 else nullcontext()
