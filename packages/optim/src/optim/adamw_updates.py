"""One AdamW update, written three ways: the definition, one for accelerators, and one that is compiled.

All take four lists, with one entry for each parameter θ: θ itself, its gradient g and its moments m and v, which are
changed in place; and the ``Scalars`` of the update, which are the same for all of them::

    m ← β1·m + (1 − β1)·g
    v ← β2·v + (1 − β2)·g²
    θ ← (θ − step_size · m/(√v + eps)) · decay        step_size = lr·√(1 − β2ᵗ)/(1 − β1ᵗ), decay = 1 − lr·λ

An update reads four numbers and writes three for each weight, and computes next to nothing: its time is that of the
memory. The definition goes through the memory seven times; compiled, it goes once.

Each way has a gated twin, which computes the same numbers but keeps them only where a tensor on the device says so. The
new numbers are held beside the old ones until then, m, v and θ in turn, so that it takes about as little memory.
"""

import math
import shutil
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from optim._gated import keep_where

Implementation = Literal["auto", "loop", "foreach", "compiled"]
"""How the update is computed: see ``AdamW``."""

_LIST_LENGTH = 64  # parameters in one compiled function; its compilation takes longer with each
_AT_ONCE = 2**24  # weights that a gated foreach takes together, to keep its two temporaries small


class Scalars(NamedTuple):
    """The numbers of one update."""

    step_size: float
    beta1: float
    beta2: float
    eps: float
    decay: float


class Tensors(NamedTuple):
    """What one update works on: lists of equal length."""

    parameters: list[Tensor]
    gradients: list[Tensor]
    exp_avgs: list[Tensor]
    exp_avg_sqs: list[Tensor]


def loop_update(tensors: Tensors, scalars: Scalars) -> None:
    """Update one parameter after the other: the definition."""
    step_size, beta1, beta2, eps, decay = scalars
    for parameter, gradient, m, v in zip(*tensors, strict=True):
        m.mul_(beta1).add_(gradient, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        denominator = v.sqrt().add_(eps)  # the only temporary: as large as the parameter
        parameter.addcdiv_(m, denominator, value=-step_size)
        if decay != 1:  # spares one pass over the memory
            parameter.mul_(decay)


def foreach_update(tensors: Tensors, scalars: Scalars) -> None:
    """Update all parameters together, in a few launches instead of a few for each parameter."""
    parameters, gradients, m, v = tensors
    step_size, beta1, beta2, eps, decay = scalars
    torch._foreach_mul_(m, beta1)
    torch._foreach_add_(m, gradients, alpha=1 - beta1)
    torch._foreach_mul_(v, beta2)
    torch._foreach_addcmul_(v, gradients, gradients, 1 - beta2)
    denominators = torch._foreach_sqrt(v)  # as large as all parameters together
    torch._foreach_add_(denominators, eps)
    torch._foreach_addcdiv_(parameters, m, denominators, -step_size)
    if decay != 1:
        torch._foreach_mul_(parameters, decay)


def compiled_update(tensors: Tensors, scalars: Scalars) -> None:
    """Update in one pass over the memory, by a function that torch compiles for these shapes at its first call."""
    numbers = _numbers(tensors, scalars)
    fused = _compile(_one_pass)
    for first in range(0, len(tensors.parameters), _LIST_LENGTH):
        fused(*(part[first : first + _LIST_LENGTH] for part in tensors), numbers)


def gated_loop_update(tensors: Tensors, scalars: Scalars, only_if: Tensor) -> None:
    """Do as ``loop_update`` where ``only_if`` is true, and nothing elsewhere."""
    step_size, beta1, beta2, eps, decay = scalars
    for parameter, gradient, m, v in zip(*tensors, strict=True):
        new = m.mul(beta1).add_(gradient, alpha=1 - beta1)  # the only temporary, here too
        keep_where(only_if, [new], [m])
        torch.mul(v, beta2, out=new).addcmul_(gradient, gradient, value=1 - beta2)
        keep_where(only_if, [new], [v])
        torch.sqrt(v, out=new).add_(eps)
        torch.addcdiv(parameter, m, new, value=-step_size, out=new)
        if decay != 1:
            new.mul_(decay)
        keep_where(only_if, [new], [parameter])


def gated_foreach_update(tensors: Tensors, scalars: Scalars, only_if: Tensor) -> None:
    """Do as ``foreach_update`` where ``only_if`` is true, and nothing elsewhere."""
    step_size, beta1, beta2, eps, decay = scalars
    for parameters, gradients, m, v in _portions(tensors):
        new = [torch.empty_like(tensor) for tensor in m]
        torch._foreach_copy_(new, m)  # and change it in place: out of place, bfloat16 would be rounded otherwise
        torch._foreach_mul_(new, beta1)
        torch._foreach_add_(new, gradients, alpha=1 - beta1)
        keep_where(only_if, new, m)
        torch._foreach_copy_(new, v)
        torch._foreach_mul_(new, beta2)
        torch._foreach_addcmul_(new, gradients, gradients, 1 - beta2)
        keep_where(only_if, new, v)
        torch._foreach_copy_(new, parameters)
        denominators = torch._foreach_sqrt(v)
        torch._foreach_add_(denominators, eps)
        torch._foreach_addcdiv_(new, m, denominators, -step_size)
        if decay != 1:
            torch._foreach_mul_(new, decay)
        keep_where(only_if, new, parameters)
        del new, denominators  # before the next portion's are made


def gated_compiled_update(tensors: Tensors, scalars: Scalars, only_if: Tensor) -> None:
    """Do as ``compiled_update`` where ``only_if`` is true, and nothing elsewhere; compiled by itself."""
    numbers = _numbers(tensors, scalars)
    fused = _compile(_one_gated_pass)
    for first in range(0, len(tensors.parameters), _LIST_LENGTH):
        fused(*(part[first : first + _LIST_LENGTH] for part in tensors), numbers, only_if)


def _portions(tensors: Tensors) -> Iterator[Tensors]:
    """Cut the lists so that each portion has at most ``_AT_ONCE`` weights, or is a single parameter."""
    first, weights = 0, 0
    for end, parameter in enumerate(tensors.parameters):
        if end > first and weights + parameter.numel() > _AT_ONCE:
            yield Tensors(*(part[first:end] for part in tensors))
            first, weights = end, 0
        weights += parameter.numel()
    yield Tensors(*(part[first:] for part in tensors))


def _numbers(tensors: Tensors, scalars: Scalars) -> Tensor:
    # In a tensor, since plain numbers would be compiled into the code, and the learning rate changes.
    step_size, beta1, beta2, eps, decay = scalars
    numbers = torch.tensor([step_size, beta1, 1 - beta1, beta2, 1 - beta2, eps, decay])
    return numbers.to(tensors.parameters[0].device, non_blocking=True)


def _one_pass(
    parameters: list[Tensor],
    gradients: list[Tensor],
    exp_avgs: list[Tensor],
    exp_avg_sqs: list[Tensor],
    numbers: Tensor,
) -> None:
    step_size, beta1, rest1, beta2, rest2, eps, decay = numbers.unbind()
    for parameter, gradient, m, v in zip(parameters, gradients, exp_avgs, exp_avg_sqs, strict=True):
        m.mul_(beta1).add_(gradient * rest1)
        v.mul_(beta2).add_(gradient * gradient * rest2)
        parameter.sub_(m / (v.sqrt() + eps) * step_size).mul_(decay)


def _one_gated_pass(
    parameters: list[Tensor],
    gradients: list[Tensor],
    exp_avgs: list[Tensor],
    exp_avg_sqs: list[Tensor],
    numbers: Tensor,
    only_if: Tensor,
) -> None:
    step_size, beta1, rest1, beta2, rest2, eps, decay = numbers.unbind()
    for parameter, gradient, m, v in zip(parameters, gradients, exp_avgs, exp_avg_sqs, strict=True):
        new_m = m * beta1 + gradient * rest1
        new_v = v * beta2 + gradient * gradient * rest2
        new = (parameter - new_m / (new_v.sqrt() + eps) * step_size) * decay
        m.copy_(torch.where(only_if, new_m, m))
        v.copy_(torch.where(only_if, new_v, v))
        parameter.copy_(torch.where(only_if, new, parameter))


@cache
def _compile(update: Callable[..., None]) -> Callable[..., None]:
    return torch.compile(update, dynamic=False)  # here, since asking for the compiler loads it, which takes a second


_UPDATES: dict[str, Callable[[Tensors, Scalars], None]] = {
    "loop": loop_update,
    "foreach": foreach_update,
    "compiled": compiled_update,
}
_GATED_UPDATES: dict[str, Callable[[Tensors, Scalars, Tensor], None]] = {
    "loop": gated_loop_update,
    "foreach": gated_foreach_update,
    "compiled": gated_compiled_update,
}


def update_group(
    state: MutableMapping[Tensor, dict[str, Any]],
    group: dict[str, Any],
    implementation: Implementation,
    only_if: Tensor | None = None,
) -> None:
    """Advance the parameters of one group that have a gradient, and their state.

    Args:
        state: The optimizer's; new entries are made for parameters that have had no update yet.
        group: One of the optimizer's ``param_groups``, with ``lr``, ``betas``, ``eps`` and ``weight_decay``.
        implementation: Who computes the update.
        only_if: A 0-d boolean tensor on the parameters' device; where it is false, t alone advances.
    """
    lr, (beta1, beta2) = group["lr"], group["betas"]
    for (t, device, dtype), tensors in _same_kind(state, group["params"]).items():
        step_size = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        scalars = Scalars(step_size, beta1, beta2, group["eps"], 1 - lr * group["weight_decay"])
        chosen = _choose(implementation, device, dtype)
        if only_if is None:
            _UPDATES[chosen](tensors, scalars)
        else:
            _GATED_UPDATES[chosen](tensors, scalars, only_if)


def _same_kind(
    state: MutableMapping[Tensor, dict[str, Any]], parameters: Iterable[Tensor]
) -> dict[tuple[int, torch.device, torch.dtype], Tensors]:
    """Sort parameters by t, which has just been advanced, device and type: most often all are alike."""
    alike: dict[tuple[int, torch.device, torch.dtype], Tensors] = {}
    for parameter in parameters:
        if parameter.grad is None:
            continue
        own = state[parameter]
        if not own:
            own["step"] = 0
            own["exp_avg"] = torch.zeros_like(parameter)
            own["exp_avg_sq"] = torch.zeros_like(parameter)
        own["step"] += 1
        tensors = alike.setdefault((own["step"], parameter.device, parameter.dtype), Tensors([], [], [], []))
        for part, tensor in zip(tensors, (parameter, parameter.grad, own["exp_avg"], own["exp_avg_sq"]), strict=True):
            part.append(tensor)
    return alike


def _choose(implementation: Implementation, device: torch.device, dtype: torch.dtype) -> str:
    compiles = implementation == "compiled" and dtype == torch.float32  # others would be rounded at other places
    if implementation == "auto" or (implementation == "compiled" and not compiles):
        return "loop" if device.type == "cpu" else "foreach"
    return implementation


def check_implementation(implementation: str) -> None:
    """Refuse a way that does not exist, or that this machine lacks the tools for.

    Raises:
        ValueError: ``implementation`` is none of the known ones; or it is ``"compiled"`` and there is no C++ compiler.
    """
    if implementation not in get_args(Implementation):
        raise ValueError(
            f"implementation is {implementation!r}, but the known ones are {', '.join(get_args(Implementation))}: "
            "choose one of these"
        )
    if implementation == "compiled" and not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        raise ValueError("implementation is 'compiled', but no C++ compiler is found: install g++, or choose 'auto'")
