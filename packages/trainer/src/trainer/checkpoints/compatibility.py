"""Checks that the content of a checkpoint fits a model and an optimizer, before either is changed."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

import optim
from trainer.checkpoints.errors import CheckpointError
from trainer.checkpoints.format import shorten
from trainer.runtime.sharding import local_shard

_LIKE_PARAMETER = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "sum", "square_avg", "acc_delta"}
"""Names of optimizer state that has the shape of the parameter, in the optimizers of torch and `optim`."""

_ADAMW_STATE = {"step", "exp_avg", "exp_avg_sq"}


def check_model(saved: Mapping[str, Any], expected: Mapping[str, Any], src: Path) -> None:
    """Raise CheckpointError if the tensors of a state_dict are not those of the model, naming the first difference."""
    if saved.keys() != expected.keys():
        names = saved.keys() ^ expected.keys()
        raise CheckpointError(
            f"checkpoint {src} belongs to a different model: {len(names)} tensor names differ, "
            f"such as {shorten(min(names))}; use the configuration that it was trained with"
        )
    first: dict[tuple[int, torch.Size], str] = {}
    for name, tensor in expected.items():
        if not isinstance(tensor, Tensor):
            continue
        found = saved[name]
        if not isinstance(found, Tensor) or found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise CheckpointError(
                f"checkpoint {src} belongs to a different model: {name} is {_describe(found)} in the checkpoint and "
                f"{_describe(tensor)} in the model; use the configuration that it was trained with"
            )
        address = local_shard(tensor).data_ptr()  # 0 if the tensor has no memory of its own: empty, or on meta
        tied = first.setdefault((address, tensor.shape), name) if address else name
        if saved[tied] is not found and not torch.equal(saved[tied], found):
            raise CheckpointError(
                f"checkpoint {src} belongs to a different model: {tied} and {name} are tied in the model, but differ "
                "in the checkpoint; use the configuration that it was trained with"
            )


def check_optimizer(saved: Any, saved_class: str | None, optimizer: Optimizer, src: Path) -> None:
    """Raise CheckpointError if a state_dict is not that of this kind of optimizer over these parameters."""
    given_class = type(optimizer).__name__
    if saved is None:
        raise CheckpointError(f"checkpoint {src} was saved without an optimizer, so training cannot be resumed from it")
    if saved_class != given_class:
        raise CheckpointError(
            f"checkpoint {src} was trained with {shorten(str(saved_class))}, not with {given_class}: "
            "use the same optimizer"
        )
    try:
        _check_groups(saved, optimizer)
        _check_state(saved["state"], optimizer)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {src} does not fit the optimizer: {shorten(str(error))}") from None


def check_finite(model_state: Mapping[str, Any], parameters: set[str], optimizer_state: Any, src: Path) -> None:
    """Raise CheckpointError if weights or optimizer state contain NaN or infinity.

    Args:
        model_state: the model's tensors.
        parameters: the names of those that are parameters; buffers may contain infinity, as masks do.
        optimizer_state: the optimizer's state_dict, or None.
        src: the checkpoint, for the message.
    """
    states = optimizer_state["state"] if optimizer_state else {}
    tensors = {name: value for name, value in model_state.items() if name in parameters}
    tensors |= {f"{key} of parameter {index}": value for index, kept in states.items() for key, value in kept.items()}
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor) and (count := _count_not_finite(tensor)):
            raise CheckpointError(
                f"checkpoint {src} contains {count} NaN or infinite values in {shorten(name)}: "
                "use an earlier checkpoint"
            )


def _count_not_finite(tensor: Tensor) -> int:
    """Return how many elements are NaN or infinite."""
    if tensor.element_size() == 1 or not (tensor.is_floating_point() or tensor.is_complex()):
        return 0  # torch has no arithmetic for floats of 8 bits
    if tensor.sum().isfinite():  # any of them would make the sum non-finite, and a sum is much faster
        return 0
    return int((~tensor.isfinite()).sum())


def _check_groups(saved: Any, optimizer: Optimizer) -> None:
    if not isinstance(saved, dict) or not isinstance(saved.get("state"), dict):
        raise ValueError("it does not contain the state_dict of an optimizer")
    expected = optimizer.state_dict()["param_groups"]
    groups = saved["param_groups"]
    if not isinstance(groups, list) or [group["params"] for group in groups] != [group["params"] for group in expected]:
        raise ValueError("its parameter groups differ from those of the optimizer")
    for group, live in zip(groups, expected, strict=True):
        for key, value in live.items():
            if not _same_kind(group.get(key, value), value):
                raise ValueError(f"its setting {key} is {group[key]!r}, and that of the optimizer is {value!r}")


def _same_kind(saved: Any, live: Any) -> bool:
    """Return whether two settings are both numbers, both sequences of the same length, or either of them None."""
    if isinstance(live, tuple | list):
        return isinstance(saved, tuple | list) and len(saved) == len(live) and all(map(_same_kind, saved, live))
    if saved is None or live is None:
        return not isinstance(saved, tuple | list | dict)
    if isinstance(live, bool | str):
        return type(saved) is type(live)
    if isinstance(live, int | float):  # a learning rate may be a tensor
        return (type(saved) in (int, float) and not math.isnan(saved)) or _is_scalar(saved)
    return type(saved) is type(live)


def _check_state(state: dict[Any, Any], optimizer: Optimizer) -> None:
    index = 0
    known = set()
    for group in optimizer.param_groups:
        first = _state_names(optimizer, group)
        for parameter in group["params"]:
            known.add(index)
            kept = state.get(index)
            if kept or (kept is not None and first is not None):  # torch's may have no state for a parameter
                first = kept.keys() if first is None else first
                if kept.keys() != first:
                    names = shorten(", ".join(sorted(map(str, kept.keys() ^ first))))
                    raise ValueError(f"the state of parameter {index} has missing or unexpected entries ({names})")
                for key, value in kept.items():
                    _check_entry(f"{key} of parameter {index}", key, value, parameter)
            index += 1
    if not state.keys() <= known or not all(type(key) is int and isinstance(state[key], dict) for key in state):
        raise ValueError("it contains state of parameters that the optimizer does not have")


def _state_names(optimizer: Optimizer, group: dict[str, Any]) -> set[str] | None:
    """Return the names of the state that an optimizer of `optim` keeps per parameter; None for other optimizers."""
    match optimizer:
        case optim.AdamW():
            return _ADAMW_STATE
        case optim.Muon():
            if group["algorithm"] == "adamw":
                return _ADAMW_STATE
            return {"momentum_buffer"} | ({"second_moment"} if group.get("second_moment") is not None else set())
        case optim.SGD():
            return {"step"}
    return None


def _check_entry(place: str, key: str, value: Any, parameter: Tensor) -> None:
    if key == "step" and not _is_scalar(value) and not (type(value) in (int, float) and 0 <= value < math.inf):
        raise ValueError(f"{place} is {shorten(_describe(value))}, not a number of steps")
    like_parameter = key in _LIKE_PARAMETER and not (key == "momentum_buffer" and value is None)  # torch's SGD without
    if like_parameter or key == "second_moment":
        # Muon has a second moment for each row, or for each column if there are more of these.
        shape = torch.Size((max(parameter.shape), 1)) if key == "second_moment" else parameter.shape
        fits = isinstance(value, Tensor) and value.shape == shape
        if not fits or value.dtype not in (parameter.dtype, torch.float32):
            raise ValueError(f"{place} is {_describe(value)}, and the parameter is {_describe(parameter)}")


def _is_scalar(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1


def _describe(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"


def parameter_names(model: Module) -> set[str]:
    """Return the names of a model's parameters, including all names of a tied weight."""
    return {name for name, _ in model.named_parameters(remove_duplicate=False)}
