"""A training step, the first one of a process, and the machine's best matrix product."""

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.model.implementations import load
from benchmarks.model.memory import Memory
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape, find_shape
from benchmarks.model.tasks.case import Case, Facts
from benchmarks.model.weights import draw_tokens

_MATMUL_SECONDS = 0.5
"""For how long the fastest matrix product is searched."""


def train(request: Mapping[str, Any], memory: Memory) -> Case:
    """Prepare a training step; the first one, which compiles, is not timed: its loss and gradient norm are returned.

    The request may have `lead_in`: steps at the start of each round that are not timed, in which memory that another
    case of the same process used is allocated.
    """
    library = load(request["library"])
    setup = Setup(request["device"], request["mode"])
    shape = find_shape(request["shape"], quick=request["quick"])
    memory.begin()
    step = library.training_step(shape, setup)
    inputs, targets = _draw_batch(shape, setup)
    loss, norm = step(inputs, targets)
    facts = {"loss": float(loss), "norm": float(norm)}
    for _ in range(request["warm_up"]):
        step(inputs, targets)

    def measure() -> Facts:
        for _ in range(request.get("lead_in", 0)):
            step(inputs, targets)
        setup.synchronize()
        start = time.perf_counter()
        for _ in range(request["steps"]):
            loss, _norm = step(inputs, targets)
        setup.synchronize()
        return {"seconds": (time.perf_counter() - start) / request["steps"], "loss": float(loss)}

    return facts, measure


def first_step(request: Mapping[str, Any], _memory: Memory) -> Case:
    """Measure how long a process takes from its start to the end of its first training step; there are no rounds.

    The request has when the process was started, by `time.monotonic`, which is one clock for all processes.
    """
    library = load(request["library"])
    setup = Setup(request["device"], request["mode"])
    shape = find_shape(request["shape"], quick=request["quick"])
    inputs, targets = _draw_batch(shape, setup)
    imported = time.monotonic()
    step = library.training_step(shape, setup, same_weights=False)
    built = time.monotonic()
    loss, _norm = step(inputs, targets)
    float(loss)
    setup.synchronize()
    done = time.monotonic()
    facts = {"seconds": done - request["started"], "build": built - imported, "step": done - built}
    return facts, dict


def matmul(request: Mapping[str, Any], memory: Memory) -> Case:
    """Prepare a product of large square matrices, in the precision that models are trained in."""
    setup = Setup(request["device"], request["mode"])
    memory.begin()
    n, seconds = request["size"], 0.01 if request["quick"] else _MATMUL_SECONDS
    left, right = (torch.randn(n, n, device=setup.device, dtype=setup.dtype) for _ in range(2))
    out = left @ right

    def measure() -> Facts:
        fastest, end = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < end:
            setup.synchronize()
            start = time.perf_counter()
            torch.mm(left, right, out=out)
            setup.synchronize()
            fastest = min(fastest, time.perf_counter() - start)
        return {"seconds": fastest, "flops_per_second": 2 * n**3 / fastest}

    return {}, measure


def _draw_batch(shape: Shape, setup: Setup) -> tuple[Tensor, Tensor]:
    """Return inputs and targets of a training step, the same in every process."""
    tokens = draw_tokens(shape, shape.batch[setup.device], shape.context_length + 1, seed=1).to(setup.device)
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
