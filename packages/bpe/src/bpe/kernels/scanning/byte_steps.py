"""Splitting the pieces that a scanner has found again, by the bytes that they consist of.

The steps for this (`bpe.automata.byte_steps`) are an automaton, and a set of bytes without which no piece is split. The
kernel looks for these bytes, 64 at a time, and follows the automaton only through the pieces that have one.

Reference: `bpe.pre_tokenizers.SplitSteps.split`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.compiler import inlined, kernel
from bpe.kernels.runtime.memory import view
from bpe.kernels.scanning.layout import (
    BYTE_MATCHING,
    BYTE_SYMBOLS,
    DEAD_STATE,
    NUM_BYTE_SYMBOLS,
    SPLITTING_BYTES,
    STARTS,
    TEXT,
)
from bpe.kernels.scanning.starts import last_start, mark, next_start


@inlined
def next_splitting(text: np.ndarray, is_splitting: np.ndarray, p: int, end: int) -> int:
    """Return the first byte from p at which a piece may be split; `end` or more if there is none."""
    while p < end:
        found = np.uint8(0)
        for k in range(64):  # which may be after the end: a text has as many bytes of padding
            found |= is_splitting[text[p + k]]
        if found:
            while not is_splitting[text[p]]:
                p += 1
            return p
        p += 64
    return p


@inlined
def piece_end(
    text: np.ndarray, symbol_of: np.ndarray, matching: np.ndarray, num_symbols: int, p: int, stop: int
) -> int:
    """Return where the piece that begins at p ends, within a piece that ends at `stop`."""
    state, found = np.int64(0), p
    while True:
        symbol = num_symbols - 2 if p == stop else np.int64(symbol_of[text[p]])
        step = np.int64(matching[state * num_symbols + symbol])
        if step & 1:
            found = p
        state = step >> 1
        if state == DEAD_STATE or p == stop:
            return found
        p += 1


@kernel
def split_bytes(a: Any, begin: int, end: int) -> None:
    """Split the pieces of the bytes from `begin` to `end`, which a scanner has found, in the steps for bytes."""
    text, starts = view(a, TEXT, np.uint8), view(a, STARTS, np.uint64)
    is_splitting, symbol_of = view(a, SPLITTING_BYTES, np.uint8), view(a, BYTE_SYMBOLS, np.uint8)
    matching, num_symbols = view(a, BYTE_MATCHING, np.uint16), a[NUM_BYTE_SYMBOLS]
    p = next_splitting(text, is_splitting, begin, end)
    while p < end:
        stop = begin + next_start(starts, p + 1 - begin, end - begin)
        p = begin + last_start(starts, p - begin)
        while p < stop:
            p = piece_end(text, symbol_of, matching, num_symbols, p, stop)
            if p < stop:
                mark(starts, p - begin)
        p = next_splitting(text, is_splitting, stop, end)
