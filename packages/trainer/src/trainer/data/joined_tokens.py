"""The ids of several files, one after the other, read as if they were one memory-mapped array.

A window may begin in one file and end in a later one, so that every position of the whole is as good a start as in a
single file, and the windows of a batch do not depend on where the ids are cut into files.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAPPED_AT_ONCE = 256  # each map occupies a file descriptor, of which a process often has only 1,024


class JoinedTokens:
    """The ids of several files as one sequence, memory-mapped read-only.

    Files are mapped when an id of them is first read; of more than 256 those that were used last remain mapped.
    """

    def __init__(self, paths: Sequence[Path], counts: Sequence[int], dtype: np.dtype[Any]) -> None:
        """Describe the files; none is opened yet.

        Args:
            paths: files that contain ids and nothing else.
            counts: the number of ids in each of them.
            dtype: the dtype of all ids.
        """
        self.dtype = dtype
        self._paths = tuple(paths)
        self._counts = tuple(counts)
        self._ends = np.cumsum(self._counts, dtype=np.int64)
        self._file = lru_cache(maxsize=_MAPPED_AT_ONCE)(self._map)

    def __len__(self) -> int:
        """Return the number of ids in all files together."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def windows(self, starts: NDArray[np.int64], length: int) -> np.ndarray:
        """Return the `length` ids from each start on, one window a row; all must be inside the whole.

        Finding the file of a start takes time logarithmic in the number of files.
        """
        rows = np.empty((len(starts), length), self.dtype)
        files = np.searchsorted(self._ends, starts, side="right")
        for row, file, start in zip(rows, files.tolist(), starts.tolist(), strict=True):
            self._fill(row, file, start - int(self._ends[file]) + self._counts[file])
        return rows

    def _fill(self, row: np.ndarray, file: int, place: int) -> None:
        """Copy ids into a row, from a place in a file on and from as many following files as it takes."""
        filled = 0
        while filled < len(row):
            ids = self._file(file)[place : place + len(row) - filled]
            row[filled : filled + len(ids)] = ids
            filled += len(ids)
            file, place = file + 1, 0

    def _map(self, file: int) -> np.ndarray:
        """Map a file. Plain arrays are cut faster than memmaps.

        Raises:
            OSError: it cannot be opened.
            ValueError: it has become shorter.
        """
        count = self._counts[file]
        if count == 0:  # an empty file cannot be mapped
            return np.empty(0, self.dtype)
        return np.asarray(np.memmap(self._paths[file], self.dtype, "r", shape=(count,)))


class JoinedWindows:
    """All windows of a length in joined tokens, indexed by their starts, as numpy's `sliding_window_view` has them."""

    def __init__(self, tokens: JoinedTokens, length: int) -> None:
        self._tokens = tokens
        self._length = length
        self.dtype = tokens.dtype

    def __len__(self) -> int:
        """Return the number of starts."""
        return max(0, len(self._tokens) - self._length + 1)

    def __getitem__(self, starts: NDArray[np.int64]) -> np.ndarray:
        """Return the windows that begin at `starts`, one a row."""
        return self._tokens.windows(starts, self._length)


Tokens = np.ndarray | JoinedTokens
"""The ids of a token file, or of the shards of a manifest."""
