"""Whether a run compiles what it computes, and why not."""

import importlib.util
import shutil
from collections.abc import Callable

import torch
from torch import Tensor

from nn import TransformerLM
from trainer.config import TrainConfig

WORTHWHILE_FLOPS = 1e14
"""Compilation takes 20 to 90 s on a CPU; a run of so many operations takes a quarter of an hour there."""


def training_flops(config: TrainConfig, num_parameters: int) -> float:
    """Return how much a whole run computes, by the rule of thumb 6 · tokens · parameters.

    It counts the run from its first step, so that a run that is resumed decides as it did before.
    """
    tokens = config.training.steps * config.training.batch_size * config.model.context_length
    return 6.0 * tokens * num_parameters


def why_not_compiled(setting: str | bool, device: torch.device, flops: float) -> str | None:
    """Decide whether a run compiles.

    Args:
        setting: `training.compile`.
        device: the run's.
        flops: of the whole run: `training_flops`.

    Returns:
        None if it does, else the reason in words.

    Raises:
        ValueError: it is asked for, but cannot be done here.
    """
    if setting == "off":
        return "training.compile is off"
    missing = missing_compiler(device)
    if setting == "on":
        if missing:
            raise ValueError(f"training.compile is on, but {missing}: give training.compile auto or off")
        return None
    if missing:
        return missing
    if device.type == "cpu" and flops < WORTHWHILE_FLOPS:
        return f"the run is short ({flops:.1e} operations, below {WORTHWHILE_FLOPS:.0e}); training.compile on compiles"
    return None


def missing_compiler(device: torch.device) -> str | None:
    """Say what torch.compile lacks on a device; None: nothing."""
    if device.type == "cpu":
        found = any(map(shutil.which, ("c++", "g++", "clang++", "cl")))
        return None if found else "there is no C++ compiler (c++, g++ or clang++)"
    if device.type in ("cuda", "xpu"):
        return None if importlib.util.find_spec("triton") else "the package triton, which compiles for GPUs, is missing"
    return f"nothing compiles for {device.type}"


def make_loss_function(model: TransformerLM, *, compiled: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """Return `model.loss`, compiled or not; the model and the names in its state_dict stay as they are."""
    if not compiled:
        return model.loss
    function: Callable[[Tensor, Tensor], Tensor] = torch.compile(model.loss, fullgraph=True, dynamic=False)
    return function


def compile_blocks(model: TransformerLM) -> None:
    """Let each block of a model be compiled by itself, in place; all share the same code, which is compiled once.

    Only what a block computes is: hooks that others put before and after it run as they are.
    """
    for block in model.blocks:
        block.forward = torch.compile(block.forward, fullgraph=True, dynamic=False)
