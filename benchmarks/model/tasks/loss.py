"""The LM head and the cross-entropy, forward and backward."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from benchmarks.model.memory import Memory
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import find_shape
from benchmarks.model.tasks.case import Case, Facts, draw_normal, timed
from benchmarks.model.weights import draw_tokens

LossFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From hidden states, the weight of the LM head and targets to the mean loss."""


def loss(request: Mapping[str, Any], memory: Memory) -> Case:
    """Prepare the loss of a batch from its hidden states, with the gradients of both factors of the logits."""
    setup = Setup(request["device"], request["mode"])
    shape = find_shape(request["shape"], quick=request["quick"])
    tokens = shape.batch[setup.device] * shape.context_length
    compute = _loss_function(request["library"], setup)
    memory.begin()
    hidden = draw_normal(tokens, shape.d_model, seed=5, setup=setup).requires_grad_()
    weight = draw_normal(shape.vocab_size, shape.d_model, seed=6, setup=setup) * shape.d_model**-0.5
    weight.requires_grad_()
    targets = draw_tokens(shape, 1, tokens, seed=7)[0].to(setup.device)

    def call() -> Tensor:
        hidden.grad = weight.grad = None
        mean: Tensor = compute(hidden, weight, targets)
        mean.backward()  # type: ignore[no-untyped-call]
        return mean

    facts: Facts = {"loss": float(call().detach())}
    for name, factor in (("hidden", hidden), ("weight", weight)):
        assert factor.grad is not None
        facts[f"gradient of {name}"] = float(factor.grad.float().norm())
    return facts, timed(call, setup, request["steps"])


def _loss_function(library: str, setup: Setup) -> LossFunction:
    """Return a loss, compiled whole in the compiled mode; of ours in chunks, only what a run compiles."""
    if library == "ours, chunked":
        from nn import linear_cross_entropy

        return partial(linear_cross_entropy, compile_chunks=setup.compiled)
    if library == "ours, all logits":
        from nn import cross_entropy

        return setup.maybe_compile(lambda hidden, weight, targets: cross_entropy(hidden @ weight.T, targets))
    if library == "torch, chunked":
        options = torch.nn.LinearCrossEntropyOptions()
        return setup.maybe_compile(
            lambda hidden, weight, targets: F.linear_cross_entropy(hidden, weight, targets, options=options)
        )
    return setup.maybe_compile(
        lambda hidden, weight, targets: F.cross_entropy(F.linear(hidden, weight).float(), targets)
    )
