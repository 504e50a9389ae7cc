"""The batches of an evaluation: the same windows each time, adjacent and without overlap."""

from collections.abc import Iterator

import numpy as np
import torch

from trainer.data.joined_tokens import Tokens
from trainer.data.token_files import check_length
from trainer.data.windows import Batch, windows


def validation_batches(
    data: Tokens,
    batch_size: int,
    context_length: int,
    device: torch.device | str,
    *,
    num_windows: int | None = None,
) -> Iterator[Batch]:
    """Yield the windows of validation data, the same at every call.

    By default every id but the first is a target exactly once: all full windows, then one shorter window of the ids
    that are left. Then all batches have the same shape except the last two: the windows that do not fill a batch, and
    the shorter window. With `num_windows`, only that many full windows are used, spread evenly over the data.

    Args:
        data: the ids, one-dimensional.
        batch_size: windows per batch; the last batch may have fewer.
        context_length: ids in each window.
        device: where the batches are placed.
        num_windows: how many full windows to use; all full windows if there are not so many.

    Raises:
        DataError: the data is shorter than one window and its last target.
    """
    check_length(data, context_length, "the validation data")
    num_full, num_left = divmod(len(data) - 1, context_length)
    starts = np.arange(num_full) * context_length
    if num_windows is not None and num_windows < num_full:
        starts = starts[np.linspace(0, num_full - 1, num_windows).round().astype(int)]
    for first in range(0, len(starts), batch_size):
        yield windows(data, starts[first : first + batch_size], context_length, device)
    if num_windows is None and num_left:
        yield windows(data, np.array([num_full * context_length]), num_left, device)


def count_targets(data: Tokens, context_length: int, num_windows: int | None = None) -> int:
    """Return how many targets the batches of `validation_batches` have together."""
    num_full = (len(data) - 1) // context_length
    return len(data) - 1 if num_windows is None else context_length * min(num_windows, num_full)
