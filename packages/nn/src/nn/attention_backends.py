"""Who computes attention: three back ends with one meaning.

- `einx` is the definition, `nn.functional.scaled_dot_product_attention`: every score is a number one can look at.
- `fused` is torch's kernel of the same formula: it holds no scores and is the fastest where there are no masks.
- `flex` is torch's flex attention (Dong et al. 2024, arXiv:2412.05496), which skips blocks that a window or the borders
  of documents hide. Torch trains with it on GPUs only, so on a CPU that needs gradients `fused` takes its place.

This is the one file of the package that uses `torch.nn.functional` or `torch.nn.attention`.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import einx
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, and_masks, create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention as fused_attention

from nn.config import AttentionBackend
from nn.functional import scaled_dot_product_attention
from nn.masking import causal_mask, same_document

Mask: TypeAlias = Tensor | BlockMask | None
"""True where a query may look at a key, in the form that the back end wants; None is the plain causal mask."""


def usable_backend(wanted: AttentionBackend, device: torch.device) -> AttentionBackend:
    """Return the back end that will compute: the one wanted, or `fused` where torch has no flex attention."""
    return "fused" if wanted == "flex" and device.type == "cpu" and torch.is_grad_enabled() else wanted


def cached_backend(wanted: AttentionBackend, num_queries: int) -> AttentionBackend:
    """Return the back end that reads a cache: `fused` for `flex`, which would have to make a block mask a step.

    For one query the compiler makes one loop of the definition, and is faster with it than with a kernel that it must
    call: a step of the base model takes 1.8 ms instead of 2.1 on two cores.
    """
    if num_queries == 1 and torch.compiler.is_compiling():
        return "einx"
    return "fused" if wanted == "flex" else wanted


def sequence_mask(
    backend: AttentionBackend,
    seq: int,
    device: torch.device,
    *,
    window: int | None = None,
    documents: Int[Tensor, "b {seq}"] | None = None,
) -> Mask:
    """Return the mask of whole sequences: causal, within a window, within a document.

    Args:
        backend: who will compute attention.
        seq: number of positions, of queries as of keys.
        device: of the mask.
        window: how many positions each one sees at most, itself included.
        documents: the number of the document that each token belongs to.
    """
    if window is not None and window >= seq:
        window = None
    if backend == "flex":
        return _block_mask(seq, device, window, documents)
    if documents is not None:
        allowed = causal_mask(seq, device, window=window) & same_document(documents, documents)
        return einx.id("b q k -> b 1 q k", allowed)
    if backend == "fused" and window is None:
        return None
    return causal_mask(seq, device, window=window)


def attend(
    backend: AttentionBackend,
    q: Float[Tensor, "b h q e"],
    k: Float[Tensor, "b kv k e"],
    v: Float[Tensor, "b kv k e"],
    mask: Mask,
) -> Float[Tensor, "b h q e"]:
    """Return the values that each query attends to.

    Args:
        backend: who computes.
        q: queries.
        k: keys; each head of them serves h/kv neighbouring heads of queries.
        v: values.
        mask: what `sequence_mask` made for this back end, or a boolean mask `[(b 1) q k]` for `einx` and `fused`.
    """
    if isinstance(mask, BlockMask):
        return _flex()(q, k, v, block_mask=mask, enable_gqa=q.shape[1] != k.shape[1])
    group = q.shape[1] // k.shape[1]
    if group > 1:
        k, v = (einx.id("b kv k e -> b (kv g) k e", heads, g=group) for heads in (k, v))
    if backend == "einx":
        allowed = causal_mask(q.shape[2], q.device) if mask is None else mask
        return scaled_dot_product_attention(q, k, v, allowed)
    return fused_attention(q, k, v, attn_mask=mask, is_causal=mask is None)


def _block_mask(
    seq: int, device: torch.device, window: int | None, documents: Int[Tensor, "b {seq}"] | None
) -> BlockMask:
    rules: list[Callable[..., Tensor]] = [lambda _b, _h, q, k: q >= k]
    if window is not None:
        rules.append(lambda _b, _h, q, k: q - k < window)
    if documents is not None:
        rules.append(lambda b, _h, q, k: documents[b, q] == documents[b, k])
    rows = None if documents is None else documents.shape[0]
    return create_block_mask(and_masks(*rules), rows, None, seq, seq, device=device)


@cache
def _compiled_flex() -> Callable[..., Tensor]:
    compiled: Callable[..., Tensor] = torch.compile(flex_attention, dynamic=False)
    return compiled


def _flex() -> Callable[..., Tensor]:
    """Return flex attention; outside a compiled function it must be compiled by itself, else it holds all scores."""
    plain: Callable[..., Tensor] = flex_attention
    return plain if torch.compiler.is_compiling() else _compiled_flex()
