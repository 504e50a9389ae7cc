"""How every parameter starts: matrices from normal distributions, truncated so that no weight is an outlier.

    embedding                      normal(0, 1), or normal(0, 1/d_model) if it is the LM head too
    linear maps                    normal(0, 2/(d_in + d_out))
    maps that end a sub-layer      the same, or 0 with `zero_init_outputs`
    gains of norms                 1
    mix of values                  ½ own + ½ first block's: the mean
    mix of the embedding           1 stream + 0 embedding: as without it

Modules call these from `reset_parameters(generator)`; without a generator torch's global one is used.
"""

import torch
from torch import Tensor
from torch.nn import init

VALUE_MIX_START = (0.5, 0.5)
"""Own values and the first block's, as in Zhou et al. 2024, arXiv:2410.17897."""
SHORTCUT_MIX_START = (1.0, 0.0)
"""Residual stream and embedding."""


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


def constant_(tensor: Tensor, values: float | tuple[float, ...]) -> None:
    """Fill with one value, or with one value for each entry of a vector."""
    with torch.no_grad():
        tensor.copy_(torch.tensor(values, dtype=tensor.dtype, device="cpu").expand_as(tensor))
