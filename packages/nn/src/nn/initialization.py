"""How every parameter starts: normal distributions, truncated so that no weight is an outlier.

Modules call these from `reset_parameters(generator)`; without a generator torch's global one is used.
"""

import torch
from torch import Tensor
from torch.nn import init


def truncated_normal_(tensor: Tensor, std: float, generator: torch.Generator | None = None) -> None:
    """Fill with normal(0, std²), redrawn beyond ±3 std."""
    init.trunc_normal_(tensor, mean=0.0, std=std, a=-3 * std, b=3 * std, generator=generator)


def linear_std(d_in: int, d_out: int) -> float:
    """Return √(2 / (d_in + d_out)): keeps the scale of both activations and gradients (Glorot & Bengio 2010)."""
    return (2 / (d_in + d_out)) ** 0.5


def tied_embedding_std(d_model: int) -> float:
    """Return 1/√d_model: a tied matrix must also serve as the LM head.

    There it meets vectors of d_model entries of size about 1, and this keeps the first logits near size 1; with
    the embedding's own std of 1 they would be √d_model times as large, and the first loss with them.
    """
    return d_model**-0.5
