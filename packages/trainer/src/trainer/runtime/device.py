"""Which device a run uses."""

import torch


def choose_device(name: str) -> torch.device:
    """Return the device of a name; `auto` takes the first accelerator, else the CPU.

    Raises:
        ValueError: there is no such device here.
    """
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"run.device is {name!r}, which is no device: try auto, cpu, cuda or mps") from None
    if device.type != "cpu" and (accelerator is None or device.type != accelerator.type):
        raise ValueError(f"run.device is {name!r}, but this machine has {accelerator or 'no accelerator'}: try auto")
    if (device.index or 0) >= max(1, torch.accelerator.device_count()):
        raise ValueError(f"run.device is {name!r}, but there are {torch.accelerator.device_count()} such devices")
    return device


def device_name(device: torch.device) -> str:
    """Return what the device calls itself."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
