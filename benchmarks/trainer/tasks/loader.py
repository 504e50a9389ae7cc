"""Loading batches: seconds to the first batch, then seconds per batch."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.trainer.cases import Case, measure_cases
from benchmarks.trainer.loaders import LOADERS, Batch, MakeLoader
from benchmarks.trainer.token_files import write_tokens
from benchmarks.trainer.trained_model import model_config


def loader(request: Mapping[str, Any]) -> dict[str, Any]:
    """Measure all loaders on token files of random ids."""
    scratch, vocab_size = Path(request["scratch"]), model_config(request["quick"]).vocab_size
    paths = {name: scratch / f"{name}.bin" for name in ("train", "first", "second", "valid")}
    counts = (request["tokens"], request["tokens"] // 2, request["tokens"] // 2, 10_000)
    for seed, (path, count) in enumerate(zip(paths.values(), counts, strict=True)):
        write_tokens(path, count, vocab_size, seed=seed)
    files = {name: str(path) for name, path in paths.items()}
    cases = {key: partial(_prepare, make, {**request, **files}) for key, make in LOADERS.items()}
    return {"rows": measure_cases(cases, request["rounds"])}


def _prepare(make: MakeLoader, request: Mapping[str, Any]) -> Case:
    start = time.perf_counter()
    batches = make(request)
    first = next(batches)
    seconds = time.perf_counter() - start
    _check(first, request)

    def measure() -> dict[str, Any]:
        start = time.perf_counter()
        for _ in range(request["batches"]):
            next(batches)
        return {"seconds": (time.perf_counter() - start) / request["batches"]}

    return {"first_seconds": seconds}, measure


def _check(batch: Batch, request: Mapping[str, Any]) -> None:
    """Raise an error unless the targets are the inputs shifted by one, with the right shape and type."""
    inputs, targets = batch
    shape = (request["batch_size"], model_config(request["quick"]).context_length)
    valid = inputs.shape == targets.shape == shape and inputs.dtype == targets.dtype == torch.int64
    if not valid or not torch.equal(inputs[:, 1:], targets[:, :-1]):
        raise RuntimeError("its batches are not int64 inputs and the ids that follow them as targets")
