"""Training steps, and what the machine could do at best."""

import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from model_memory import Memory
from model_setup import Setup
from model_shapes import shape_of

MODULES = {"ours": "model_ours", "plain": "model_plain", "transformers": "model_llama"}
_MATMUL_SECONDS = 0.5


def train(request: Mapping[str, Any], memory: Memory) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """Prepare a training step: the first one, which compiles, is not timed; its loss and gradient norm are told."""
    library = importlib.import_module(MODULES[request["library"]])
    setup, shape = Setup(request["device"], request["mode"]), shape_of(request)
    memory.begin()
    step = library.training_step(shape, setup)
    tokens = shape.tokens(shape.batch[setup.device], shape.context_length + 1, seed=1).to(setup.device)
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    loss, norm = step(inputs, targets)
    facts = {"loss": float(loss), "norm": float(norm)}
    for _ in range(request["warm_up"]):
        step(inputs, targets)

    def turn() -> dict[str, Any]:
        setup.synchronize()
        start = time.perf_counter()
        for _ in range(request["steps"]):
            loss, _norm = step(inputs, targets)
        setup.synchronize()
        return {"seconds": (time.perf_counter() - start) / request["steps"], "loss": float(loss)}

    return facts, turn


def matmul(request: Mapping[str, Any], memory: Memory) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """Prepare products of large square matrices, in the precision that models are trained in."""
    setup = Setup(request["device"], request["mode"])
    memory.begin()
    n = request["size"]
    left, right = (torch.randn(n, n, device=setup.device, dtype=setup.dtype) for _ in range(2))
    out = left @ right

    def turn() -> dict[str, Any]:
        fastest, end = float("inf"), time.perf_counter() + _MATMUL_SECONDS
        while time.perf_counter() < end:
            setup.synchronize()
            start = time.perf_counter()
            torch.mm(left, right, out=out)
            setup.synchronize()
            fastest = min(fastest, time.perf_counter() - start)
        return {"seconds": fastest, "flops_per_second": 2 * n**3 / fastest}

    return {}, turn
