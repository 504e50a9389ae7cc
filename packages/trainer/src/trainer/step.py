"""One training step: the gradient of a batch, clipped, and one update of the weights."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from nn import TransformerLM
from optim import (
    SGD,
    AdamW,
    Muon,
    ParameterGroup,
    clip_grad_norm,
    constant_schedule,
    cosine_schedule,
    linear_schedule,
    parameter_groups,
    piecewise_schedule,
    wsd_schedule,
)
from trainer.config import OptimizerConfig, ScheduleConfig
from trainer.runtime.compilation import LossFunction

PartContext = Callable[[bool], AbstractContextManager[object]]


def group_parameters(config: OptimizerConfig, model: Module) -> list[ParameterGroup]:
    """Return which of a model's parameters are updated how."""
    return parameter_groups(
        model.named_parameters(),
        config.weight_decay,
        muon=config.name == "muon",
        decay_vectors=config.decay_vectors,
    )


def make_optimizer(config: OptimizerConfig, model: Module, *, compiled: bool = False) -> Optimizer:
    """Build the optimizer of a model; its learning rate is set before every step.

    Args:
        config: which, and its settings.
        model: whose parameters it updates.
        compiled: let AdamW's update be compiled, which is faster on a CPU.
    """
    if config.name == "sgd":
        return SGD(model.parameters(), lr=0.0)
    implementation: Literal["compiled", "auto"] = "compiled" if compiled else "auto"
    groups = [group.settings() for group in group_parameters(config, model)]
    if config.name == "adamw":
        return AdamW(groups, lr=0.0, betas=config.betas, eps=config.eps, implementation=implementation)
    for group in groups:
        group["lr_factor"] = config.muon_lr_factor if group["algorithm"] == "muon" else 1.0
    return Muon(
        groups,
        lr=0.0,
        momentum=config.momentum,
        scale=config.muon_scale,
        precision=config.muon_precision,
        betas=config.betas,
        eps=config.eps,
        implementation=implementation,
    )


def learning_rate(config: ScheduleConfig, update: int, num_updates: int) -> float:
    """Return the rate of one update; they are counted from 1, so that none of them has rate 0 in a warm-up."""
    warmup = round(config.warmup_fraction * num_updates)
    match config.shape:
        case "cosine":
            return cosine_schedule(update, config.max_lr, config.min_lr, warmup, num_updates)
        case "linear":
            return linear_schedule(update, config.max_lr, config.min_lr, warmup, num_updates)
        case "constant":
            return constant_schedule(update, config.max_lr, warmup)
        case "wsd":
            decay_start = max(warmup, num_updates - round(config.decay_fraction * num_updates))
            return wsd_schedule(update, config.max_lr, config.min_lr, warmup, decay_start, num_updates)
        case "piecewise":
            return piecewise_schedule(update, config.segments)


def learning_rate_by_time(config: ScheduleConfig, seconds: float, max_seconds: float) -> float:
    """Return the rate at a moment of a run that is limited by time: that of the same share of the steps."""
    updates = 100_000  # fine enough: the rates of neighbours hardly differ
    return learning_rate(config, 1 + round(min(1.0, seconds / max_seconds) * (updates - 1)), updates)


def train_step(
    model: TransformerLM,
    optimizer: Optimizer,
    inputs: Int[Tensor, "batch seq"],
    targets: Int[Tensor, "batch seq"],
    *,
    learning_rate: float,
    gradient_accumulation: int = 1,
    max_grad_norm: float | None = 1.0,
    loss_function: LossFunction | None = None,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Update the model once: `compute_gradients`, then `apply_update`.

    Args:
        model: the language model.
        optimizer: of the model's parameters.
        inputs: one window a row.
        targets: the ids that follow.
        learning_rate: see `apply_update`.
        gradient_accumulation: see `compute_gradients`.
        max_grad_norm: see `compute_gradients`.
        loss_function: `model.loss`, if not given; or the same, compiled.

    Returns:
        See `compute_gradients`.

    Raises:
        ValueError: the batch cannot be cut into equal parts.
    """
    loss, norm = compute_gradients(
        loss_function or model.loss,
        list(model.parameters()),
        inputs,
        targets,
        gradient_accumulation=gradient_accumulation,
        max_grad_norm=max_grad_norm,
    )
    apply_update(optimizer, learning_rate)
    return loss, norm


def compute_gradients(
    loss_function: LossFunction,
    parameters: Sequence[Tensor],
    inputs: Int[Tensor, "batch seq"],
    targets: Int[Tensor, "batch seq"],
    *,
    gradient_accumulation: int = 1,
    max_grad_norm: float | None = 1.0,
    part_context: PartContext | None = None,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Give each parameter the gradient of the batch's mean loss, clipped.

    Args:
        loss_function: from inputs and targets to the mean loss.
        parameters: all that it depends on.
        inputs: one window a row.
        targets: the ids that follow.
        gradient_accumulation: equal parts that the batch is computed in; the gradient is that of the whole batch.
        max_grad_norm: the gradient is scaled down to this norm; None measures it only.
        part_context: what each part is computed in; it is told whether the part is the last.

    Returns:
        The batch's mean loss, and the norm of its gradient before clipping, both on the device.

    Raises:
        ValueError: the batch cannot be cut into equal parts.
    """
    if len(inputs) % gradient_accumulation:
        raise ValueError(
            f"a batch of {len(inputs)} cannot be cut into {gradient_accumulation} equal parts: "
            "make gradient_accumulation a divisor of it"
        )
    for parameter in parameters:
        parameter.grad = None
    loss = torch.zeros((), device=inputs.device)
    parts = zip(inputs.chunk(gradient_accumulation), targets.chunk(gradient_accumulation), strict=True)
    for number, (part_inputs, part_targets) in enumerate(parts, start=1):
        with part_context(number == gradient_accumulation) if part_context else nullcontext():
            part_loss = loss_function(part_inputs, part_targets) / gradient_accumulation
            part_loss.backward()  # type: ignore[no-untyped-call]
        loss += part_loss.detach()
    return loss, clip_grad_norm(parameters, float("inf") if max_grad_norm is None else max_grad_norm)


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Set the rate of the next update; a group of the optimizer that has an `lr_factor` takes that multiple of it."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("lr_factor", 1.0)


def apply_update(optimizer: Optimizer, learning_rate: float, *, only_if: Bool[Tensor, ""] | None = None) -> None:
    """Let the optimizer update once.

    Args:
        optimizer: whose parameters have their gradients.
        learning_rate: of this update: see `set_learning_rate`.
        only_if: leave everything as it is where this is false, for the optimizers of `optim`: see `AdamW.step`.
    """
    set_learning_rate(optimizer, learning_rate)
    if only_if is None:
        optimizer.step()
    else:
        optimizer.step(only_if=only_if)  # type: ignore[call-overload]
