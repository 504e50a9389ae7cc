"""AdamW's update for many parameters together: in a few kernel launches, or compiled into one pass over the memory.

The equations are those of ``optim.adamw.update_parameter``, which is the definition. An update reads four numbers and
writes three for each weight and computes very little, so its time is that of the memory accesses. One operation after
the other goes through the memory seven times; compiled, it goes once.
"""

import math
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from optim.choices import Implementation

_LIST_LENGTH = 64  # parameters in one compiled function; each one makes the compilation longer


class Scalars(NamedTuple):
    """The numbers of one update."""

    step_size: float
    """lr·√(1 − β2ᵗ)/(1 − β1ᵗ)"""

    beta1: float
    beta2: float
    eps: float
    decay: float
    """lr·λ"""


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
    step_size, beta1, beta2, eps, decay = scalars
    torch._foreach_mul_(m, beta1)
    torch._foreach_add_(m, gradients, alpha=1 - beta1)
    torch._foreach_mul_(v, beta2)
    torch._foreach_addcmul_(v, gradients, gradients, 1 - beta2)
    denominators = torch._foreach_sqrt(v)  # as large as all parameters together
    torch._foreach_add_(denominators, eps)
    torch._foreach_addcdiv_(parameters, m, denominators, -step_size)
    if decay != 0:
        torch._foreach_add_(parameters, parameters, alpha=-decay)


def compiled_update(tensors: Tensors, scalars: Scalars) -> None:
    """Update in one pass over the memory, by a function that torch compiles for these shapes at its first call."""
    # In a tensor, since plain numbers would become constants of the code, and the learning rate changes.
    step_size, beta1, beta2, eps, decay = scalars
    numbers = torch.tensor([step_size, beta1, 1 - beta1, beta2, 1 - beta2, eps, decay])
    numbers = numbers.to(tensors.parameters[0].device, non_blocking=True)
    compiled = _compile(_one_pass)
    for first in range(0, len(tensors.parameters), _LIST_LENGTH):
        compiled(*(part[first : first + _LIST_LENGTH] for part in tensors), numbers)


def _one_pass(
    parameters: list[Float[Tensor, "..."]],
    gradients: list[Float[Tensor, "..."]],
    exp_avgs: list[Float[Tensor, "..."]],
    exp_avg_sqs: list[Float[Tensor, "..."]],
    numbers: Float[Tensor, "7"],
) -> None:
    step_size, beta1, rest1, beta2, rest2, eps, decay = numbers.unbind()
    for parameter, gradient, m, v in zip(parameters, gradients, exp_avgs, exp_avg_sqs, strict=True):
        m.mul_(beta1).add_(gradient * rest1)
        v.mul_(beta2).add_(gradient * gradient * rest2)
        parameter.sub_(m / (v.sqrt() + eps) * step_size)
        parameter.sub_(parameter * decay)


@cache
def _compile(update: Callable[..., None]) -> Callable[..., None]:
    return torch.compile(update, dynamic=False)  # not at import: asking for the compiler loads it, which takes a second


def check_implementation(implementation: str) -> None:
    """Refuse an implementation that does not exist, or for which this machine has no compiler.

    Raises:
        ValueError: ``implementation`` is unknown; or it is ``"compiled"`` and there is no C++ compiler.
    """
    if implementation not in get_args(Implementation):
        raise ValueError(
            f"implementation is {implementation!r}, but the known ones are {', '.join(get_args(Implementation))}: "
            "choose one of these"
        )
    if implementation == "compiled" and not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        raise ValueError("implementation is 'compiled', but no C++ compiler is found: install g++, or choose 'auto'")
