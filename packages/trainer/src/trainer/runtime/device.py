"""The device of a run."""

import torch


def choose_device(name: str) -> torch.device:
    """Return the device with this name; `auto` is the first accelerator, or the CPU if there is none.

    Raises:
        ValueError: this machine has no such device.
    """
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"run.device is {name!r}, which is not a device: use auto, cpu, cuda or mps") from None
    if device.type != "cpu" and (accelerator is None or device.type != accelerator.type):
        raise ValueError(f"run.device is {name!r}, but this machine has {accelerator or 'no accelerator'}: use auto")
    if (device.index or 0) >= max(1, torch.accelerator.device_count()):
        raise ValueError(
            f"run.device is {name!r}, but this machine has {torch.accelerator.device_count()} such devices, "
            "numbered from 0"
        )
    return device


def device_name(device: torch.device) -> str:
    """Return the name that CUDA reports for a GPU; the device type for others."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
