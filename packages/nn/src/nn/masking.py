"""Who may see whom: the masks of attention, True where a query may look at a key.

Axes: `b` batch, `q` query, `k` key, `t` token.
"""

import einx
import torch
from jaxtyping import Bool, Int
from torch import Tensor


def causal_mask(
    seq: int, device: torch.device | None = None, *, window: int | None = None
) -> Bool[Tensor, "{seq} {seq}"]:
    """Return the mask `[q, k]` that lets each position see itself and what stands before it.

    Args:
        seq: number of positions.
        device: of the mask.
        window: each position sees this many at most, itself included (Beltagy et al. 2020, arXiv:2004.05150).
    """
    position = torch.arange(seq, device=device)
    return visible(position, position, window=window)


def visible(
    queries: Int[Tensor, "*b q"], keys: Int[Tensor, " k"], *, window: int | None = None
) -> Bool[Tensor, "*b q k"]:
    """Return which keys stand at or before each query, no further back than the window.

    Args:
        queries: the position of each query.
        keys: the position of each key.
        window: see `causal_mask`.
    """
    distance = einx.subtract("... q, k -> ... q k", queries, keys)
    return distance >= 0 if window is None else (distance >= 0) & (distance < window)


def number_documents(token_ids: Int[Tensor, "b t"], separator_token: int) -> Int[Tensor, "b t"]:
    """Number the documents of each row from 0; the separator is the first token of the document that it begins."""
    return (token_ids == separator_token).cumsum(1)


def same_document(queries: Int[Tensor, "b q"], keys: Int[Tensor, "b k"]) -> Bool[Tensor, "b q k"]:
    """Return which keys stand in the document of each query, from the numbers of their documents."""
    return einx.equal("b q, b k -> b q k", queries, keys)
