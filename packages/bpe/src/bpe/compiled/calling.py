"""Calling a kernel from Python with an array of integers as its argument. No Numba here."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from bpe.kernels.encoding.layout import NUM_ENCODING_ARGUMENTS
from bpe.kernels.runtime.linking import Kernel

_CACHE_LINE = 64


def aligned(length: int, dtype: "np.dtype | type", *, zeros: bool = False) -> "np.ndarray":
    """Return an array that begins at the start of a cache line, so that each block of 64 bytes is in one line.

    With `zeros` the memory is written now, so that the system provides it now and not page by page during encoding.
    """
    num_bytes = length * np.dtype(dtype).itemsize
    memory = np.empty(num_bytes + _CACHE_LINE, np.uint8)
    if zeros:
        memory.fill(0)
    skipped = -memory.ctypes.data % _CACHE_LINE
    return memory[skipped : skipped + num_bytes].view(dtype)


def key_masks() -> "np.ndarray":
    """Return, for lengths from 0 to 16, the parts of a key: uint64 `[3 * 17]`.

    The first 17 words mask the low 8 of 16 bytes, the next 17 the high 8, the last are the length in the highest byte.
    A length of 16 means a piece that is too long for a key: its bytes are masked out, and no key in a table has its
    length.
    """
    low = [(1 << 8 * min(m, 8)) - 1 for m in range(16)]
    high = [(1 << 8 * max(m - 8, 0)) - 1 for m in range(16)]
    return np.array([*low, 0, *high, 0, *(m << 56 for m in range(17))], np.uint64)


class Arguments:
    """The argument of a kernel, with the positions named in the layouts of `bpe.kernels`.

    Keeps the arrays alive whose addresses it contains.
    """

    def __init__(self, size: int = NUM_ENCODING_ARGUMENTS) -> None:
        """Start with nothing set: all arrays are empty, all numbers 0.

        Args:
            size: the number of positions: `NUM_ENCODING_ARGUMENTS` or `NUM_TRAINING_ARGUMENTS`.
        """
        self._values = np.zeros(size, np.int64)
        self._address = self._values.ctypes.data
        self._set: dict[int, Any] = {}

    def __setitem__(self, position: int, value: "np.ndarray | int") -> None:
        """Set an array, which has to be contiguous, or a number."""
        if isinstance(value, int):
            self._values[position] = value
        else:
            if not value.flags.c_contiguous:
                raise TypeError("kernels take contiguous arrays")
            self._values[position] = value.ctypes.data
            self._values[position + 1] = value.size
        self._set[position] = value

    def __getitem__(self, position: int) -> Any:
        """Return an array or a number that was set."""
        return self._set[position]

    def update(self, other: "Arguments") -> None:
        """Set everything that is set in `other`."""
        for position, value in other._set.items():
            self[position] = value

    def items(self) -> Iterable[tuple[int, Any]]:
        """Return the positions that were set, each with its array or number."""
        return self._set.items()

    def call(self, kernel: Kernel) -> int:
        """Call a kernel with these arguments. It releases the global interpreter lock."""
        return kernel(self._address)
