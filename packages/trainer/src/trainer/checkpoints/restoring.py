"""Filling a model and an optimizer from state that has been read and checked: both are changed, or neither is."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainer.checkpoints.errors import CheckpointError
from trainer.checkpoints.format import shorten
from trainer.runtime.sharding import shard_like

_REFUSALS = (RuntimeError, ValueError, KeyError, TypeError, AttributeError)
"""What `load_state_dict` raises if a state_dict does not fit in a way that only the module or the optimizer knows."""


def fill(
    model: Module,
    model_state: Mapping[str, Any],
    optimizer: Optimizer | None,
    optimizer_state: dict[str, Any] | None,
    src: Path,
    *,
    keep_settings: bool,
) -> None:
    """Load both states; if either is refused, the model and the optimizer are as they were before.

    Args:
        model: its tensors may be sharded.
        model_state: full tensors, by the model's own names.
        optimizer: None to leave the optimizer's state unused.
        optimizer_state: full tensors; a state_dict of the optimizer.
        src: the checkpoint, for error messages.
        keep_settings: keep the settings of the optimizer's parameter groups, such as betas and weight decay.

    Raises:
        CheckpointError: a state does not fit.
    """
    previous: dict[str, Any] = (
        {} if optimizer is None else {"state": optimizer.state, "param_groups": optimizer.param_groups}
    )
    part = "optimizer"
    try:
        if optimizer is not None and optimizer_state is not None:
            _fill_optimizer(optimizer, optimizer_state, keep_settings=keep_settings)
        part = "model"
        _fill_model(model, model_state)
    except _REFUSALS as error:
        if optimizer is not None:
            optimizer.__setstate__(previous)
        raise CheckpointError(f"checkpoint {src} does not fit the {part}: {shorten(str(error))}") from None


def _fill_model(model: Module, saved: Mapping[str, Any]) -> None:
    live = model.state_dict()
    # Tensors have been compared with the model's, but only set_extra_state knows whether extra state fits.
    has_extra_state = any(not isinstance(value, Tensor) for value in live.values())
    before = copy.deepcopy(live) if has_extra_state else None
    try:
        model.load_state_dict({name: _like(value, live[name]) for name, value in saved.items()})
    except _REFUSALS:
        if before is not None:
            model.load_state_dict(before)
        raise


def _fill_optimizer(optimizer: Optimizer, saved: dict[str, Any], *, keep_settings: bool) -> None:
    """Load a state_dict, keeping each tensor's dtype, which torch would change to the parameter's."""
    live_groups = optimizer.state_dict()["param_groups"]
    groups = [
        live if keep_settings else {**live, **group}
        for live, group in zip(live_groups, saved["param_groups"], strict=True)
    ]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {
        index: {
            key: _like(value, parameters[index]) if _has_axes_of(parameters[index], value) else value
            for key, value in kept.items()
        }
        for index, kept in saved["state"].items()
    }
    optimizer.load_state_dict({**saved, "state": state, "param_groups": groups})
    for index, kept in state.items():
        loaded = optimizer.state[parameters[index]]
        for key, value in kept.items():
            if isinstance(value, Tensor) and value.dtype != loaded[key].dtype:
                loaded[key] = value.to(loaded[key].device)


def _has_axes_of(parameter: Tensor, value: Any) -> bool:
    """Return whether a value can be sharded as the parameter is, like Muon's second moments, which have one column."""
    return isinstance(value, Tensor) and value.ndim == parameter.ndim


def _like(value: Any, reference: Any) -> Any:
    """Return a full tensor sharded as `reference` is; anything else as it is."""
    return shard_like(value, reference) if isinstance(value, Tensor) else value
