"""The loss of a language model from its hidden states, without storing all logits. Axes: see `nn`.

With a large vocabulary the logits, and what their softmax keeps for the backward pass, are the largest tensors of a
training step. But the loss of a token depends on its own logits only, and so does its gradient. So the tokens are
processed in chunks: the forward pass computes the logits of a chunk, turns them into the loss and the gradients of
hidden states and weights, and frees them. The backward pass only scales these gradients (the method of Liger Kernel,
Hsu et al. 2024, arXiv:2410.10989).
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Every chunk adds to the gradient of the weights, a pass over all of them that few tokens do not justify; many tokens
# need more memory. On a CPU (4,096 tokens, d 512, vocabulary 32,000), 256 tokens take 1.19 times as long as 512 when
# compiled, 1,024 take 0.98 times, and uncompiled all are equal; their peaks are 177, 216 and 342 MiB.
_CHUNK_TOKENS = 512
# On a GPU a chunk's products should be as large as the memory allows. These logits take 0.5 GiB in bfloat16.
_CHUNK_LOGITS = 2**28
# Up to this many are a single chunk: for 1,024, d 768 and vocabulary 50,257, two take 1.09 times as long when compiled.
_SINGLE_CHUNK_TOKENS = 1024
# Where the caller compiles the loss whole, the loop over the chunks is unrolled: so a large batch has larger ones.
_MOST_CHUNKS = 32


def linear_cross_entropy(
    hidden: Float[Tensor, "*b d"],
    weight: Float[Tensor, "v d"],
    targets: Int[Tensor, "*b"],
    *,
    soft_cap: float | None = None,
    chunk_tokens: int | None = None,
    compile_chunks: bool = False,
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the logits `hidden weightᵀ`, in nats, storing those of one chunk at a time.

    Value and gradients are those of `cross_entropy(soft_cap(hidden @ weight.T, c), targets)`. Matrices are multiplied
    in the dtype that they have, or in that of autocast; everything else is computed in float32, including the sum of
    the weights' gradient over the chunks. Gradients of gradients are not supported.

    Args:
        hidden: the input of the LM head.
        weight: of the LM head.
        targets: the id that each hidden state should predict.
        soft_cap: the c of the logits' `soft_cap`; no cap if not given.
        chunk_tokens: tokens in a chunk. If not given: as many as make 2²⁸ logits on an accelerator; on a CPU up to
            1,024 are a single chunk, otherwise it is 512 or, if that is more, 1/32 of them.
        compile_chunks: on an accelerator, compile what turns a chunk's logits into losses and their gradient: two
            passes over the logits instead of ten. The loop is not compiled, so that it takes as long for many chunks
            as for one. On a CPU operations in place are as fast: 36 ms for 1,024 tokens and a vocabulary of 50,257,
            where compiled ones take 35 to 130, depending on how they are written.

    Raises:
        ValueError: chunk_tokens is below 1, or there is not one target for each hidden state.
        RuntimeError: in backward, with `create_graph=True`.
    """
    if chunk_tokens is not None and chunk_tokens < 1:
        raise ValueError(f"chunk_tokens is {chunk_tokens}: give at least 1, or None to let the function choose")
    if hidden.shape[:-1] != targets.shape:
        raise ValueError(
            f"hidden states of shape {tuple(hidden.shape)} do not match targets of shape {tuple(targets.shape)}: "
            "give one target for each"
        )
    device_type = hidden.device.type
    if torch.is_autocast_enabled(device_type) and hidden.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device_type)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    n = targets.numel()
    if chunk_tokens is None:
        chunk_tokens = default_chunk(n, weight.shape[0], accelerator=device_type != "cpu")
    with torch.autocast(device_type, enabled=False):
        rows, ids = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
        settings = (soft_cap, chunk_tokens, compile_chunks and device_type != "cpu", torch.is_grad_enabled())
        return _LinearCrossEntropy.apply(rows, weight, ids, *settings)


def default_chunk(n: int, v: int, *, accelerator: bool) -> int:
    """Return how many of n tokens are a chunk, with a vocabulary of v; `accounting.working` has the same rule."""
    if accelerator:
        return max(_CHUNK_TOKENS, 2 ** int(math.log2(max(1, _CHUNK_LOGITS // v))))
    return n if n <= _SINGLE_CHUNK_TOKENS else max(_CHUNK_TOKENS, -(-n // _MOST_CHUNKS))


class _LinearCrossEntropy(torch.autograd.Function):
    """The mean loss; forward computes its gradients, backward multiplies them by that of the mean loss."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Float[Tensor, "n d"],
        weight: Float[Tensor, "v d"],
        targets: Int[Tensor, " n"],
        soft_cap: float | None,
        chunk_tokens: int,
        compiled: bool,
        grad_enabled: bool,
    ) -> Float[Tensor, ""]:
        hidden_needs_grad = grad_enabled and ctx.needs_input_grad[0]
        weight_needs_grad = grad_enabled and ctx.needs_input_grad[1]
        wide = torch.promote_types(weight.dtype, torch.float32)
        total = hidden.new_zeros((), dtype=wide)
        hidden_gradients = []
        weight_gradient: Tensor | None = None
        losses_and_gradient = _compiled_losses_and_gradient() if compiled else _losses_and_gradient
        # One buffer for all chunks: on a CPU, memory that is allocated anew costs as much as several passes over it.
        buffer = hidden.new_empty(min(chunk_tokens, len(hidden)), len(weight))
        for h, ids in zip(torch.split(hidden, chunk_tokens), torch.split(targets, chunk_tokens), strict=True):
            logits = torch.mm(h, weight.mT, out=buffer[: len(h)])
            losses, logits_gradient = losses_and_gradient(
                logits, ids, len(targets), soft_cap, needs_gradient=hidden_needs_grad or weight_needs_grad
            )
            total = total + losses.sum()
            if logits_gradient is None:
                continue
            if hidden_needs_grad:
                hidden_gradients.append(logits_gradient @ weight)
            if weight_needs_grad and weight_gradient is not None and weight_gradient.dtype == h.dtype:
                weight_gradient.addmm_(logits_gradient.mT, h)  # the product below, added in place
            elif weight_needs_grad:
                product = logits_gradient.mT @ h
                weight_gradient = product.to(wide) if weight_gradient is None else weight_gradient.add_(product)
                del product
        ctx.save_for_backward(torch.cat(hidden_gradients) if hidden_needs_grad else None, weight_gradient)
        ctx.weight_dtype = weight.dtype
        return total / len(targets)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, ""]) -> tuple[Tensor | None, ...]:
        # In backward gradients are enabled only under create_graph=True.
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            raise RuntimeError("the chunked loss does not support gradients of gradients: use cross_entropy instead")
        hidden_gradient, weight_gradient = ctx.saved_tensors
        # Usually the loss is what is differentiated. On an accelerator the host would have to wait for the value.
        if torch.compiler.is_compiling() or gradient.device.type != "cpu" or gradient != 1:
            hidden_gradient = None if hidden_gradient is None else hidden_gradient * gradient
            weight_gradient = None if weight_gradient is None else weight_gradient * gradient
        return (
            hidden_gradient,
            None if weight_gradient is None else weight_gradient.to(ctx.weight_dtype),
            *(None,) * 5,
        )


def _losses_and_gradient(
    logits: Float[Tensor, "n v"],
    targets: Int[Tensor, " n"],
    num_tokens: int,
    soft_cap: float | None,
    *,
    needs_gradient: bool,
) -> tuple[Float[Tensor, "n 1"], Float[Tensor, "n v"] | None]:
    """Return the loss of each token and, if needed, the gradient of the mean of `num_tokens` losses by these logits.

    The loss is `log Σ exp(x) − x_target`, its gradient `softmax(x) − onehot(target)`, with `x = c·tanh(logits/c)` under
    a soft cap, which multiplies the gradient by `dx/dlogits = 1 − tanh²(logits/c)`. Computed in float32 or wider; the
    gradient has the dtype of the logits, which may be overwritten.
    """
    x = logits.to(torch.promote_types(logits.dtype, torch.float32))
    slope = None
    if soft_cap is not None:
        x = x.div_(soft_cap).tanh_()
        slope = 1 - x.square() if needs_gradient else None
        x = x.mul_(soft_cap)
    ids = targets.unsqueeze(-1)
    highest = x.amax(-1, keepdim=True)
    target_logits = x.gather(-1, ids) - highest
    exponentials = x.sub_(highest).exp_()
    sums = exponentials.sum(-1, keepdim=True)
    losses = sums.log() - target_logits
    if not needs_gradient:
        return losses, None
    gradient, at_target = exponentials.div_(sums * num_tokens), (target_logits.exp() / sums - 1) / num_tokens
    if slope is not None:
        gradient, at_target = gradient.mul_(slope), at_target * slope.gather(-1, ids)
    return losses, gradient.to(logits.dtype).scatter_(-1, ids, at_target.to(logits.dtype))


@cache
def _compiled_losses_and_gradient() -> Callable[..., tuple[Tensor, Tensor | None]]:
    """Return the function compiled, once for all chunks of a shape."""
    compiled: Callable[..., tuple[Tensor, Tensor | None]] = torch.compile(
        _losses_and_gradient, fullgraph=True, dynamic=False
    )
    return compiled
