"""The states of all random number generators of a process, as JSON.

The training loop does not use them: they are saved for models and callbacks that do, for example for dropout.
"""

import base64
import binascii
import random
from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from trainer.checkpoints.errors import CheckpointError
from trainer.checkpoints.format import shorten


def capture_rng(devices: Iterable[torch.device] = ()) -> dict[str, Any]:
    """Return the states of torch's generators on the CPU and on `devices`, and of those of numpy and Python.

    Args:
        devices: the accelerators that this process uses; CPUs among them are ignored.
    """
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = cast(Any, np.random.get_state())  # noqa: NPY002
    state: dict[str, Any] = {
        "cpu": _encode(torch.get_rng_state()),
        "python": [version, list(words), gauss],
        "numpy": [name, _as_integers(keys), position, has_gauss, cached],
    }
    for device in devices:
        if device.type != "cpu":
            state[str(_with_index(device))] = _encode(_get(device))
    return state


def restore_rng(state: Mapping[str, Any]) -> list[str]:
    """Set all generators to the states that `capture_rng` returned.

    Returns:
        The devices in it that this machine does not have; their states are not restored.

    Raises:
        CheckpointError: the state is malformed.
    """
    missing = []
    try:
        version, words, gauss = state["python"]
        name, keys, position, has_gauss, cached = state["numpy"]
        if type(position) is not int or not 0 <= position <= len(keys):  # numpy would read beyond the keys
            raise ValueError(f"the position of numpy's generator is {position!r}")
        devices = {key: _decode(value) for key, value in state.items() if key not in ("python", "numpy")}
        random.setstate((version, tuple(words), gauss))
        np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, cached))  # noqa: NPY002
        torch.set_rng_state(devices.pop("cpu"))
        for key, value in devices.items():
            if not _set(torch.device(key), value):
                missing.append(key)
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError, AttributeError) as error:
        raise CheckpointError(f"the random state in the checkpoint is damaged ({shorten(repr(error))})") from None
    return missing


def _as_integers(keys: Any) -> list[int]:
    return [int(key) for key in keys]


def _with_index(device: torch.device) -> torch.device:
    if device.type == "mps" or ":" in str(device):
        return device
    return torch.device(device.type, torch.get_device_module(device).current_device())


def _get(device: torch.device) -> Tensor:
    module = torch.get_device_module(device)
    return module.get_rng_state() if device.type == "mps" else module.get_rng_state(device)


def _set(device: torch.device, state: Tensor) -> bool:
    """Set the state of a device's generator; returns False if this machine has no such device."""
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    available = accelerator is not None and accelerator.type == device.type
    if not available or (device.index or 0) >= torch.accelerator.device_count():
        return False
    module = torch.get_device_module(device)
    if device.type == "mps":
        module.set_rng_state(state)
    else:
        module.set_rng_state(state, device)
    return True


def _encode(state: Tensor) -> str:
    return base64.b64encode(bytes(state.cpu().numpy())).decode()


def _decode(text: Any) -> Tensor:
    if not isinstance(text, str):
        raise TypeError("the state of a generator is not a string")
    try:
        return torch.frombuffer(bytearray(base64.b64decode(text, validate=True)), dtype=torch.uint8)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
