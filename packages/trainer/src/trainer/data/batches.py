"""Training batches: row r of the batch of step s follows from (seed, s, r) alone.

So there is no position in the data to save, a resumed run draws what it would have drawn, and it does not matter how
many processes share a batch, or in how many parts each of them computes its share: they ask for their rows.

    random   every row is a window from a random place of a random file, whatever was drawn before
    epoch    row r of step s is window (s − 1) · batch_size + r of an endless row of epochs, each of which has every
             window once, in an order of its own
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from trainer.config import DataOrder
from trainer.data.counter_random import as_fractions, as_integers, random_words
from trainer.data.mixture import choose_files, normalized_weights
from trainer.data.permutation import shuffled
from trainer.data.token_files import DataError, TokenFile, check_length

Batch = tuple[Int[Tensor, "rows seq"], Int[Tensor, "rows seq"]]
"""Inputs and targets; the targets are the inputs shifted by one."""

_FILE, _START, _ORDER, _OFFSET = range(4)  # what a random number is for


class TrainingBatches:
    """The batches of a run, each computed when it is asked for."""

    def __init__(
        self,
        files: Sequence[TokenFile],
        *,
        seed: int,
        batch_size: int,
        context_length: int,
        order: DataOrder = "random",
        weights: Sequence[float] = (),
    ) -> None:
        """Look at the files, and read nothing yet.

        Args:
            files: what to train on.
            seed: decides every batch.
            batch_size: rows of a global batch, over all processes.
            context_length: ids in each row.
            order: `random` or `epoch`, as this module's head says.
            weights: for the random order, each file's share of the rows, of any sum; none: every window of every
                file is as likely as any other.

        Raises:
            DataError: a file is too short for a window, or the weights do not fit the files or the order.
        """
        if not files:
            raise DataError("there is no file to train on: give data.train_tokens")
        for file in files:
            check_length(file.tokens, context_length, file.path)
        if weights and order == "epoch":
            raise DataError(
                "data.train_weights cannot be kept in epochs, where every window comes once: "
                "leave them out, or give --data.order random"
            )
        self.order = order
        self.batch_size = batch_size
        self.context_length = context_length
        self.paths = [file.path for file in files]
        self._seed = seed
        # Plain arrays instead of memmaps, and views made once: a batch is cut out of them twenty times as fast.
        self._views = [sliding_window_view(np.asarray(file.tokens), context_length + 1) for file in files]
        self._num_starts = np.array([len(view) for view in self._views])
        self._weights = normalized_weights(weights or self._num_starts.tolist(), len(files))
        self._num_windows = (self._num_starts + context_length - 1) // context_length  # side by side
        self._windows_before = np.cumsum(self._num_windows) - self._num_windows
        # How far the windows of a file, lying side by side, can be pushed before the last one falls off its end.
        self._room = (self._num_starts - 1) % context_length
        self._dtype = np.result_type(*self._views)

    @property
    def windows_per_epoch(self) -> int:
        """Windows that lie side by side in all files: those of an epoch."""
        return int(self._num_windows.sum())

    def settings(self) -> dict[str, Any]:
        """Return what the batches follow from besides the data, as JSON."""
        return {
            "order": self.order,
            "seed": self._seed,
            "batch_size": self.batch_size,
            "context_length": self.context_length,
        }

    def check_same_epochs(self, before: Mapping[str, Any]) -> None:
        """Refuse to go on with other epochs, in which some windows would come twice and others not at all.

        Args:
            before: what `settings` returned when the run was saved; empty: not known.

        Raises:
            DataError: a setting that epochs depend on is another.
        """
        for name, value in self.settings().items():
            if before.get(name, value) != value and "epoch" in (self.order, before.get("order")):
                raise DataError(
                    f"{name} is {value} and was {before[name]}, but in epochs each window comes once, which is counted "
                    "by it: keep it, or start a new run"
                )

    def rows(self, step: int, rows: slice = slice(None)) -> Batch:
        """Return some rows of the batch of a step, or all.

        Args:
            step: counted from 1.
            rows: which of the `batch_size` rows of the global batch.

        Raises:
            ValueError: there is no such step.
        """
        if step < 1:
            raise ValueError(f"step is {step}: steps are counted from 1")
        numbers = np.arange(self.batch_size)[rows]
        files, starts = self.places(step, numbers)
        ids = np.empty((len(numbers), self.context_length + 1), self._dtype)
        for k, view in enumerate(self._views):
            chosen = files == k
            if chosen.any():
                ids[chosen] = view[starts[chosen]]
        return torch.from_numpy(ids[:, :-1].astype(np.int64)), torch.from_numpy(ids[:, 1:].astype(np.int64))

    def places(self, step: int, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each row the number of its file and where in it the row's window starts."""
        if self.order == "epoch":
            return self._epoch_places((step - 1) * self.batch_size + rows)
        words = random_words(self._seed, step, rows[:, None], (_FILE, _START))
        files = choose_files(self._weights, as_fractions(words[:, 0]))
        return files, as_integers(words[:, 1], self._num_starts[files])

    def _epoch_places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return file and start of each window of the endless row of epochs."""
        epochs, places = np.divmod(numbers, self.windows_per_epoch)
        windows = np.empty_like(places)
        for epoch in np.unique(epochs).tolist():  # more than one where an epoch ends within the batch
            now = epochs == epoch
            windows[now] = shuffled(places[now], self.windows_per_epoch, self._seed, _ORDER, epoch)
        files = np.searchsorted(self._windows_before, windows, side="right") - 1
        # In every epoch the borders between windows lie elsewhere, as far as there is room.
        offsets = as_integers(random_words(self._seed, _OFFSET, epochs, files), self._room[files] + 1)
        return files, offsets + (windows - self._windows_before[files]) * self.context_length
