"""What a checkpoint costs: the seconds until it is on the disk, those for which training waits, those to load it."""

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

from nn import TransformerLM
from optim import AdamW
from trainer_checkpoint_ways import WAYS, Subject, Way, timed_save
from trainer_model import model_config
from trainer_turns import Turn, take_turns

_PAUSE = 0.2


def checkpoints(request: Mapping[str, Any]) -> dict[str, Any]:
    """Measure all ways: a turn saves, loads and deletes. There is one round before those that count."""
    cases = {
        key: partial(_prepare, make, Path(request["scratch"]) / str(number), request["quick"])
        for number, (key, make) in enumerate(WAYS.items())
    }
    return {"rows": take_turns(cases, request["rounds"] + 1)}


def _prepare(make: Callable[[Subject], Way], folder: Path, quick: bool) -> tuple[dict[str, Any], Turn]:
    """Prepare the model with the moments of AdamW, and one way to save them."""
    model = TransformerLM(model_config(quick), generator=torch.Generator().manual_seed(0))
    optimizer = AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    way = make(Subject(model, optimizer, folder))

    def turn() -> dict[str, Any]:
        folder.mkdir()
        time.sleep(_PAUSE)
        costs = timed_save(way)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        facts = {**costs, "load_seconds": _load(way, model, optimizer), "bytes": size}
        shutil.rmtree(folder)
        return facts

    return {}, turn


def _load(way: Way, model: Module, optimizer: Optimizer) -> float:
    """Load into a model and an optimizer that were wiped before; returns the seconds."""
    expected = _sums(model, optimizer)
    with torch.no_grad():
        for tensor in _tensors(model, optimizer):
            tensor.zero_()
    start = time.perf_counter()
    way.load()
    seconds = time.perf_counter() - start
    if _sums(model, optimizer) != expected:
        raise RuntimeError("what it loads is not what it saved")
    return seconds


def _tensors(model: Module, optimizer: Optimizer) -> list[Tensor]:
    states = [optimizer.state[parameter] for group in optimizer.param_groups for parameter in group["params"]]
    moments = [state[key] for state in states for key in sorted(state) if isinstance(state[key], Tensor)]
    return [*model.state_dict().values(), *moments]


def _sums(model: Module, optimizer: Optimizer) -> list[float]:
    return [float(tensor.double().sum()) for tensor in _tensors(model, optimizer)]
