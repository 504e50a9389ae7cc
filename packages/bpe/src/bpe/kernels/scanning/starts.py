"""The bits of STARTS, one for each byte of a text, counted from where a scan began; set where a piece starts."""

import numpy as np

from bpe.kernels.runtime.bits import highest_bit, lowest_bit
from bpe.kernels.runtime.compiler import inlined, kernel

_ONE, _ALL = np.uint64(1), ~np.uint64(0)


@inlined
def mark(starts: np.ndarray, position: int) -> None:
    """Set the bit of a byte."""
    starts[position >> 6] |= _ONE << np.uint64(position & 63)


@kernel
def last_start(starts: np.ndarray, position: int) -> int:
    """Return the last byte up to `position` at which a piece starts."""
    word = position >> 6
    bits = starts[word] & (_ALL >> np.uint64(63 - (position & 63)))
    while bits == 0:
        word -= 1
        bits = starts[word]
    return (word << 6) + highest_bit(bits)


@kernel
def next_start(starts: np.ndarray, position: int, length: int) -> int:
    """Return the first byte from `position` on at which a piece starts; `length` if there is none before it."""
    if position >= length:
        return length
    word = position >> 6
    bits = starts[word] & (_ALL << np.uint64(position & 63))
    while bits == 0:
        word += 1
        if word << 6 >= length:
            return length
        bits = starts[word]
    return min(length, (word << 6) + lowest_bit(bits))
