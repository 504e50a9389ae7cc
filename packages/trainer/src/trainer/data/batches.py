"""Training batches: row r of the batch of step s is a function of (seed, s, r).

So a run has no position in the data to save: a resumed run draws the rows that it would have drawn, and any number of
processes, with any number of microbatches, compute the same batch by asking for their rows.

    random   each row is a window from a random place of a random file, independent of all other rows
    epoch    row r of step s is window (s − 1) · batch_size + r of an endless sequence of epochs; each epoch contains
             every window once, in an order of its own
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.config import DataOrder
from trainer.data.counter_random import as_fractions, as_integers, random_words
from trainer.data.mixture import interval_ends, normalized_weights
from trainer.data.shuffling import shuffled
from trainer.data.token_files import DataError, TokenFile, check_length
from trainer.data.windows import Batch, window_view

_FILE, _START, _ORDER, _OFFSET = range(4)  # the purpose of a random number


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
        """Check the lengths of the files; no ids are read yet.

        Args:
            files: the files to train on.
            seed: determines every batch.
            batch_size: rows of a global batch, over all processes.
            context_length: ids in each row.
            order: `random` or `epoch`, see the module's docstring.
            weights: with the random order, the share of each file in the rows, with any sum. By default every window of
                every file is equally likely.

        Raises:
            DataError: a file is too short for a window, or the weights do not match the files or the order.
        """
        if not files:
            raise DataError("there is no file to train on: give data.train_tokens")
        for file in files:
            check_length(file.tokens, context_length, file.path)
        if weights and order == "epoch":
            raise DataError(
                "data.train_weights cannot be used with data.order = epoch, where every window comes once: "
                "remove the weights, or use --data.order random"
            )
        self.order = order
        self.batch_size = batch_size
        self.context_length = context_length
        self.paths = [file.path for file in files]
        self._seed = seed
        self._views = [window_view(file.tokens, context_length + 1) for file in files]
        self._num_starts = np.array([len(view) for view in self._views])
        self._interval_ends = interval_ends(normalized_weights(weights or self._num_starts.tolist(), len(files)))
        self._num_windows = (self._num_starts + context_length - 1) // context_length  # adjacent, without overlap
        self._windows_before = np.cumsum(self._num_windows) - self._num_windows
        # How far the adjacent windows of a file can be shifted before the last one leaves the file.
        self._slack = (self._num_starts - 1) % context_length
        self._dtype = np.result_type(*(view.dtype for view in self._views))

    @property
    def windows_per_epoch(self) -> int:
        """Number of adjacent windows in all files together."""
        return int(self._num_windows.sum())

    def settings(self) -> dict[str, Any]:
        """Return what determines the batches besides the data, as JSON."""
        return {
            "order": self.order,
            "seed": self._seed,
            "batch_size": self.batch_size,
            "context_length": self.context_length,
        }

    def check_same_epochs(self, before: Mapping[str, Any]) -> None:
        """Refuse to resume with different epochs, in which some windows would come twice and others never.

        Args:
            before: what `settings` returned when the run was saved; a missing key is not compared.

        Raises:
            DataError: a setting that determines the epochs has changed.
        """
        for name, value in self.settings().items():
            if before.get(name, value) != value and "epoch" in (self.order, before.get("order")):
                raise DataError(
                    f"{name} is {value} but was {before[name]} when the run was saved, and with data.order = epoch "
                    f"that would repeat some windows and omit others: set it to {before[name]}, or start a new run"
                )

    def rows(self, step: int, rows: slice = slice(None)) -> Batch:
        """Return the batch of a step, or some of its rows.

        Args:
            step: counted from 1.
            rows: from which row of the global batch to which; by default all `batch_size`. In random order there may be
                more, for a step with a larger batch.

        Raises:
            ValueError: the step is less than 1.
        """
        if step < 1:
            raise ValueError(f"step is {step}: steps are counted from 1")
        numbers = np.arange(rows.start or 0, self.batch_size if rows.stop is None else rows.stop)
        files, starts = self.places(step, numbers)
        ids = np.empty((len(numbers), self.context_length + 1), self._dtype)
        for k, view in enumerate(self._views):
            chosen = files == k
            if chosen.any():
                ids[chosen] = view[starts[chosen]]
        return torch.from_numpy(ids[:, :-1].astype(np.int64)), torch.from_numpy(ids[:, 1:].astype(np.int64))

    def places(self, step: int, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each row the index of its file and the place in the file where its window starts."""
        if self.order == "epoch":
            return self._epoch_places((step - 1) * self.batch_size + rows)
        words = random_words(self._seed, step, rows[:, None], (_FILE, _START))
        files = np.searchsorted(self._interval_ends, as_fractions(words[:, 0]), side="right")
        return files, as_integers(words[:, 1], self._num_starts[files])

    def _epoch_places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return file and start of windows, given their numbers in the endless sequence of epochs."""
        epochs, places = np.divmod(numbers, self.windows_per_epoch)
        windows = np.empty_like(places)
        for epoch in np.unique(epochs).tolist():  # more than one where an epoch ends within the batch
            in_epoch = epochs == epoch
            windows[in_epoch] = shuffled(places[in_epoch], self.windows_per_epoch, self._seed, _ORDER, epoch)
        files = np.searchsorted(self._windows_before, windows, side="right") - 1
        # The windows of a file are shifted by another offset in each epoch, so that their borders differ.
        offsets = as_integers(random_words(self._seed, _OFFSET, epochs, files), self._slack[files] + 1)
        return files, offsets + (windows - self._windows_before[files]) * self.context_length
