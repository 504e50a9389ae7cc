"""NorMuon: the rows of an orthogonalized matrix, brought to the same size, as Adam does with the elements of an update.

For each row o, of n elements, of O, which Muon's iterations return::

    v ← β2·v + (1 − β2)·|o|²/n
    o ← o / (√v + 1e-8), then all rows by one factor, so that O keeps its Frobenius norm

If there are more columns than rows, it is the columns. A matrix with orthogonal columns has rows of very different
sizes, while those of a matrix with orthogonal rows have one size: so it is the longer side that is normalized, as in
modded-nanogpt, where the paper always takes rows. The common factor is in place of the paper's own scale, so that
``Muon.scale`` means the same; it also makes a correction of the bias of v needless.

Source: Li et al. 2025, "NorMuon: Making Muon more efficient and scalable", arXiv:2510.05491, algorithm 1.
"""

from collections.abc import MutableMapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def second_moments(
    state: MutableMapping[Tensor, dict[str, Any]], matrices: list[Float[Tensor, "rows columns"]]
) -> list[Float[Tensor, "longer 1"]]:
    """Return v of each matrix from the optimizer's state, to which it is added as 0 if it is new."""
    for matrix in matrices:
        if "second_moment" not in state[matrix]:
            longer = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.mT
            state[matrix]["second_moment"] = torch.zeros_like(longer[:, :1])
    return [state[matrix]["second_moment"] for matrix in matrices]


def normalize_longer_side(
    orthogonal: Float[Tensor, "matrices rows columns"], moments: list[Float[Tensor, "longer 1"]], beta2: float
) -> Float[Tensor, "matrices rows columns"]:
    """Update v, and return O with rows, or columns if there are more, of the same size. See above.

    O is read twice and written once, whatever the implementation.

    Args:
        orthogonal: O of each matrix.
        moments: v of each matrix.
        beta2: β2.
    """
    rows, columns = orthogonal.shape[-2:]
    tall = orthogonal if rows >= columns else orthogonal.mT
    sizes = torch.linalg.vector_norm(tall, dim=-1, keepdim=True, dtype=torch.float32)
    mean_squares = (sizes.square() / tall.shape[-1]).to(moments[0].dtype)
    torch._foreach_lerp_(moments, list(mean_squares.unbind()), 1 - beta2)
    factors = 1 / (torch.stack(moments).float().sqrt() + 1e-8)
    before, after = (norms.square().sum((-2, -1), keepdim=True) for norms in (sizes, sizes * factors))
    factors = factors * (before / after.clamp(min=1e-30)).sqrt()  # O may be 0
    return orthogonal * (factors if rows >= columns else factors.mT).to(orthogonal.dtype)
