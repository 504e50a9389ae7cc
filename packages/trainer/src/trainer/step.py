"""One training step: the gradient of a batch, clipped, and one update of the weights."""

from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from nn import cross_entropy
from optim import (
    SGD,
    AdamW,
    clip_grad_norm,
    constant_schedule,
    cosine_schedule,
    linear_schedule,
    piecewise_schedule,
    wsd_schedule,
)
from trainer.config import OptimizerConfig, ScheduleConfig


def make_optimizer(config: OptimizerConfig, parameters: Iterable[Tensor]) -> Optimizer:
    """Build the optimizer; its learning rate is set before every step."""
    if config.name == "sgd":
        return SGD(parameters, lr=0.0)
    return AdamW(parameters, lr=0.0, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay)


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


def train_step(
    model: Module,
    optimizer: Optimizer,
    inputs: Int[Tensor, "batch seq"],
    targets: Int[Tensor, "batch seq"],
    *,
    learning_rate: float,
    gradient_accumulation: int = 1,
    max_grad_norm: float | None = 1.0,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Update the model once.

    Args:
        model: maps ids to logits.
        optimizer: of the model's parameters.
        inputs: one window a row.
        targets: the ids that follow.
        learning_rate: of this update.
        gradient_accumulation: equal parts that the batch is computed in; the gradient is that of the whole batch.
        max_grad_norm: the gradient is scaled down to this norm; None measures it only.

    Returns:
        The batch's mean loss before the update, and the norm of its gradient before clipping, both on the device.

    Raises:
        ValueError: the batch cannot be cut into equal parts.
    """
    if len(inputs) % gradient_accumulation:
        raise ValueError(
            f"a batch of {len(inputs)} cannot be cut into {gradient_accumulation} equal parts: "
            "make gradient_accumulation a divisor of it"
        )
    optimizer.zero_grad(set_to_none=True)
    loss = torch.zeros((), device=inputs.device)
    parts = zip(inputs.chunk(gradient_accumulation), targets.chunk(gradient_accumulation), strict=True)
    for part_inputs, part_targets in parts:
        part_loss = cross_entropy(model(part_inputs), part_targets) / gradient_accumulation
        part_loss.backward()  # type: ignore[no-untyped-call]
        loss += part_loss.detach()
    norm = clip_grad_norm(model.parameters(), float("inf") if max_grad_norm is None else max_grad_norm)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
    return loss, norm
