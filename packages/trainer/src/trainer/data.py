"""Token files as training data: mapped into memory, never read whole, never written to."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from nn import ModelConfig
from trainer.config import DataConfig

_CHECKED_AT_ONCE = 1 << 24
_DTYPES: dict[str, np.dtype[Any]] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}


class DataError(ValueError):
    """A token file that cannot be trained on."""


def open_tokens(path: str | os.PathLike[str], vocab_size: int) -> np.ndarray:
    """Map a token file into memory, read-only, and check once that every id fits the model.

    The file holds little-endian ids and nothing else; `PATH.json` beside it says their dtype (`uint16` or
    `uint32`) and count.

    Args:
        path: the token file.
        vocab_size: of the model; every id must be smaller.

    Returns:
        The ids, one-dimensional.

    Raises:
        DataError: the file or its description is missing or damaged, or an id is outside the vocabulary.
    """
    path, description = Path(path), Path(f"{os.fspath(path)}.json")
    for file in (path, description):
        if not file.is_file():
            raise DataError(f"{file} does not exist: a token file has its description beside it; encode the text again")
    try:
        content = json.loads(description.read_text("utf-8"))
        dtype = _DTYPES[content["dtype"]]
        count = int(content["count"])
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{description} does not say dtype and count of a token file: encode the text again") from None
    size = path.stat().st_size
    if size != count * dtype.itemsize or count == 0:
        raise DataError(
            f"{path} has {size} bytes, but should have {count} ids of {dtype.itemsize} bytes: encode the text again"
        )
    tokens = np.memmap(path, dtype=dtype, mode="r")
    for start in range(0, count, _CHECKED_AT_ONCE):
        part = tokens[start : start + _CHECKED_AT_ONCE]
        if part.max() >= vocab_size:
            place = int(np.argmax(part >= vocab_size))
            raise DataError(
                f"{path} has the id {part[place]} at position {start + place}, but the model's vocabulary is "
                f"{vocab_size}: raise model.vocab_size, or encode the text with the model's tokenizer"
            )
    return tokens


@dataclass(frozen=True)
class TrainingData:
    """The ids that a run works on."""

    train: np.ndarray
    valid: np.ndarray


def open_data(config: DataConfig, model: ModelConfig) -> TrainingData:
    """Open both token files of a run and check that the model can be trained on them.

    Raises:
        DataError: a file is not given, missing, damaged or too short, or has ids outside the vocabulary.
    """
    if config.train_tokens is None or config.valid_tokens is None:
        raise DataError("data.train_tokens and data.valid_tokens are both needed: give two token files")
    opened = []
    for path in (config.train_tokens, config.valid_tokens):
        tokens = open_tokens(path, model.vocab_size)
        check_length(tokens, model.context_length, path)
        opened.append(tokens)
    return TrainingData(*opened)


def check_length(tokens: np.ndarray, context_length: int, name: str) -> None:
    """Refuse data without a single window.

    Raises:
        DataError: there are not more than `context_length` ids.
    """
    if len(tokens) <= context_length:
        raise DataError(
            f"{name} has {len(tokens)} tokens, but one window takes {context_length} and the one that follows: "
            "give more text, or lower model.context_length"
        )


def get_batch(
    data: np.ndarray,
    batch_size: int,
    context_length: int,
    device: torch.device | str = "cpu",
    *,
    generator: np.random.Generator | None = None,
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]:
    """Draw windows from random places, every start from 0 to `len(data) − context_length − 1` being equally likely.

    Args:
        data: the ids, one-dimensional.
        batch_size: number of windows.
        context_length: ids in each.
        device: where the batch goes.
        generator: where the starts are drawn from; a fresh, unseeded one if not given.

    Returns:
        `(inputs, targets)`: the targets are the inputs shifted by one, `targets[b, t] = inputs[b, t + 1]`.

    Raises:
        DataError: the data is shorter than one window and its last target.
    """
    check_length(data, context_length, "the data")
    generator = generator or np.random.default_rng()
    starts = generator.integers(0, len(data) - context_length, size=batch_size)
    return windows(data, starts, context_length, device)


def batch_at(
    data: np.ndarray,
    step: int,
    seed: int,
    batch_size: int,
    context_length: int,
    device: torch.device | str,
    *,
    rows: slice | None = None,
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]:
    """Return the batch of one training step, or some rows of it; it depends on the seed and the step alone.

    So there is no position in the data to save: a resumed run draws what it would have drawn.
    """
    starts = window_starts(data, step, seed, batch_size, context_length)
    return windows(data, starts if rows is None else starts[rows], context_length, device)


def window_starts(data: np.ndarray, step: int, seed: int, batch_size: int, context_length: int) -> np.ndarray:
    """Return where the windows of a training step's whole batch begin."""
    check_length(data, context_length, "the data")
    return np.random.default_rng([seed, step]).integers(0, len(data) - context_length, size=batch_size)


def evaluation_batches(
    data: np.ndarray, batch_size: int, context_length: int, num_windows: int | None, device: torch.device | str
) -> Iterator[tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]]:
    """Yield the same windows at every call, side by side and never overlapping.

    Args:
        data: the ids.
        batch_size: windows per batch; the last batch may have fewer.
        context_length: ids in each window; what is left at the end of the data is not used.
        num_windows: how many windows, spread evenly over the data; None for all of it.
        device: where the batches go.

    Raises:
        DataError: the data is shorter than one window and its last target.
    """
    check_length(data, context_length, "the validation data")
    starts = np.arange(0, len(data) - context_length, context_length)
    if num_windows is not None and num_windows < len(starts):
        starts = starts[np.linspace(0, len(starts) - 1, num_windows).round().astype(int)]
    for first in range(0, len(starts), batch_size):
        yield windows(data, starts[first : first + batch_size], context_length, device)


def windows(
    data: np.ndarray, starts: np.ndarray, context_length: int, device: torch.device | str
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]:
    """Cut `(inputs, targets)` out of the data, a row for each start."""
    rows = np.stack([data[start : start + context_length + 1] for start in starts.tolist()]).astype(np.int64)
    ids = torch.from_numpy(rows).to(device)
    return ids[:, :-1], ids[:, 1:]
