"""The loss of a language model from its hidden states, without ever holding all logits.

With a large vocabulary the logits, and what their softmax leaves for the backward pass, are the largest tensors of a
training step. But each token's loss needs its own logits only, and once it is known so is its gradient. So a few tokens
at a time have their logits made, turned into loss and gradients of hidden states and weights, and forgotten; backward
has nothing left to do but scale (the way of Liger Kernel, Hsu et al. 2024, arXiv:2410.10989).
"""

from typing import Any, TypeAlias

import einx
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nn.functional import at_least_float32

Gradients: TypeAlias = tuple[Tensor | None, Tensor | None]

# Every chunk adds to the gradient of the weights, a pass over all of them that few tokens do not pay for; many tokens
# hold more memory. On a CPU (4,096 tokens, d 512, vocabulary 32,000), 256 tokens take 1.19 times as long as 512 when
# compiled, 1,024 take 0.98 times, and uncompiled all are equal; their peaks are 177, 216 and 342 MiB.
_CHUNK_TOKENS = 512
# Few tokens go all at once: for 1,024, d 768 and vocabulary 50,257, two chunks take 1.09 times as long when compiled.
_ALL_UP_TO = 1024
# torch.compile writes every chunk out, so there are not many of them: a large batch has larger ones.
_MOST_CHUNKS = 32


def linear_cross_entropy(
    hidden: Float[Tensor, "*lead d"],
    weight: Float[Tensor, "vocab d"],
    targets: Int[Tensor, "*lead"],
    *,
    soft_cap: float | None = None,
    chunk_tokens: int | None = None,
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the logits `hidden weightᵀ`, in nats, holding those of a few tokens at a time.

    Value and gradients are those of `cross_entropy(soft_cap(hidden @ weight.T, c), targets)`. The matrices are
    multiplied in the dtype that they have, or that autocast wants; all else is in float32, and so is the sum of the
    weights' gradient over the chunks. Gradients of gradients are not offered.

    Args:
        hidden: what the LM head reads.
        weight: the LM head's.
        targets: the id that each hidden state should predict.
        soft_cap: the c of the logits' `soft_cap`; none if not given.
        chunk_tokens: tokens whose logits are held at once. If not given: all up to 1,024, else 512 or 1/32 of them.

    Raises:
        ValueError: chunk_tokens is below 1, or there is not one target for each hidden state.
        RuntimeError: in backward, with `create_graph=True`.
    """
    if chunk_tokens is not None and chunk_tokens < 1:
        raise ValueError(f"chunk_tokens is {chunk_tokens}: give at least 1, or leave it out")
    if hidden.shape[:-1] != targets.shape:
        raise ValueError(
            f"hidden states of shape {tuple(hidden.shape)} do not go with targets of shape {tuple(targets.shape)}: "
            "give one target for each"
        )
    device_type = hidden.device.type
    if torch.is_autocast_enabled(device_type) and hidden.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device_type)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    rows, ids = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    size = chunk_tokens or default_chunk(len(ids))
    with torch.autocast(device_type, enabled=False):
        if torch.is_grad_enabled():
            return _LinearCrossEntropy.apply(rows, weight, ids, soft_cap, size)
        total, _ = _total_and_gradients(rows, weight, ids, soft_cap, size, (False, False))
        return total / len(ids)


def default_chunk(num_tokens: int) -> int:
    """Return how many tokens have their logits at once, where the caller does not say."""
    if num_tokens <= _ALL_UP_TO:
        return num_tokens
    return max(_CHUNK_TOKENS, -(-num_tokens // _MOST_CHUNKS))


class _LinearCrossEntropy(torch.autograd.Function):
    """The mean loss; forward computes the gradients of the sum, backward scales them."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, soft_cap: float | None, chunk_tokens: int
    ) -> Tensor:
        wanted = (ctx.needs_input_grad[0], ctx.needs_input_grad[1])
        total, gradients = _total_and_gradients(hidden, weight, targets, soft_cap, chunk_tokens, wanted)
        ctx.save_for_backward(*gradients)
        ctx.num_tokens = len(targets)
        ctx.weight_dtype = weight.dtype
        return total / len(targets)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():  # so it is under create_graph=True only
            raise RuntimeError(
                "the chunked loss has no gradients of gradients: use cross_entropy of the logits for them"
            )
        of_hidden, of_weight = ctx.saved_tensors
        scale = gradient / ctx.num_tokens
        return (
            None if of_hidden is None else of_hidden * scale,
            None if of_weight is None else (of_weight * scale).to(ctx.weight_dtype),
            None,
            None,
            None,
        )


def _total_and_gradients(
    hidden: Float[Tensor, "tokens d"],
    weight: Float[Tensor, "vocab d"],
    targets: Int[Tensor, " tokens"],
    soft_cap: float | None,
    chunk_tokens: int,
    wanted: tuple[bool, bool],
) -> tuple[Float[Tensor, ""], Gradients]:
    """Return the sum of all tokens' losses and its gradients by hidden states and weights, where wanted."""
    wide = at_least_float32(weight[:0]).dtype
    total = hidden.new_zeros((), dtype=wide)
    of_hidden = []
    of_weight: Tensor | None = None
    for h, ids in zip(torch.split(hidden, chunk_tokens), torch.split(targets, chunk_tokens), strict=True):
        logits = at_least_float32(einx.dot("t d, vocab d -> t vocab", h, weight))
        losses, of_logits = _losses_and_gradient(logits, ids, soft_cap, any(wanted))
        total = total + losses.sum()
        if of_logits is None:
            continue
        of_logits = of_logits.to(h.dtype)
        if wanted[0]:
            of_hidden.append(einx.dot("t vocab, vocab d -> t d", of_logits, weight))
        if wanted[1] and of_weight is not None and of_weight.dtype == h.dtype:
            of_weight.addmm_(of_logits.T, h)  # the product below, added where it stands
        elif wanted[1]:
            product = einx.dot("t vocab, t d -> vocab d", of_logits, h)
            of_weight = product.to(wide) if of_weight is None else of_weight.add_(product)
            del product
    return total, (torch.cat(of_hidden) if wanted[0] else None, of_weight)


def _losses_and_gradient(
    logits: Float[Tensor, "t vocab"], targets: Int[Tensor, " t"], soft_cap: float | None, wanted: bool
) -> tuple[Float[Tensor, "t 1"], Float[Tensor, "t vocab"] | None]:
    """Return each token's loss and, if wanted, its gradient by the logits; these are overwritten.

    The loss is `log Σ exp(x) − x_target`, its gradient `softmax(x) − onehot(target)`, with `x = c·tanh(logits/c)` under
    a soft cap, which multiplies the gradient by `dx/dlogits = 1 − tanh²(logits/c)`.
    """
    slope = None
    if soft_cap is not None:
        logits = logits.div_(soft_cap).tanh_()
        slope = 1 - logits.square() if wanted else None
        logits = logits.mul_(soft_cap)
    ids = targets.unsqueeze(-1)
    highest = logits.amax(-1, keepdim=True)
    target_logits = logits.gather(-1, ids) - highest
    exponentials = logits.sub_(highest).exp_()
    sums = exponentials.sum(-1, keepdim=True)
    losses = sums.log() - target_logits
    if not wanted:
        return losses, None
    gradient = exponentials.div_(sums).scatter_(-1, ids, target_logits.exp() / sums - 1)
    return losses, gradient if slope is None else gradient.mul_(slope)
