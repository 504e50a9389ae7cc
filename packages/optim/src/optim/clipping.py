"""Gradient clipping by the global norm."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor


@torch.no_grad()
def clip_grad_norm(
    params: Float[Tensor, "..."] | Iterable[Float[Tensor, "..."]], max_norm: float, eps: float = 1e-6
) -> Float[Tensor, ""]:
    """Scale all gradients together, in place, so that their joint l2 norm is at most ``max_norm``.

    With g the vector of all elements of all gradients::

        norm = ‖g‖₂ = √(Σ gᵢ²)
        g ← g · max_norm/(norm + eps)    if norm > max_norm, otherwise g stays as it is

    The direction of g is kept; a single bad batch can move the parameters by a bounded distance only.
    Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
    arXiv:1211.5063, algorithm 1.

    A gradient with a NaN, an infinity or a value whose square overflows float32 (from about 1e19) makes the returned
    norm NaN or infinite, and the scaled gradients useless: check the norm and skip the optimizer's step. This function
    does not check it, as that would make the host wait for the accelerator.

    Args:
        params: A tensor, or an iterable of tensors (an iterator such as ``model.parameters()`` works too), each
            listed once. Those whose ``grad`` is None are ignored. Shapes, types and devices may differ.
        max_norm: Largest norm that is not scaled, more than 0. ``float("inf")`` measures without clipping.
        eps: Added to the norm in the division, at least 0.

    Returns:
        The norm before clipping: a 0-d float32 tensor on the device of the first gradient. It is computed in
        float32 also for 16-bit gradients, whose own type is too coarse for it. 0 if there are no gradients.

    Raises:
        ValueError: ``max_norm`` is not more than 0, or ``eps`` is negative or not finite.
    """
    if math.isnan(max_norm) or max_norm <= 0:
        raise ValueError(
            f"max_norm is {max_norm!r}, but it must be more than 0: try 1.0, or float('inf') to measure only"
        )
    if not 0 <= eps < math.inf:
        raise ValueError(f"eps is {eps!r}, but it must be finite and at least 0: try 1e-6")

    # Gradients of one device and type are processed together, in few kernel launches.
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for parameter in [params] if isinstance(params, Tensor) else params:
        gradient = parameter.grad
        if gradient is not None:
            alike.setdefault((gradient.device, gradient.dtype), []).append(gradient)
    if not alike:
        return torch.zeros(())

    # The norm of all elements is the norm of the gradients' norms.
    norms: list[Tensor] = []
    for (_, dtype), gradients in alike.items():
        wide = gradients if dtype.itemsize >= 4 else [gradient.float() for gradient in gradients]
        norms.extend(torch._foreach_norm(wide))
    device = norms[0].device  # of the first gradient
    for index, norm in enumerate(norms):
        norms[index] = norm.to(device, torch.float32)
    total_norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))

    # No `if`, which would have to wait for the value of `total_norm`; multiplying by 1 does not change any bit.
    scale = torch.where(total_norm > max_norm, max_norm / (total_norm + eps), 1.0)
    for (gradient_device, _), gradients in alike.items():
        torch._foreach_mul_(gradients, scale.to(gradient_device))
    return total_norm
