"""Mixed precision: weights are float32, matrix products may be computed in bfloat16, or, as an experiment, float8."""

from contextlib import AbstractContextManager, nullcontext

import torch

from trainer.config import ComputePrecision, Float8Setting

_FLOAT8_CAPABILITY = (8, 9)


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


def computes_in_float8(setting: Float8Setting | bool, device: torch.device) -> bool:
    """Return whether the blocks' products are computed in float8.

    Args:
        setting: `training.float8`.
        device: of the run.

    Raises:
        ValueError: they should be, but the device has no hardware for it.
    """
    if setting != "on":
        return False
    found = device.type
    if device.type == "cuda" and torch.version.hip is None:
        capability = torch.cuda.get_device_capability(device)
        if capability >= _FLOAT8_CAPABILITY:
            return True
        found = f"{torch.cuda.get_device_name(device)} of compute capability {capability[0]}.{capability[1]}"
    raise ValueError(
        f"training.float8 is on, but the device is {found}: float8 products need an NVIDIA GPU of compute capability "
        f"{_FLOAT8_CAPABILITY[0]}.{_FLOAT8_CAPABILITY[1]} or more (Ada, Hopper, Blackwell); use --training.float8 off"
    )
