"""Attention by torch's own kernels. Axes: see `nn`.

This is the one file of the package that uses `torch.nn.functional` and `torch.nn.attention`. Both functions equal the
definition, `nn.functional.scaled_dot_product_attention`, in value and gradients; the tests compare them.
"""

from collections.abc import Callable
from functools import cache, partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, and_masks, create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention

from nn.functional import repeat_heads


def fused_attention(
    queries: Float[Tensor, "... h q e"],
    keys: Float[Tensor, "... kv k e"],
    values: Float[Tensor, "... kv k e"],
    mask: Bool[Tensor, "*#b q k"] | None = None,
) -> Float[Tensor, "... h q e"]:
    """Return `softmax(q kᵀ / √e) v` by torch's fused kernel, which does not store the scores.

    Args:
        queries: one vector for each head and query position.
        keys: each head of them serves g = h / kv neighbouring query heads.
        values: as many as keys.
        mask: True where a query may attend to a key; the causal mask if not given.
    """
    if queries.shape[-3] != keys.shape[-3]:
        keys, values = (repeat_heads(heads, queries.shape[-3]) for heads in (keys, values))
    return scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=mask is None)


def flex_attention_within(
    t: int,
    device: torch.device,
    *,
    window: int | None = None,
    documents: Int[Tensor, "... {t}"] | None = None,
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return causal attention by torch's flex attention (Dong et al. 2024, arXiv:2412.05496).

    It skips the blocks of scores that a window or the borders of documents mask completely.

    Args:
        t: number of positions.
        device: of the tensors.
        window: each position attends to at most this many, itself included.
        documents: the number of each token's document.
    """
    rules: list[Callable[..., Tensor]] = [lambda _b, _h, q, k: q >= k]
    if window is not None:
        rules.append(lambda _b, _h, q, k: q - k < window)
    rows = None
    if documents is not None:
        by_row = documents.reshape(-1, t)
        rows = by_row.shape[0]
        rules.append(lambda b, _h, q, k: by_row[b, q] == by_row[b, k])
    return partial(_flex_attend, create_block_mask(and_masks(*rules), rows, None, t, t, device=device))


def _flex_attend(
    block_mask: BlockMask,
    queries: Float[Tensor, "... h t e"],
    keys: Float[Tensor, "... kv t e"],
    values: Float[Tensor, "... kv t e"],
) -> Float[Tensor, "... h t e"]:
    """Attend with a single batch dimension, the only form that flex attention takes."""
    batched = (heads.reshape(-1, *heads.shape[-3:]) for heads in (queries, keys, values))
    # Outside a compiled function it has to be compiled on its own: uncompiled it stores all scores.
    plain: Callable[..., Tensor] = flex_attention
    attend = plain if torch.compiler.is_compiling() else _compiled_flex_attention()
    shares_heads = queries.shape[-3] != keys.shape[-3]
    attended = attend(*batched, block_mask=block_mask, enable_gqa=shares_heads)
    return attended.reshape(queries.shape)


@cache
def _compiled_flex_attention() -> Callable[..., Tensor]:
    compiled: Callable[..., Tensor] = torch.compile(flex_attention, dynamic=False)
    return compiled
