"""An attention layer, forward and backward."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from benchmarks.model.implementations.ours import build_attention
from benchmarks.model.memory import Memory
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import find_shape
from benchmarks.model.tasks.case import Case, draw_normal, timed


def attention(request: Mapping[str, Any], memory: Memory) -> Case:
    """Prepare our attention layer without rotary positions, computed by the back end that the request names."""
    setup = Setup(request["device"], request["mode"])
    shape = find_shape(request["shape"], quick=request["quick"])
    memory.begin()
    layer = build_attention(shape, setup, window=request["window"], backend=request["library"])
    x = draw_normal(shape.batch[setup.device], shape.context_length, shape.d_model, seed=8, setup=setup)
    x.requires_grad_()
    forward = setup.maybe_compile(layer)

    def call() -> Tensor:
        x.grad = None
        y: Tensor = forward(x)
        y.square().mean().backward()  # type: ignore[no-untyped-call]
        return y

    facts = {"output": float(call().detach().float().norm())}
    assert x.grad is not None
    facts["gradient"] = float(x.grad.float().norm())
    return facts, timed(call, setup, request["steps"])
