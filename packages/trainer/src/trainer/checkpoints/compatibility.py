"""Whether the content of a checkpoint fits a model and an optimizer, found out before either is changed."""

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
"""What the usual optimizers keep for each element of a parameter, by its name in their state."""

_ADAMW = {"step", "exp_avg", "exp_avg_sq"}


def check_model(saved: Mapping[str, Any], expected: Mapping[str, Any], src: Path) -> None:
    """Refuse a state_dict whose tensors are not those of the model, naming the first difference."""
    if saved.keys() != expected.keys():
        names = saved.keys() ^ expected.keys()
        raise CheckpointError(
            f"checkpoint {src} is of another model: {len(names)} names do not match, "
            f"such as {shorten(min(names))}; use the configuration that it was trained with"
        )
    first: dict[tuple[int, torch.Size], str] = {}
    for name, tensor in expected.items():
        if not isinstance(tensor, Tensor):
            continue
        found = saved[name]
        if not isinstance(found, Tensor) or found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise CheckpointError(
                f"checkpoint {src} is of another model: {name} is {_describe(found)} there and {_describe(tensor)} "
                "here; use the configuration that it was trained with"
            )
        address = local_shard(tensor).data_ptr()  # 0 if the tensor has no memory of its own: empty, or on meta
        tied = first.setdefault((address, tensor.shape), name) if address else name
        if saved[tied] is not found and not torch.equal(saved[tied], found):
            raise CheckpointError(
                f"checkpoint {src} is of another model: {tied} and {name} are one tensor here and two there; "
                "use the configuration that it was trained with"
            )


def check_optimizer(saved: Any, saved_class: str | None, optimizer: Optimizer, src: Path) -> None:
    """Refuse a state_dict that is not one of this optimizer over these parameters."""
    given_class = type(optimizer).__name__
    if saved is None:
        raise CheckpointError(f"checkpoint {src} was saved without an optimizer: no training can go on from it")
    if saved_class != given_class:
        raise CheckpointError(
            f"checkpoint {src} was trained with {shorten(str(saved_class))}, not with {given_class}: keep its optimizer"
        )
    try:
        _check_groups(saved, optimizer)
        _check_state(saved["state"], optimizer)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {src} does not fit the optimizer: {shorten(str(error))}") from None


def check_finite(model_state: Mapping[str, Any], parameters: set[str], optimizer_state: Any, src: Path) -> None:
    """Refuse weights, or optimizer state, in which there is NaN or infinity.

    Args:
        model_state: the model's tensors.
        parameters: the names of those that are parameters; the others may hold infinity, as masks do.
        optimizer_state: the optimizer's state_dict, or None.
        src: the checkpoint, for the message.
    """
    states = optimizer_state["state"] if optimizer_state else {}
    tensors = {name: value for name, value in model_state.items() if name in parameters}
    tensors |= {f"{key} of parameter {index}": value for index, kept in states.items() for key, value in kept.items()}
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor) and (count := _count_not_finite(tensor)):
            raise CheckpointError(
                f"checkpoint {src} holds {count} numbers that are not finite in {shorten(name)}: use an earlier one"
            )


def _count_not_finite(tensor: Tensor) -> int:
    """Return how many elements are NaN or infinite."""
    if tensor.element_size() == 1 or not (tensor.is_floating_point() or tensor.is_complex()):
        return 0  # of the floats of eight bits torch can compute nothing
    if (
        tensor.sum().isfinite()
    ):  # any of them would show in the sum, which takes a fraction of the time of looking at each
        return 0
    return int((~tensor.isfinite()).sum())


def _check_groups(saved: Any, optimizer: Optimizer) -> None:
    if not isinstance(saved, dict) or not isinstance(saved.get("state"), dict):
        raise ValueError("it holds no state_dict of an optimizer")
    expected = optimizer.state_dict()["param_groups"]
    groups = saved["param_groups"]
    if not isinstance(groups, list) or [group["params"] for group in groups] != [group["params"] for group in expected]:
        raise ValueError("its parameter groups are others than here")
    for group, live in zip(groups, expected, strict=True):
        for key, value in live.items():
            if not _alike(group.get(key, value), value):
                raise ValueError(f"its setting {key} is {group[key]!r}, and here it is {value!r}")


def _alike(saved: Any, live: Any) -> bool:
    """Return whether two settings are of a kind: both numbers, both tuples of as many, or either of them unset."""
    if isinstance(live, tuple | list):
        return isinstance(saved, tuple | list) and len(saved) == len(live) and all(map(_alike, saved, live))
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
        first = _kept_by(optimizer, group)
        for parameter in group["params"]:
            known.add(index)
            kept = state.get(index)
            if kept or (kept is not None and first is not None):  # the optimizers of others may keep nothing
                first = kept.keys() if first is None else first
                if kept.keys() != first:
                    names = shorten(", ".join(sorted(map(str, kept.keys() ^ first))))
                    raise ValueError(f"of parameter {index} it holds too little or too much ({names})")
                for key, value in kept.items():
                    _check_kept(f"{key} of parameter {index}", key, value, parameter)
            index += 1
    if not state.keys() <= known or not all(type(key) is int and isinstance(state[key], dict) for key in state):
        raise ValueError("it holds state of parameters that are not here")


def _kept_by(optimizer: Optimizer, group: dict[str, Any]) -> set[str] | None:
    """Return all that an optimizer of `optim` keeps of a parameter; of others it is not known beforehand."""
    match optimizer:
        case optim.AdamW():
            return _ADAMW
        case optim.Muon():
            return _ADAMW if group["algorithm"] == "adamw" else {"momentum_buffer"}
        case optim.SGD():
            return {"step"}
    return None


def _check_kept(place: str, key: str, value: Any, parameter: Tensor) -> None:
    if key == "step" and not _is_scalar(value) and not (type(value) in (int, float) and 0 <= value < math.inf):
        raise ValueError(f"{place} is {shorten(_describe(value))}, not a count")
    if key in _LIKE_PARAMETER and not (key == "momentum_buffer" and value is None):  # torch's SGD without momentum
        fits = isinstance(value, Tensor) and value.shape == parameter.shape
        if not fits or value.dtype not in (parameter.dtype, torch.float32):
            raise ValueError(f"{place} is {_describe(value)}, and the parameter is {_describe(parameter)}")


def _is_scalar(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1


def _describe(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"


def parameter_names(model: Module) -> set[str]:
    """Return the names of a model's parameters, each of a tied weight's names included."""
    return {name for name, _ in model.named_parameters(remove_duplicate=False)}
