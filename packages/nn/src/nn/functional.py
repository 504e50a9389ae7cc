"""The functions that the modules are built from: softmax, attention and its mask, cross-entropy. Axes: see `nn`."""

import einx
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def softmax(x: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """Return `exp(x − max x) / Σ exp(x − max x)` along `dim`, computed in float32 or wider.

    Subtracting the maximum does not change the result, but keeps `exp` from overflowing. Where every entry is −∞, the
    result is NaN.
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    exponentials = (wide - wide.detach().amax(dim, keepdim=True)).exp()
    return (exponentials / exponentials.sum(dim, keepdim=True)).to(x.dtype)


def scaled_dot_product_attention(
    q: Float[Tensor, "... q e"],
    k: Float[Tensor, "... k e"],
    v: Float[Tensor, "... k e_v"],
    mask: Bool[Tensor, "*#b q k"] | None = None,
) -> Float[Tensor, "... q e_v"]:
    """Return `softmax(q kᵀ / √e) v` (Vaswani et al. 2017, arXiv:1706.03762, equation 1).

    The dimension before the last two is that of the heads, if there is one. k and v may have fewer heads than q; each
    of theirs then serves a group of neighbouring query heads (Ainslie et al. 2023, arXiv:2305.13245).

    Args:
        q: queries, with any number of leading dimensions (batch, heads).
        k: keys, with the same leading dimensions.
        v: values, with the same leading dimensions; their width may be another one than that of queries and keys.
        mask: True where a query may attend to a key; its leading dimensions broadcast. A query without any key gives
            NaN. Without a mask every query attends to all keys.
    """
    if q.ndim > 2 and q.shape[-3] != k.shape[-3]:
        k, v = repeat_heads(k, q.shape[-3]), repeat_heads(v, q.shape[-3])
    scores = einx.dot("... q e, ... k e -> ... q k", q * q.shape[-1] ** -0.5, k)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return einx.dot("... q k, ... k e -> ... q e", softmax(scores, dim=-1), v)


def repeat_heads(x: Float[Tensor, "... kv k e"], num_heads: int) -> Float[Tensor, "... {num_heads} k e"]:
    """Copy each key/value head for the g = h / kv neighbouring query heads that share it."""
    return einx.id("... kv k e -> ... (kv g) k e", x, g=num_heads // x.shape[-3])


def causal_mask(
    num_keys: int,
    device: torch.device | None = None,
    *,
    window: int | None = None,
    queries: Int[Tensor, "... q"] | None = None,
) -> Bool[Tensor, "... q {num_keys}"]:
    """Return the mask that lets each position attend to itself and to earlier ones.

    Args:
        num_keys: number of keys, at the positions 0, 1, 2, …
        device: of the mask.
        window: each position attends to at most this many, itself included (Beltagy et al. 2020, arXiv:2004.05150).
        queries: the positions of the queries; those of the keys if not given.
    """
    keys = torch.arange(num_keys, device=device)
    distance = einx.subtract("... q, k -> ... q k", keys if queries is None else queries, keys)
    return distance >= 0 if window is None else (distance >= 0) & (distance < window)


def soft_cap(x: Float[Tensor, "*shape"], c: float) -> Float[Tensor, "*shape"]:
    """Return `c·tanh(x/c)`: close to x while |x| is small, and never beyond ±c (Gemma Team 2024, arXiv:2408.00118)."""
    return c * torch.tanh(x / c)


def cross_entropy(logits: Float[Tensor, "... v"], targets: Int[Tensor, "..."]) -> Float[Tensor, ""]:
    """Return the mean of `−log softmax(logits)[target]` over all leading dimensions, in nats.

    The logarithm and the exponential cancel: `−log(exp(x_t) / Σ exp(x)) = log Σ exp(x) − x_t`, with the maximum
    subtracted from x first. Perplexity is `exp` of the result.
    """
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    shifted = wide - wide.detach().amax(-1, keepdim=True)
    log_sum = einx.sum("... [v]", shifted.exp()).log()
    target_logits = shifted.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (log_sum - target_logits).mean()
