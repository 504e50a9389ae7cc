"""Windows of token data: inputs, and targets that are the inputs shifted by one."""

import numpy as np
import torch
from jaxtyping import Int
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from trainer.data.joined_tokens import JoinedTokens, JoinedWindows, Tokens
from trainer.data.token_files import check_length

Batch = tuple[Int[Tensor, "b t"], Int[Tensor, "b t"]]
"""Inputs and targets, one window a row: `targets[b, t]` is the id that follows `inputs[b, t]` in the data."""


def window_view(data: Tokens, length: int) -> np.ndarray | JoinedWindows:
    """Return all windows of `length` ids, indexed by their starts; nothing is copied before they are indexed.

    Rows are cut out of plain arrays 20 times as fast as out of memmaps, so the view is one of a plain array.
    """
    if isinstance(data, JoinedTokens):
        return JoinedWindows(data, length)
    return sliding_window_view(np.asarray(data), length)


def windows(data: Tokens, starts: np.ndarray, context_length: int, device: torch.device | str) -> Batch:
    """Return the windows of `context_length` ids that begin at `starts`, one a row."""
    rows = window_view(data, context_length + 1)[starts].astype(np.int64)
    ids = torch.from_numpy(rows).to(device)
    return ids[:, :-1], ids[:, 1:]


def get_batch(
    data: Tokens,
    batch_size: int,
    context_length: int,
    device: torch.device | str = "cpu",
    *,
    generator: np.random.Generator | None = None,
) -> Batch:
    """Return windows from random places; every start from 0 to `len(data) − context_length − 1` is equally likely.

    This is for your own scripts; a run takes its batches from `TrainingBatches`, which can be resumed at any step.

    Args:
        data: the ids, one-dimensional.
        batch_size: number of windows.
        context_length: ids in each window.
        device: where the batch is placed.
        generator: draws the starts; a new, unseeded generator by default.

    Returns:
        `(inputs, targets)`, each of shape `[batch_size, context_length]` and dtype int64.

    Raises:
        DataError: the data is shorter than one window and its last target.
    """
    check_length(data, context_length, "the data")
    generator = generator or np.random.default_rng()
    starts = generator.integers(0, len(data) - context_length, size=batch_size)
    return windows(data, starts, context_length, device)
