"""Whether the GPU computes the same bytes twice, and compiled code what the uncompiled code computes."""

import dataclasses
import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from benchmarks.common.workers import ROOT
from benchmarks.gpu.request import Request, Row, Rows
from benchmarks.model.implementations.ours import train_config
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import find_shape
from benchmarks.model.weights import draw_tokens
from trainer import TrainConfig, TrainingConfig, build_train_state
from trainer.runtime import World

_TESTS = ROOT / "packages" / "trainer" / "tests" / "test_cuda_runs.py"
_RESULT = re.compile(r"::(\S.*?) (PASSED|FAILED|ERROR|SKIPPED)\b")
_SEQUENCES = 8


def measure(request: Request) -> Rows:
    """Compare gradients, then run the tests that train twice, and that interrupt and resume."""
    yield _compiled_row(request, "float32")
    yield from _test_rows()
    yield _compiled_row(request, "bfloat16")


def _compiled_row(request: Request, precision: Literal["float32", "bfloat16"]) -> Row:
    """Return the relative difference of loss and gradients between a compiled and an uncompiled step."""
    case = f"compiled, {precision}"
    if request.device != "cuda":
        return {"case": case, "skipped": "no GPU"}
    shape = find_shape("base", quick=request.tiny)
    usual = train_config(shape, Setup(request.device, "compiled"))
    tokens = draw_tokens(shape, _SEQUENCES, shape.context_length + 1, seed=1).to(request.device)
    expected, found = (
        loss_and_gradients(
            dataclasses.replace(
                usual, training=TrainingConfig(precision=precision, matmul_precision="highest", compile=compiled)
            ),
            tokens,
        )
        for compiled in ("off", "on")
    )
    return {"case": case, "loss_differs": difference(expected[:1], found[:1]), "differs": difference(expected, found)}


def loss_and_gradients(config: TrainConfig, tokens: Tensor) -> list[Tensor]:
    """Return the loss of a batch, and its gradient by each parameter."""
    state = build_train_state(config, World(), tokens.device)
    loss = state.loss(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())
    loss.backward()
    gradients = [parameter.grad for parameter in state.model.parameters() if parameter.grad is not None]
    return [loss.detach(), *gradients]


def difference(expected: list[Tensor], found: list[Tensor]) -> float:
    """Return the largest of ‖found − expected‖ / ‖expected‖."""
    return max(
        float(torch.linalg.vector_norm((b - a).float()) / torch.linalg.vector_norm(a.float()))
        for a, b in zip(expected, found, strict=True)
    )


def _test_rows() -> Rows:
    """Run the tests of runs on a GPU, and yield the outcome of each, then their numbers."""
    if not _TESTS.exists() or importlib.util.find_spec("pytest") is None:
        missing = "pytest" if _TESTS.exists() else str(_TESTS.relative_to(ROOT))
        yield {"case": "runs", "skipped": f"{missing} is missing"}
        return
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", str(_TESTS)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        yield from outcome_rows(process.stdout)


def outcome_rows(lines: Iterator[str]) -> Rows:
    """Yield a row for each test in the output of `pytest -v`, then how many passed and how many went wrong."""
    numbers: Counter[str] = Counter()
    last = "no output"
    for line in lines:
        last = line.strip() or last
        found = _RESULT.search(line)
        if found is not None:
            numbers[found[2].lower()] += 1
            yield {"case": f"runs: {found[1]}", "outcome": found[2].lower()}
    wrong = numbers["failed"] + numbers["error"]
    if not numbers:
        yield {"case": "runs", "skipped": last}
    elif numbers["skipped"] and not wrong:  # nothing is known to be wrong, but not all is known to be right
        yield {"case": "runs", "passed": numbers["passed"], "skipped": f"{numbers['skipped']} tests were not run"}
    else:
        yield {"case": "runs", "passed": numbers["passed"], "wrong": wrong, "not_run": numbers["skipped"]}
