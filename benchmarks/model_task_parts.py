"""Parts of a training step, each for itself: loss, optimizer, attention."""

import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from model_memory import Memory
from model_setup import Setup
from model_shapes import shape_of

Prepared = tuple[dict[str, Any], Callable[[], dict[str, Any]]]


def _timed(call: Callable[[], Any], setup: Setup, steps: int) -> Callable[[], dict[str, Any]]:
    def turn() -> dict[str, Any]:
        setup.synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            call()
        setup.synchronize()
        return {"seconds": (time.perf_counter() - start) / steps}

    return turn


def _random(*size: int, seed: int, setup: Setup) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(setup.device, setup.dtype)


def loss(request: Mapping[str, Any], memory: Memory) -> Prepared:
    """Prepare the loss of a batch from its hidden states, with the gradients of both factors of the logits."""
    setup, shape = Setup(request["device"], request["mode"]), shape_of(request)
    tokens = shape.batch[setup.device] * shape.context_length
    compute = setup.maybe_compile(_loss_function(request["library"]))
    memory.begin()
    hidden = _random(tokens, shape.d_model, seed=5, setup=setup).requires_grad_()
    weight = (_random(shape.vocab_size, shape.d_model, seed=6, setup=setup) * shape.d_model**-0.5).requires_grad_()
    targets = shape.tokens(1, tokens, seed=7)[0].to(setup.device)

    def call() -> Tensor:
        hidden.grad = weight.grad = None
        mean: Tensor = compute(hidden, weight, targets)
        mean.backward()  # type: ignore[no-untyped-call]
        return mean

    facts: dict[str, Any] = {"loss": float(call().detach())}
    for name, factor in (("hidden", hidden), ("weight", weight)):
        assert factor.grad is not None
        facts[f"gradient of {name}"] = float(factor.grad.float().norm())
    return facts, _timed(call, setup, request["steps"])


def _loss_function(library: str) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    if library == "ours, chunked":
        from nn.loss import linear_cross_entropy

        return lambda hidden, weight, targets: linear_cross_entropy(hidden, weight, targets)
    if library == "ours, all logits":
        from nn import cross_entropy

        return lambda hidden, weight, targets: cross_entropy(hidden @ weight.T, targets)
    if library == "torch, chunked":
        options = torch.nn.LinearCrossEntropyOptions()
        return lambda hidden, weight, targets: F.linear_cross_entropy(hidden, weight, targets, options=options)
    return lambda hidden, weight, targets: F.cross_entropy(F.linear(hidden, weight).float(), targets)


def optimizer(request: Mapping[str, Any], memory: Memory) -> Prepared:
    """Prepare an update of a model's parameters, of its hidden matrices alone if it is Muon's."""
    setup, shape = Setup(request["device"], request["mode"]), shape_of(request)
    make = importlib.import_module("model_optimizers").OPTIMIZERS[request["rule"]][request["library"]]
    memory.begin()
    chosen = [
        (name, weight.to(setup.device).requires_grad_())
        for name, weight in shape.weights(rotary_halves=False)
        if request["rule"] == "adamw" or (weight.ndim == 2 and name.startswith("blocks."))
    ]
    weights = [weight for _, weight in chosen]
    for index, weight in enumerate(weights):
        noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(index))
        weight.grad = (1e-2 * noise).to(setup.device)
    before = [weight.detach().flatten()[:8].tolist() for weight in weights]
    update = make(weights)
    for _ in range(3):
        update.step()
    after = [weight.detach().flatten()[:8].tolist() for weight in weights]
    changes = [b - a for old, new in zip(before, after, strict=True) for a, b in zip(old, new, strict=True)]
    return {"changes": changes}, _timed(update.step, setup, request["steps"])


def attention(request: Mapping[str, Any], memory: Memory) -> Prepared:
    """Prepare an attention layer without rotary positions, forward and backward, computed by the back end named."""
    from nn import CausalMultiHeadSelfAttention

    setup, shape = Setup(request["device"], request["mode"]), shape_of(request)
    memory.begin()
    layer = CausalMultiHeadSelfAttention(
        shape.d_model, shape.num_heads, window=request["window"], backend=request["library"]
    )
    for index, weight in enumerate(layer.parameters()):
        draw = torch.Generator().manual_seed(index)
        weight.data = torch.randn(weight.shape, generator=draw) * shape.d_model**-0.5
    layer = layer.to(setup.device, setup.dtype)
    x = _random(shape.batch[setup.device], shape.context_length, shape.d_model, seed=8, setup=setup).requires_grad_()
    forward = setup.maybe_compile(layer)

    def call() -> Tensor:
        x.grad = None
        y: Tensor = forward(x)
        y.square().mean().backward()  # type: ignore[no-untyped-call]
        return y

    facts = {"output": float(call().detach().float().norm())}
    assert x.grad is not None
    facts["gradient"] = float(x.grad.float().norm())
    return facts, _timed(call, setup, request["steps"])
