"""What Muon computes before and after the iterations, each compiled into one pass over the memory.

The equations are those of ``optim.muon.update_momentum`` and ``optim.muon.descend``, which are the definition. If the
iterations are computed in bfloat16, those take 52 bytes for each weight, these 24.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.graph import increment_version

from optim.cautious import compiled_decaying
from optim.one_pass import update_in_one_pass, zip_flat


def compiled_update_momentum(
    buffers: list[Float[Tensor, "rows columns"]],
    gradients: list[Float[Tensor, "rows columns"]],
    momentum: float,
    *,
    nesterov: bool,
    dtype: torch.dtype,
) -> Float[Tensor, "matrices rows columns"]:
    """Update B, and return M in the type of the iterations."""
    directions = torch.empty((len(buffers), *buffers[0].shape), dtype=dtype, device=buffers[0].device)
    update = _flat_nesterov if nesterov else _flat_momentum
    update_in_one_pass(update, buffers, gradients, list(directions.unbind()), numbers=[1 - momentum])
    return directions


def compiled_descend(
    matrices: list[Float[Tensor, "rows columns"]],
    orthogonal: list[Float[Tensor, "rows columns"]],
    step_size: float,
    *,
    decay: float,
    cautious: bool,
) -> None:
    """Update W; ``step_size`` is lr·s, ``decay`` is lr·λ, of the elements that have the sign of O if ``cautious``."""
    update_in_one_pass(
        _flat_cautious_descend if cautious else _flat_descend, matrices, orthogonal, numbers=[step_size, decay]
    )
    increment_version(matrices)  # so that a backward pass that still needs the old weights is refused


def _flat_nesterov(
    buffers: list[Float[Tensor, " n"]],
    gradients: list[Float[Tensor, " n"]],
    directions: list[Float[Tensor, " n"]],
    numbers: list[Float[Tensor, ""]],
) -> None:
    (rest,) = numbers
    for buffer, gradient, direction in zip_flat(buffers, gradients, directions):
        buffer.add_((gradient - buffer) * rest)
        direction.copy_(buffer + (gradient - buffer) * rest)


def _flat_momentum(
    buffers: list[Float[Tensor, " n"]],
    gradients: list[Float[Tensor, " n"]],
    directions: list[Float[Tensor, " n"]],
    numbers: list[Float[Tensor, ""]],
) -> None:
    (rest,) = numbers
    for buffer, gradient, direction in zip_flat(buffers, gradients, directions):
        buffer.add_((gradient - buffer) * rest)
        direction.copy_(buffer)


def _flat_descend(
    matrices: list[Float[Tensor, " n"]],
    orthogonal: list[Float[Tensor, " n"]],
    numbers: list[Float[Tensor, ""]],
    *,
    cautious: bool = False,
) -> None:
    step_size, decay = numbers
    for matrix, update in zip_flat(matrices, orthogonal):
        matrix.sub_((compiled_decaying(matrix, update.to(matrix.dtype)) if cautious else matrix) * decay)
        matrix.sub_(update.to(matrix.dtype) * step_size)


def _flat_cautious_descend(
    matrices: list[Float[Tensor, " n"]], orthogonal: list[Float[Tensor, " n"]], numbers: list[Float[Tensor, ""]]
) -> None:
    _flat_descend(matrices, orthogonal, numbers, cautious=True)
