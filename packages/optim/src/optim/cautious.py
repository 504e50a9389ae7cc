"""Cautious weight decay: only weights that the update moves towards 0 anyway decay.

Decay pulls every weight towards 0, also one that the gradient moves away from it, where the two work against each
other. So it is left to those weights θ that have the sign of what the update u subtracts from them::

    θ ← θ − lr·λ·θ   where u·θ ≥ 0

Source: Chen et al. 2025, "Cautious Weight Decay", arXiv:2510.12402.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def decaying(
    parameters: Sequence[Float[Tensor, "..."]], updates: Sequence[Float[Tensor, "..."]]
) -> list[Float[Tensor, "..."]]:
    """Return each parameter, with 0 for the weights that do not decay.

    Args:
        parameters: θ of each.
        updates: u of each, or a positive multiple.
    """
    return [parameter * (update * parameter >= 0) for parameter, update in zip(parameters, updates, strict=True)]


def compiled_decaying(parameter: Float[Tensor, " n"], update: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return the same of one parameter, in a function that is being compiled into one pass."""
    return torch.where(update * parameter >= 0, parameter, 0.0)
