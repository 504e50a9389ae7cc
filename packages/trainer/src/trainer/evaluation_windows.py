"""Validation windows: the same at every call, every token predicted exactly once, every batch of the same shape.

Windows lie side by side. The last one would stick out of the data: it is pushed back until it fits, and of its targets
only those count that no window before it has predicted. The last batch is filled up with windows of which nothing
counts. So a compiled model meets one shape, and each process of a run has equally many batches.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from trainer.token_files import check_length


@dataclass(frozen=True)
class EvaluationBatch:
    """Windows of validation data, and which of their targets count."""

    inputs: Int[Tensor, "rows seq"]
    """One window a row."""
    targets: Int[Tensor, "rows seq"]
    """The inputs shifted by one."""
    counted: Bool[Tensor, "rows seq"]
    """The targets whose losses belong to the mean; the others repeat what was or will be counted elsewhere."""
    num_counted: int
    """How many they are, known without asking the device."""

    @property
    def is_full(self) -> bool:
        """Whether all targets count, so that the mean loss of the batch is that of its counted targets."""
        return self.num_counted == self.targets.numel()

    def to(self, device: torch.device | str) -> "EvaluationBatch":
        """Return the batch on a device."""
        return EvaluationBatch(
            self.inputs.to(device), self.targets.to(device), self.counted.to(device), self.num_counted
        )


class EvaluationWindows:
    """All windows of the validation data, or some that are spread evenly over it."""

    def __init__(
        self, tokens: np.ndarray, *, batch_size: int, context_length: int, num_windows: int | None = None
    ) -> None:
        """Choose the windows, and read nothing yet.

        Args:
            tokens: the ids.
            batch_size: windows of a batch, over all processes.
            context_length: ids in each window.
            num_windows: how many; None, or more than there are, means every token but the first is predicted once.

        Raises:
            DataError: the data is shorter than one window and its last target.
        """
        check_length(tokens, context_length, "the validation data")
        self._view = sliding_window_view(np.asarray(tokens), context_length + 1)
        self._batch_size = batch_size
        self._context_length = context_length
        num_targets = len(tokens) - 1
        whole, rest = divmod(num_targets, context_length)
        starts = np.arange(whole) * context_length
        counted = np.full(whole, context_length)  # of each window, how many of its last targets count
        if num_windows is not None and num_windows < whole:
            chosen = np.linspace(0, whole - 1, num_windows).round().astype(np.int64)
            starts, counted = starts[chosen], counted[chosen]
        elif rest:
            starts, counted = np.append(starts, num_targets - context_length), np.append(counted, rest)
        missing = -len(starts) % batch_size
        self._starts = np.append(starts, np.zeros(missing, np.int64)).reshape(-1, batch_size)
        self._counted = np.append(counted, np.zeros(missing, np.int64)).reshape(-1, batch_size)

    @property
    def num_targets(self) -> int:
        """How many targets count in all batches of all processes."""
        return int(self._counted.sum())

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._starts)

    def batches(self, rows: slice = slice(None)) -> Iterator[EvaluationBatch]:
        """Yield the batches on the CPU.

        Args:
            rows: which of the `batch_size` rows of each batch; those of all processes make up the whole.
        """
        positions = np.arange(self._context_length)
        for starts, num_counted in zip(self._starts[:, rows], self._counted[:, rows], strict=True):
            ids = self._view[starts]
            yield EvaluationBatch(
                torch.from_numpy(ids[:, :-1].astype(np.int64)),
                torch.from_numpy(ids[:, 1:].astype(np.int64)),
                torch.from_numpy(positions >= self._context_length - num_counted[:, None]),
                int(num_counted.sum()),
            )
