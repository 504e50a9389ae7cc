"""Loaders of batches: ours in its orders, and those that others use, over the same token file."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from trainer import DataConfig, open_data
from trainer.config import DataOrder
from trainer_model import model_config
from trainer_tokens import write_tokens
from trainer_turns import Turn, take_turns

Batch = tuple[Tensor, Tensor]
_DTYPE = "<u2"


def loader(request: Mapping[str, Any]) -> dict[str, Any]:
    """Measure all loaders: told are the seconds from nothing to the first batch, and then those of a batch."""
    scratch, vocab_size = Path(request["scratch"]), model_config(request["quick"]).vocab_size
    paths = {name: scratch / f"{name}.bin" for name in ("train", "first", "second", "valid")}
    counts = (request["tokens"], request["tokens"] // 2, request["tokens"] // 2, 10_000)
    for seed, (path, count) in enumerate(zip(paths.values(), counts, strict=True)):
        write_tokens(path, count, vocab_size, seed=seed)
    files = {name: str(path) for name, path in paths.items()}
    cases = {key: partial(_prepare, make, {**request, **files}) for key, make in LOADERS.items()}
    return {"rows": take_turns(cases, request["rounds"])}


def _prepare(
    make: Callable[[Mapping[str, Any]], Iterator[Batch]], request: Mapping[str, Any]
) -> tuple[dict[str, Any], Turn]:
    start = time.perf_counter()
    batches = make(request)
    first = next(batches)
    seconds = time.perf_counter() - start
    _check(first, request)

    def turn() -> dict[str, Any]:
        start = time.perf_counter()
        for _ in range(request["batches"]):
            next(batches)
        return {"seconds": (time.perf_counter() - start) / request["batches"]}

    return {"first_seconds": seconds}, turn


def _check(batch: Batch, request: Mapping[str, Any]) -> None:
    inputs, targets = batch
    shape = (request["batch_size"], model_config(request["quick"]).context_length)
    right = inputs.shape == targets.shape == shape and inputs.dtype == targets.dtype == torch.int64
    if not right or not torch.equal(inputs[:, 1:], targets[:, :-1]):
        raise RuntimeError("its batches are no inputs with the ids that follow as targets")


def _ours(request: Mapping[str, Any], order: DataOrder, weights: tuple[float, ...] = ()) -> Iterator[Batch]:
    model = model_config(request["quick"])
    files = (request["first"], request["second"]) if weights else (request["train"],)
    data = open_data(DataConfig(files, request["valid"], weights, order), model)
    batches = data.batches(seed=0, batch_size=request["batch_size"], context_length=model.context_length)
    step = 0
    while True:
        step += 1
        yield batches.rows(step)


def _numpy(request: Mapping[str, Any]) -> Iterator[Batch]:
    """Cut windows out of a file that stays mapped; one conversion for the batch."""
    length, generator = model_config(request["quick"]).context_length, np.random.default_rng(0)
    data = np.memmap(request["train"], dtype=_DTYPE, mode="r")
    while True:
        starts = generator.integers(0, len(data) - length, request["batch_size"])
        rows = torch.from_numpy(np.stack([data[start : start + length + 1] for start in starts]).astype(np.int64))
        yield rows[:, :-1], rows[:, 1:]


def _nano_gpt(request: Mapping[str, Any]) -> Iterator[Batch]:
    """Do what `get_batch` of nanoGPT's train.py does: map the file for each batch, convert row by row."""
    length = model_config(request["quick"]).context_length
    while True:
        data = np.memmap(request["train"], dtype=_DTYPE, mode="r")
        starts = torch.randint(len(data) - length, (request["batch_size"],))
        rows = [data[start : start + length].astype(np.int64) for start in starts]
        shifted = [data[start + 1 : start + 1 + length].astype(np.int64) for start in starts]
        yield torch.stack([torch.from_numpy(row) for row in rows]), torch.stack([torch.from_numpy(r) for r in shifted])


class Windows(Dataset[Batch]):
    """Windows side by side, one an item: what a `DataLoader` is given most often."""

    def __init__(self, path: str, length: int) -> None:
        self._data = np.memmap(path, dtype=_DTYPE, mode="r")
        self._length = length

    def __len__(self) -> int:
        return (len(self._data) - 1) // self._length

    def __getitem__(self, item: int) -> Batch:
        start = item * self._length
        row = torch.from_numpy(self._data[start : start + self._length + 1].astype(np.int64))
        return row[:-1], row[1:]


def _data_loader(request: Mapping[str, Any], workers: int) -> Iterator[Batch]:
    windows = Windows(request["train"], model_config(request["quick"]).context_length)
    size = request["batch_size"]
    loader = DataLoader(
        windows, size, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=workers > 0
    )
    while True:
        for batch in loader:
            yield tuple(batch)


LOADERS: dict[tuple[str, str], Callable[[Mapping[str, Any]], Iterator[Batch]]] = {
    ("ours", "random"): lambda request: _ours(request, "random"),
    ("ours", "epochs"): lambda request: _ours(request, "epoch"),
    ("ours", "random, two files"): lambda request: _ours(request, "random", (0.7, 0.3)),
    ("numpy", "random"): _numpy,
    ("nanoGPT", "random"): _nano_gpt,
    ("DataLoader", "epochs, no workers"): lambda request: _data_loader(request, 0),
    ("DataLoader", "epochs, 2 workers"): lambda request: _data_loader(request, 2),
}
"""By name and order, ours first; each yields batches without end."""
