"""The states of all generators of random numbers that a process has, as JSON.

Nothing in the training loop draws from them: they are kept for models and callbacks that do, such as dropout.
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
    """Return the state of torch's generator on the CPU and on `devices`, of numpy's and of Python's.

    Args:
        devices: the accelerators that this process computes on; CPUs among them are taken once.
    """
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = cast(Any, np.random.get_state())  # noqa: NPY002
    state: dict[str, Any] = {
        "cpu": _encode(torch.get_rng_state()),
        "python": [version, list(words), gauss],
        "numpy": [name, _as_words(keys), position, has_gauss, cached],
    }
    for device in devices:
        if device.type != "cpu":
            state[str(_with_index(device))] = _encode(_get(device))
    return state


def restore_rng(state: Mapping[str, Any]) -> list[str]:
    """Put all generators into a state that `capture_rng` returned.

    Returns:
        The devices in it that are not here; a run that moved to another machine cannot have their numbers.

    Raises:
        CheckpointError: it is no such state.
    """
    missing = []
    try:
        version, words, gauss = state["python"]
        name, keys, position, has_gauss, cached = state["numpy"]
        if type(position) is not int or not 0 <= position <= len(keys):  # numpy would read beyond the keys
            raise ValueError(f"numpy's position is {position!r}")
        devices = {key: _decode(value) for key, value in state.items() if key not in ("python", "numpy")}
        random.setstate((version, tuple(words), gauss))
        np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, cached))  # noqa: NPY002
        torch.set_rng_state(devices.pop("cpu"))
        for key, value in devices.items():
            if not _set(torch.device(key), value):
                missing.append(key)
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError, AttributeError) as error:
        raise CheckpointError(f"the checkpoint's random state is damaged ({shorten(repr(error))})") from None
    return missing


def _as_words(keys: Any) -> list[int]:
    return [int(key) for key in keys]


def _with_index(device: torch.device) -> torch.device:
    if device.type == "mps" or ":" in str(device):
        return device
    return torch.device(device.type, torch.get_device_module(device).current_device())


def _get(device: torch.device) -> Tensor:
    module = torch.get_device_module(device)
    return module.get_rng_state() if device.type == "mps" else module.get_rng_state(device)


def _set(device: torch.device, state: Tensor) -> bool:
    """Set the state of a device's generator, and return whether there is such a device."""
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    here = accelerator is not None and accelerator.type == device.type
    if not here or (device.index or 0) >= torch.accelerator.device_count():
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
        raise TypeError("a generator's state is no text")
    try:
        return torch.frombuffer(bytearray(base64.b64decode(text, validate=True)), dtype=torch.uint8)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
