"""AdamW's update for many parameters together: in a few kernel launches, or compiled into one pass over the memory.

The equations are those of ``optim.adamw.update_parameter``, which is the definition. For each weight an update reads
four numbers and writes three. One operation after the other goes through the memory seven times; compiled, it goes
once.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.graph import increment_version

from optim.cautious import compiled_decaying, decaying
from optim.choices import Implementation
from optim.one_pass import missing_compiler, update_in_one_pass, zip_flat


class Scalars(NamedTuple):
    """The numbers of one update."""

    step_size: float
    """lr·√(1 − β2ᵗ)/(1 − β1ᵗ)"""

    beta1: float
    beta2: float
    eps: float
    decay: float
    """lr·λ"""
    cautious: bool
    """Whether only weights decay that have the sign of m."""


class Tensors(NamedTuple):
    """The tensors of one update: lists of equal length, with one entry for each parameter."""

    parameters: list[Float[Tensor, "..."]]
    gradients: list[Float[Tensor, "..."]]
    exp_avgs: list[Float[Tensor, "..."]]
    exp_avg_sqs: list[Float[Tensor, "..."]]


def update_together(
    implementation: str,
    parameters: list[Float[Tensor, "..."]],
    state: Mapping[Tensor, dict[str, Any]],
    group: dict[str, Any],
) -> None:
    """Update parameters that have the same t, device and type, and their moments, in place.

    Args:
        implementation: ``foreach`` or ``compiled``.
        parameters: At least one, all with a gradient.
        state: Their t (already advanced) and moments.
        group: The settings.
    """
    t, (beta1, beta2) = state[parameters[0]]["step"], group["betas"]
    scalars = Scalars(
        step_size=group["lr"] * math.sqrt(1 - beta2**t) / (1 - beta1**t),
        beta1=beta1,
        beta2=beta2,
        eps=group["eps"],
        decay=group["lr"] * group["weight_decay"],
        cautious=group.get("cautious_weight_decay", False),
    )
    tensors = Tensors(
        parameters,
        gradients=[parameter.grad for parameter in parameters if parameter.grad is not None],
        exp_avgs=[state[parameter]["exp_avg"] for parameter in parameters],
        exp_avg_sqs=[state[parameter]["exp_avg_sq"] for parameter in parameters],
    )
    if implementation == "foreach":
        foreach_update(tensors, scalars)
    else:
        compiled_update(tensors, scalars)


def foreach_update(tensors: Tensors, scalars: Scalars) -> None:
    """Update all parameters in a few kernel launches, instead of a few for each parameter."""
    parameters, gradients, m, v = tensors
    step_size, beta1, beta2, eps, decay, cautious = scalars
    torch._foreach_mul_(m, beta1)
    torch._foreach_add_(m, gradients, alpha=1 - beta1)
    torch._foreach_mul_(v, beta2)
    torch._foreach_addcmul_(v, gradients, gradients, 1 - beta2)
    denominators = torch._foreach_sqrt(v)  # as large as all parameters together
    torch._foreach_add_(denominators, eps)
    torch._foreach_addcdiv_(parameters, m, denominators, -step_size)
    if decay != 0:
        torch._foreach_add_(parameters, decaying(parameters, m) if cautious else parameters, alpha=-decay)


def compiled_update(tensors: Tensors, scalars: Scalars) -> None:
    """Update in one pass over the memory: 28 bytes for each weight."""
    step_size, beta1, beta2, eps, decay, cautious = scalars
    numbers = (step_size, beta1, 1 - beta1, beta2, 1 - beta2, eps, decay)
    contiguous = tensors._replace(gradients=[gradient.contiguous() for gradient in tensors.gradients])
    update_in_one_pass(_flat_cautious_update if cautious else _flat_update, *contiguous, numbers=numbers)
    increment_version(tensors.parameters)  # so that a backward pass that still needs the old weights is refused


def _flat_update(
    parameters: list[Float[Tensor, " n"]],
    gradients: list[Float[Tensor, " n"]],
    exp_avgs: list[Float[Tensor, " n"]],
    exp_avg_sqs: list[Float[Tensor, " n"]],
    numbers: list[Float[Tensor, ""]],
    *,
    cautious: bool = False,
) -> None:
    step_size, beta1, rest1, beta2, rest2, eps, decay = numbers
    for parameter, gradient, m, v in zip_flat(parameters, gradients, exp_avgs, exp_avg_sqs):
        m.mul_(beta1).add_(gradient * rest1)
        v.mul_(beta2).add_(gradient * gradient * rest2)
        parameter.sub_(m / (v.sqrt() + eps) * step_size)
        parameter.sub_((compiled_decaying(parameter, m) if cautious else parameter) * decay)


def _flat_cautious_update(
    parameters: list[Float[Tensor, " n"]],
    gradients: list[Float[Tensor, " n"]],
    exp_avgs: list[Float[Tensor, " n"]],
    exp_avg_sqs: list[Float[Tensor, " n"]],
    numbers: list[Float[Tensor, ""]],
) -> None:
    _flat_update(parameters, gradients, exp_avgs, exp_avg_sqs, numbers, cautious=True)


def check_implementation(implementation: str, groups: list[dict[str, Any]]) -> None:
    """Refuse an implementation that does not exist, or for which this machine has no compiler.

    Args:
        implementation: The setting.
        groups: The parameter groups, whose devices have different compilers.

    Raises:
        ValueError: ``implementation`` is unknown; or it is ``"compiled"``, and the compiler is missing: triton for
            parameters on a GPU, a C++ compiler for others.
    """
    if implementation not in get_args(Implementation):
        raise ValueError(
            f"implementation is {implementation!r}, but the known ones are {', '.join(get_args(Implementation))}: "
            "choose one of these"
        )
    missing = missing_compiler({parameter.device for group in groups for parameter in group["params"]})
    if implementation == "compiled" and missing:
        raise ValueError(f"implementation is 'compiled', but {missing}, or choose 'auto'")
