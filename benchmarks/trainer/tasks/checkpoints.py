"""Checkpoints: seconds until one is on the disk, seconds for which training waits, seconds to load it."""

import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from benchmarks.trainer.cases import Case, measure_cases
from benchmarks.trainer.checkpoint_methods import METHODS, Method, Subject, timed_save
from benchmarks.trainer.trained_model import model_config
from nn import TransformerLM
from optim import AdamW

_PAUSE = 0.2
"""Seconds before each save, in which the threads and the disk come to rest."""


def checkpoints(request: Mapping[str, Any]) -> dict[str, Any]:
    """Measure all methods: each round saves, loads and deletes. One more round is measured, which does not count."""
    cases = {
        key: partial(_prepare, make, Path(request["scratch"]) / str(number), request["quick"])
        for number, (key, make) in enumerate(METHODS.items())
    }
    return {"rows": measure_cases(cases, request["rounds"] + 1)}


def _prepare(make: Callable[[Subject], Method], folder: Path, quick: bool) -> Case:
    """Prepare a model, the moments of AdamW, and one method to save them."""
    model = TransformerLM(model_config(quick), generator=torch.Generator().manual_seed(0))
    optimizer = AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    method = make(Subject(model, optimizer, folder))

    def measure() -> dict[str, Any]:
        folder.mkdir()
        time.sleep(0 if quick else _PAUSE)
        costs = timed_save(method)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        facts = {**costs, "load_seconds": _load(method, model, optimizer), "bytes": size}
        shutil.rmtree(folder)
        return facts

    return {}, measure


def _load(method: Method, model: Module, optimizer: Optimizer) -> float:
    """Overwrite the model and the optimizer with zeros, load them, and return the seconds."""
    expected = _sums(model, optimizer)
    with torch.no_grad():
        for tensor in _tensors(model, optimizer):
            tensor.zero_()
    start = time.perf_counter()
    method.load()
    seconds = time.perf_counter() - start
    if _sums(model, optimizer) != expected:
        raise RuntimeError("the loaded values differ from the saved ones")
    return seconds


def _tensors(model: Module, optimizer: Optimizer) -> list[Tensor]:
    states = [optimizer.state[parameter] for group in optimizer.param_groups for parameter in group["params"]]
    moments = [state[key] for state in states for key in sorted(state) if isinstance(state[key], Tensor)]
    return [*model.state_dict().values(), *moments]


def _sums(model: Module, optimizer: Optimizer) -> list[float]:
    return [float(tensor.double().sum()) for tensor in _tensors(model, optimizer)]
