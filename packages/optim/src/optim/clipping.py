"""Gradient clipping by the global norm."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from optim._checks import require_non_negative


@torch.no_grad()
def clip_grad_norm(params: Tensor | Iterable[Tensor], max_norm: float, eps: float = 1e-6) -> Tensor:
    """Scale all gradients together, in place, so that their joint l2 norm is at most ``max_norm``.

    With all gradients laid out as one long vector g::

        norm = ‖g‖₂ = √(Σ gᵢ²)
        g ← g · max_norm/(norm + eps)    if norm > max_norm, otherwise g stays as it is

    The direction of g is kept; one bad batch can only push the parameters a bounded distance.
    Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
    arXiv:1211.5063, algorithm 1.

    A gradient with a NaN, an infinity or a value whose square is beyond float32 (about 1e19) makes the returned
    norm NaN or infinite, and no scale can mend it: look at the norm and skip the optimizer's step. This function
    itself does not look, as that would make the processor wait for the accelerator.

    Args:
        params: A tensor, or an iterable of tensors (an iterator such as ``model.parameters()`` will do), each
            listed once. Those whose ``grad`` is None do not count. Shapes, types and devices may differ.
        max_norm: Largest norm to let through, more than 0. ``float("inf")`` measures without clipping.
        eps: Added to the norm in the division, at least 0.

    Returns:
        The norm before clipping: a 0-d float32 tensor on the device of the first gradient. It is computed in
        float32 also for 16-bit gradients, whose squares would lose their digits. 0 if there are no gradients.

    Raises:
        ValueError: ``max_norm`` is not more than 0, or ``eps`` is negative or not finite.
    """
    if math.isnan(max_norm) or max_norm <= 0:
        raise ValueError(
            f"max_norm is {max_norm!r}, but it must be more than 0: try 1.0, or float('inf') to measure only"
        )
    require_non_negative("eps", eps, "try 1e-6")

    if isinstance(params, Tensor):
        params = [params]
    gradients = [parameter.grad for parameter in params if parameter.grad is not None]
    if not gradients:
        return torch.zeros(())

    # The norm of the gradients' norms is the norm of all their elements. Gradients of one kind are taken together, in
    # few launches.
    device = gradients[0].device
    kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for gradient in gradients:
        kinds.setdefault((gradient.device, gradient.dtype), []).append(gradient)
    norms: list[Tensor] = []
    for (_, dtype), alike in kinds.items():
        wide = alike if dtype.itemsize >= 4 else [gradient.float() for gradient in alike]
        norms.extend(norm.to(device, torch.float32) for norm in torch._foreach_norm(wide))
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))

    # Without an `if`, which would have to wait for the value of `norm`; multiplying by 1 changes no bit.
    scale = torch.where(norm > max_norm, max_norm / (norm + eps), 1.0)
    for (place, _), alike in kinds.items():
        torch._foreach_mul_(alike, scale.to(place))
    return norm
