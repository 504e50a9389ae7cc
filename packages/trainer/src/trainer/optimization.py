"""The optimizer of a run, and the learning rate of each of its updates."""

from typing import Literal

from torch.nn import Module
from torch.optim import Optimizer

from optim import (
    SGD,
    AdamW,
    LearningRateFactors,
    Muon,
    ParameterGroup,
    constant_schedule,
    cosine_schedule,
    linear_schedule,
    parameter_groups,
    piecewise_schedule,
    wsd_schedule,
)
from trainer.config import OptimizerConfig, ScheduleConfig


def group_parameters(config: OptimizerConfig, model: Module) -> list[ParameterGroup]:
    """Return the parameters of a model in groups that are updated alike."""
    return parameter_groups(
        model.named_parameters(),
        config.weight_decay,
        muon=config.name == "muon",
        decay_vectors=config.decay_vectors,
        lr_factors=LearningRateFactors(
            muon=config.muon_lr_factor,
            embedding=config.embedding_lr_factor,
            head=config.head_lr_factor,
            scalar=config.scalar_lr_factor,
        ),
    )


def make_optimizer(config: OptimizerConfig, model: Module, *, compiled: bool = False) -> Optimizer:
    """Build the optimizer of a model; `train_step` sets its learning rate.

    Args:
        config: which optimizer, with which settings.
        model: the model whose parameters it updates.
        compiled: compile the update, which is faster.
    """
    if config.name == "sgd":
        return SGD(model.parameters(), lr=0.0)
    implementation: Literal["compiled", "auto"] = "compiled" if compiled else "auto"
    groups = [group.settings() for group in group_parameters(config, model)]
    if config.name == "adamw":
        return AdamW(
            groups,
            lr=0.0,
            betas=config.betas,
            eps=config.eps,
            cautious_weight_decay=config.cautious_weight_decay,
            implementation=implementation,
        )
    return Muon(
        groups,
        lr=0.0,
        momentum=config.momentum,
        scale=config.muon_scale,
        precision=config.muon_precision,
        coefficients=config.muon_coefficients,
        cautious_weight_decay=config.cautious_weight_decay,
        second_moment=config.muon_second_moment,
        betas=config.betas,
        eps=config.eps,
        implementation=implementation,
    )


def muon_momentum(config: OptimizerConfig, update: int) -> float | None:
    """Return Muon's momentum in an update, counting from 1; None for another optimizer.

    It rises linearly from `momentum_start` to `momentum`, which it reaches after `momentum_warmup_steps` updates. A
    function of the step, like the learning rate, so a resumed run continues exactly.
    """
    if config.name != "muon":
        return None
    done = min(1.0, (update - 1) / max(1, config.momentum_warmup_steps))
    return config.momentum_start + done * (config.momentum - config.momentum_start)


def learning_rate(config: ScheduleConfig, update: int, num_updates: int) -> float:
    """Return the learning rate of an update. Updates count from 1, so that warm-up begins above 0."""
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
    """Return the learning rate after some seconds of a run that is limited by time."""
    updates = 100_000  # so many that the rates of two neighbours hardly differ
    return learning_rate(config, 1 + round(min(1.0, seconds / max_seconds) * (updates - 1)), updates)
