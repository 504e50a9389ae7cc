"""The data of a run: its token files opened and checked, and windows drawn from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from nn import ModelConfig
from trainer.config import DataConfig
from trainer.data.batches import TrainingBatches
from trainer.data.token_files import DataError, TokenFile, check_length, open_token_file, open_tokens

__all__ = [
    "DataError",
    "TrainingData",
    "evaluation_batches",
    "get_batch",
    "open_data",
    "open_tokens",
    "validation_batches",
]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The ids that a run works on."""

    train_files: tuple[TokenFile, ...]
    """What to train on."""
    valid_file: TokenFile
    """What to evaluate on."""
    config: DataConfig
    """In which order, with which weights."""

    @property
    def num_train_tokens(self) -> int:
        """Ids to train on, in all files."""
        return sum(len(file.tokens) for file in self.train_files)

    @property
    def valid(self) -> np.ndarray:
        """The ids to evaluate on."""
        return self.valid_file.tokens

    def batches(self, *, seed: int, batch_size: int, context_length: int) -> TrainingBatches:
        """Return the training batches of a run.

        Raises:
            DataError: a file is too short for a window, or the weights do not fit the files or the order.
        """
        return TrainingBatches(
            self.train_files,
            seed=seed,
            batch_size=batch_size,
            context_length=context_length,
            order=self.config.order,
            weights=self.config.train_weights,
        )


def open_data(config: DataConfig, model: ModelConfig) -> TrainingData:
    """Open all token files of a run and check that the model can be trained on them.

    Raises:
        DataError: a file is not given, missing, damaged or too short, or has ids outside the vocabulary; or the
            weights do not fit the files or the order.
    """
    if not config.train_files or config.valid_tokens is None:
        raise DataError("data.train_tokens and data.valid_tokens are both needed: give two token files")
    train = tuple(open_token_file(path, model.vocab_size) for path in config.train_files)
    valid = open_token_file(config.valid_tokens, model.vocab_size)
    check_length(valid.tokens, model.context_length, config.valid_tokens)
    data = TrainingData(train, valid, config)
    data.batches(seed=0, batch_size=1, context_length=model.context_length)  # makes its own checks
    return data


def get_batch(
    data: np.ndarray,
    batch_size: int,
    context_length: int,
    device: torch.device | str = "cpu",
    *,
    generator: np.random.Generator | None = None,
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]:
    """Draw windows from random places, every start from 0 to `len(data) − context_length − 1` being equally likely.

    For a script of one's own; a run takes its batches from `TrainingBatches`.

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
    rows = np.asarray(data)[starts[:, None] + np.arange(context_length + 1)].astype(np.int64)
    ids = torch.from_numpy(rows).to(device)
    return ids[:, :-1], ids[:, 1:]


def validation_batches(
    data: np.ndarray, batch_size: int, context_length: int, device: torch.device | str, *, rank: int = 0, world: int = 1
) -> Iterator[tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]]:
    """Yield windows side by side that have every id but the first as a target exactly once, the same at every call.

    All batches have the same shape but for two at the end: the windows that fill no batch, and the ids that fill no
    window.

    Args:
        data: the ids.
        batch_size: windows per batch.
        context_length: ids in each window.
        device: where the batches go.
        rank: of `world` processes that share the batches: it takes each `world`-th.
        world: how many share them.

    Raises:
        DataError: the data is shorter than one window and its last target.
    """
    check_length(data, context_length, "the validation data")
    num_windows, rest = divmod(len(data) - 1, context_length)
    starts = np.arange(num_windows) * context_length
    groups = [(starts[first : first + batch_size], context_length) for first in range(0, num_windows, batch_size)]
    if rest:
        groups.append((np.array([num_windows * context_length]), rest))
    for group, length in groups[rank::world]:
        yield windows(data, group, length, device)
