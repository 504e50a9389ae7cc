"""In which numbers a run computes: weights stay float32, products may be rounded to bfloat16 on the way."""

from contextlib import AbstractContextManager, nullcontext

import torch

from trainer.config import ComputePrecision


def computes_in_bfloat16(setting: ComputePrecision, device: torch.device) -> bool:
    """Decide whether products are computed in bfloat16; auto does where the device is fast at it.

    On CPUs auto never does: those without instructions for it are many times slower.
    """
    if setting == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return setting == "bfloat16"


def autocast(device: torch.device, *, bfloat16: bool) -> AbstractContextManager[object]:
    """Return the context in which losses are computed."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if bfloat16 else nullcontext()
