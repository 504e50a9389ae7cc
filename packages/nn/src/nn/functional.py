"""The functions that the modules are built from: softmax, attention, cross-entropy."""

import einx
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """Return `x` in float32 if its dtype is narrower: sums of many terms need the precision."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def softmax(x: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """Return `exp(x − max x) / Σ exp(x − max x)` along `dim`.

    Subtracting the maximum changes nothing but keeps `exp` from overflowing. Where every entry is −∞, the
    result is NaN: there is nothing to choose from.
    """
    wide = at_least_float32(x)
    exponentials = (wide - wide.detach().amax(dim, keepdim=True)).exp()
    return (exponentials / exponentials.sum(dim, keepdim=True)).to(x.dtype)


def scaled_dot_product_attention(
    q: Float[Tensor, "... q d_k"],
    k: Float[Tensor, "... k d_k"],
    v: Float[Tensor, "... k d_v"],
    mask: Bool[Tensor, "*#lead q k"] | None = None,
) -> Float[Tensor, "... q d_v"]:
    """Return `softmax(q kᵀ / √d_k) v` (Vaswani et al. 2017, arXiv:1706.03762, equation 1).

    Args:
        q: queries, with any number of leading dimensions (batch, heads).
        k: keys, with the same leading dimensions.
        v: values, with the same leading dimensions.
        mask: True where a query may look at a key; its leading dimensions broadcast. Every query needs at
            least one key, else its result is NaN.
    """
    scores = einx.dot("... q d, ... k d -> ... q k", q * q.shape[-1] ** -0.5, k)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return einx.dot("... q k, ... k d -> ... q d", softmax(scores, dim=-1), v)


def soft_cap(x: Float[Tensor, "*shape"], c: float) -> Float[Tensor, "*shape"]:
    """Return `c·tanh(x/c)`: nearly x while |x| is small, and never beyond ±c (Gemma Team 2024, arXiv:2408.00118)."""
    return c * torch.tanh(x / c)


def cross_entropy(logits: Float[Tensor, "... vocab"], targets: Int[Tensor, "..."]) -> Float[Tensor, ""]:
    """Return the mean of `−log softmax(logits)[target]` over all leading dimensions, in nats.

    The logarithm and the exponential cancel: `−log(exp(x_t) / Σ exp(x)) = log Σ exp(x) − x_t`, with the maximum
    subtracted from x first. Perplexity is `exp` of the result.
    """
    wide = at_least_float32(logits)
    shifted = wide - wide.detach().amax(-1, keepdim=True)
    log_sum = einx.sum("... [vocab]", shifted.exp()).log()
    target_logits = shifted.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (log_sum - target_logits).mean()
