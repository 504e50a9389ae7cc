"""Attention alone, forward and backward, by back end: which of them `auto` should choose, and whether it does."""

import time
from typing import Any, get_args

import torch
from torch import Tensor

from benchmarks.gpu.alternation import one_line
from benchmarks.gpu.request import Request, Row, Rows
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape, find_shape
from nn import AttentionBackend, causal_attention

_CASES: tuple[tuple[str, int | None, int | None], ...] = (
    ("leaderboard", None, None),
    ("leaderboard-10-heads", None, None),
    ("base", None, None),
    ("leaderboard", 128, None),
    ("leaderboard", None, 150),
    ("gpt2-small", None, None),
)
"""Shape, window, and tokens in a document."""
_CALLS = 10


def measure(request: Request) -> Rows:
    """Measure all back ends of each case."""
    ratios = []
    for name, window, document in _CASES:
        shape = find_shape(name, quick=request.tiny)
        row: Row = {"case": name + (f", window {window}" if window else "") + (", documents" if document else "")}
        row |= _milliseconds(request, shape, 8 if request.tiny and window else window, document)
        known = {key: value for key, value in row.items() if key.endswith("_ms") and key != "auto_ms"}
        if "auto_ms" in row and known:
            ratios.append(row["auto_ms"] / min(known.values()))
            row["auto_over_fastest"] = ratios[-1]
        yield row
        if request.device == "cuda":
            torch.compiler.reset()  # flex attention is compiled for each case, which is limited
    if ratios:
        yield {"case": "auto", "largest_ratio": max(ratios)}


def _milliseconds(request: Request, shape: Shape, window: int | None, document: int | None) -> Row:
    """Return the milliseconds of each back end, or why it failed."""
    setup = Setup(request.device, request.mode)
    device = torch.device(request.device)
    size = (shape.batch[request.device], shape.num_heads, shape.context_length, shape.d_head)
    queries, keys, values, gradient = (torch.randn(size, device=device, dtype=setup.dtype) for _ in range(4))
    inputs = [tensor.requires_grad_() for tensor in (queries, keys, values)]
    documents = None
    if document is not None:
        documents = (torch.arange(shape.context_length, device=device) // document).expand(size[0], -1)
    row: Row = {}
    for backend in get_args(AttentionBackend):
        try:
            attend = causal_attention(backend, size[2], device, window=window, documents=documents)
            row[f"{backend}_ms"] = _time(attend, inputs, gradient, setup, 1 if request.tiny else _CALLS)
        except Exception as error:
            row[f"{backend}_failed"] = one_line(error)
    return row


def _time(attend: Any, inputs: list[Tensor], gradient: Tensor, setup: Setup, calls: int) -> float:
    for number in range(calls + 2):
        if number == 2:  # two calls to warm up
            setup.synchronize()
            start = time.perf_counter()
        torch.autograd.grad(attend(*inputs), inputs, gradient)
    setup.synchronize()
    return 1e3 * (time.perf_counter() - start) / calls
