"""Calling a kernel from Python: an array of integers that says where everything stands. No Numba here."""

from typing import Any

import numpy as np

from bpe.kernels import layout
from bpe.kernels.loading import Kernel

_CACHE_LINE = 64


def aligned(length: int, dtype: "np.dtype | type", *, zeros: bool = False) -> "np.ndarray":
    """Return an array that begins where a cache line does, so that blocks of 64 bytes lie in one line each.

    Zeros are written now, so that the system provides the memory now and not page by page while a text waits.
    """
    num_bytes = length * np.dtype(dtype).itemsize
    room = np.empty(num_bytes + _CACHE_LINE, np.uint8)
    if zeros:
        room.fill(0)
    skipped = -room.ctypes.data % _CACHE_LINE
    return room[skipped : skipped + num_bytes].view(dtype)


def key_masks() -> "np.ndarray":
    """Return, for lengths from 0 to 16, what a key keeps of 16 bytes and its length byte: uint64 `[3 * 17]`.

    The first 17 words mask the low 8 bytes, the next the high ones, the last are the length. A piece of 16 bytes has
    no key of its own: it keeps nothing, and its length is one that no key in a table has.
    """
    low = [(1 << 8 * min(m, 8)) - 1 for m in range(16)]
    high = [(1 << 8 * max(m - 8, 0)) - 1 for m in range(16)]
    return np.array([*low, 0, *high, 0, *(m << 56 for m in range(17))], np.uint64)


class Arguments:
    """The argument of a kernel, by the names of `bpe.kernels.layout`. Keeps alive what it refers to."""

    def __init__(self, size: int = layout.NUM_ARGUMENTS) -> None:
        """Start with nothing set: all arrays are empty, all numbers 0. A layout with more names needs a larger size."""
        self._values = np.zeros(size, np.int64)
        self._address = self._values.ctypes.data
        self._arrays: dict[int, Any] = {}

    def __setitem__(self, name: int, value: "np.ndarray | int") -> None:
        """Set an array, which has to be contiguous, or a number."""
        if isinstance(value, int):
            self._values[name] = value
            return
        if not value.flags.c_contiguous:
            raise TypeError("kernels take contiguous arrays")
        self._values[name] = value.ctypes.data
        self._values[name + 1] = value.size
        self._arrays[name] = value

    def __getitem__(self, name: int) -> Any:
        """Return an array that was set."""
        return self._arrays[name]

    def update(self, other: "Arguments") -> None:
        """Take over what is set in `other`."""
        for name, array in other._arrays.items():
            self[name] = array
        numbers = other._values[layout.FIRST_NUMBER : layout.NUM_ARGUMENTS]
        mine = self._values[layout.FIRST_NUMBER : layout.NUM_ARGUMENTS]
        np.copyto(mine, numbers, where=numbers != 0)

    def call(self, kernel: Kernel) -> int:
        """Call a kernel with these arguments; other threads run meanwhile."""
        return kernel(self._address)
