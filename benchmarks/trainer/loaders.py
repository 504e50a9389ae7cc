"""Loaders of batches from a token file: ours in each of its orders, and those that others use."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.trainer.trained_model import model_config
from trainer import DataConfig, open_data

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""
MakeLoader = Callable[[Mapping[str, Any]], Iterator[Batch]]
"""From the request, with the paths of the token files, to batches without end."""
_DTYPE = "<u2"


def _ours(
    request: Mapping[str, Any], order: Literal["random", "epoch"], weights: tuple[float, ...] = ()
) -> Iterator[Batch]:
    model = model_config(request["quick"])
    files = (request["first"], request["second"]) if weights else (request["train"],)
    data = open_data(DataConfig(files, request["valid"], weights, order), model)
    batches = data.batches(seed=0, batch_size=request["batch_size"], context_length=model.context_length)
    step = 0
    while True:
        step += 1
        yield batches.rows(step)


def _numpy(request: Mapping[str, Any]) -> Iterator[Batch]:
    """Cut windows from a memory-mapped file, and convert the batch once."""
    length, generator = model_config(request["quick"]).context_length, np.random.default_rng(0)
    data = np.memmap(request["train"], dtype=_DTYPE, mode="r")
    while True:
        starts = generator.integers(0, len(data) - length, request["batch_size"])
        rows = torch.from_numpy(np.stack([data[start : start + length + 1] for start in starts]).astype(np.int64))
        yield rows[:, :-1], rows[:, 1:]


def _nano_gpt(request: Mapping[str, Any]) -> Iterator[Batch]:
    """Do what `get_batch` of nanoGPT's train.py does: map the file for each batch, and convert each row."""
    length = model_config(request["quick"]).context_length
    while True:
        data = np.memmap(request["train"], dtype=_DTYPE, mode="r")
        starts = torch.randint(len(data) - length, (request["batch_size"],))
        rows = [data[start : start + length].astype(np.int64) for start in starts]
        shifted = [data[start + 1 : start + 1 + length].astype(np.int64) for start in starts]
        yield torch.stack([torch.from_numpy(row) for row in rows]), torch.stack([torch.from_numpy(r) for r in shifted])


class Windows(Dataset[Batch]):
    """Consecutive windows, one for each item: the usual data set of a `DataLoader`."""

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


LOADERS: dict[tuple[str, str], MakeLoader] = {
    ("ours", "random"): lambda request: _ours(request, "random"),
    ("ours", "epochs"): lambda request: _ours(request, "epoch"),
    ("ours", "random, two files"): lambda request: _ours(request, "random", (0.7, 0.3)),
    ("numpy", "random"): _numpy,
    ("nanoGPT", "random"): _nano_gpt,
    ("DataLoader", "epochs, no workers"): lambda request: _data_loader(request, 0),
    ("DataLoader", "epochs, 2 workers"): lambda request: _data_loader(request, 2),
}
"""By library and order, ours first."""
