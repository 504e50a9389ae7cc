"""One training step: the gradient of a batch, clipped, and one update of the weights."""

from typing import Literal

import torch
from jaxtyping import Float, Int
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
from trainer.compilation import LossFunction
from trainer.config import OptimizerConfig, ScheduleConfig


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
    """Update the model once.

    Args:
        model: the language model.
        optimizer: of the model's parameters.
        inputs: one window a row.
        targets: the ids that follow.
        learning_rate: of this update; a group of the optimizer that has an `lr_factor` takes that multiple of it.
        gradient_accumulation: equal parts that the batch is computed in; the gradient is that of the whole batch.
        max_grad_norm: the gradient is scaled down to this norm; None measures it only.
        loss_function: `model.loss`, if not given; or the same, compiled.

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
    compute_loss = loss_function or model.loss
    optimizer.zero_grad(set_to_none=True)
    loss = torch.zeros((), device=inputs.device)
    parts = zip(inputs.chunk(gradient_accumulation), targets.chunk(gradient_accumulation), strict=True)
    for part_inputs, part_targets in parts:
        part_loss = compute_loss(part_inputs, part_targets) / gradient_accumulation
        part_loss.backward()  # type: ignore[no-untyped-call]
        loss += part_loss.detach()
    norm = clip_grad_norm(model.parameters(), float("inf") if max_grad_norm is None else max_grad_norm)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("lr_factor", 1.0)
    optimizer.step()
    return loss, norm
