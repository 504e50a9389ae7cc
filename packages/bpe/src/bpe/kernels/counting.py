"""Counting pieces with the kernels: tables that grow, one for each thread, and joined at the end."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import NamedTuple, TypeVar

import numpy as np
import regex

from bpe.kernels import count as kernel
from bpe.kernels.count import (
    BATCH,
    LONG,
    NEED_BYTES,
    NUM_BYTES,
    NUM_LONG,
    NUM_PIECES,
    NUM_SHORT,
    POSITION,
    SEGMENT,
    SHORT,
    STATE_SIZE,
    Table,
)
from bpe.kernels.layout import PADDING
from bpe.patterns import split_pieces

_FIRST_SLOTS = 1 << 12
_Chunk = TypeVar("_Chunk")


class MarkedText(NamedTuple):
    """A text in which it is marked where its pieces start; the arguments of `bpe.kernels.count.count_pieces`."""

    text: np.ndarray
    """uint8, with PADDING bytes after its end."""
    segments: np.ndarray
    """int64 `[segments, 3]`: first byte, the byte after the last, first word of its bitmap in `starts`."""
    starts: np.ndarray
    """uint64: the bitmaps."""


class PieceCounts:
    """How often each piece was met."""

    def __init__(self) -> None:
        self._table = _new_table(_FIRST_SLOTS, _FIRST_SLOTS, 1 << 16)

    @property
    def num_pieces(self) -> int:
        """How many pieces were met in all."""
        return int(self._table.state[NUM_PIECES])

    @property
    def num_distinct(self) -> int:
        """How many different pieces were met."""
        return int(self._table.state[NUM_SHORT] + self._table.state[NUM_LONG])

    def count(self, marked: MarkedText) -> None:
        """Count the pieces of a text."""
        self._table.state[SEGMENT] = self._table.state[POSITION] = 0
        while not kernel.count_pieces(self._table, *marked):
            self._table = _grown(self._table)

    def add(self, other: "PieceCounts") -> None:
        """Add the counts of another object."""
        other._table.state[SEGMENT] = other._table.state[POSITION] = 0
        while not kernel.add_table(self._table, other._table):
            self._table = _grown(self._table)

    def words(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return `(text, borders, frequency)` as `bpe.kernels.learning.learn_merges` takes them."""
        table = self._table
        short_bytes = int((table.short["high"][: table.state[NUM_SHORT]] >> np.uint64(56)).sum())
        text = np.zeros(short_bytes + int(table.state[NUM_BYTES]) + self.num_distinct + 1, np.uint8)
        borders = np.empty(self.num_distinct + 1, np.int64)
        frequency = np.empty(self.num_distinct, np.int64)
        kernel.write_words(table, text, borders, frequency)
        return text, borders, frequency


def mark_textbook(text: str, pattern: "regex.Pattern[str]") -> MarkedText:
    """Mark the pieces of a text as `bpe.patterns.split_pieces` finds them: for every pattern, and not fast."""
    encoded = text.encode()
    padded = np.zeros(len(encoded) + PADDING, np.uint8)
    padded[: len(encoded)] = np.frombuffer(encoded, np.uint8)
    pieces = split_pieces(text, pattern)
    lengths = [len(piece) if piece.isascii() else len(piece.encode()) for piece in pieces]
    borders = np.zeros(-len(encoded) % 64 + len(encoded) + 64, np.uint8)
    borders[np.cumsum(lengths, dtype=np.int64)] = 1
    starts = np.packbits(borders, bitorder="little").view("<u8")
    return MarkedText(padded, np.array([[0, len(encoded), 0]], np.int64), starts)


def count_pieces(
    chunks: Iterable[_Chunk], mark: Callable[[_Chunk], Iterable[MarkedText]], num_threads: int = 1
) -> PieceCounts:
    """Count the pieces of all chunks, in several threads.

    Args:
        chunks: whatever `mark` takes. It is only asked for the next one when a thread is free, and by one thread
            at a time.
        mark: finds the pieces of a chunk; it is called in several threads at once.
        num_threads: at least 1.
    """
    if num_threads == 1:
        return _count_all(chunks, mark)
    shared = _Shared(chunks)
    with ThreadPoolExecutor(num_threads) as pool:
        futures = [pool.submit(_count_all, shared, mark) for _ in range(num_threads)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            shared.stop()  # after an error in one thread, or an interrupt, the others need not go on
        first, *others = [future.result() for future in futures]
    for other in others:
        first.add(other)
    return first


def _count_all(chunks: Iterable[_Chunk], mark: Callable[[_Chunk], Iterable[MarkedText]]) -> PieceCounts:
    counts = PieceCounts()
    for chunk in chunks:
        for marked in mark(chunk):
            counts.count(marked)
    return counts


class _Shared(Iterator[_Chunk]):
    """Hands each item of an iterable to one of several threads."""

    def __init__(self, items: Iterable[_Chunk]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()
        self._stopped = False

    def __next__(self) -> _Chunk:
        with self._lock:
            if self._stopped:
                raise StopIteration
            return next(self._items)

    def stop(self) -> None:
        """End the iteration for all threads."""
        self._stopped = True


def _new_table(num_short: int, num_long: int, num_bytes: int) -> Table:
    """Return an empty table with room for so many pieces (powers of two) and bytes of long pieces."""
    return Table(
        slots=np.full(2 * num_short, -1, np.int32),
        short=np.empty(num_short, SHORT),
        long_slots=np.full(2 * num_long, -1, np.int32),
        long=np.empty(num_long, LONG),
        bytes=np.empty(num_bytes, np.uint8),
        state=np.zeros(STATE_SIZE, np.int64),
        batch=np.empty((2, BATCH), np.uint64),
        batch_slots=np.empty((2, BATCH), np.int64),
    )


def _grown(table: Table) -> Table:
    """Return the table with more room for what is full."""
    num_short, num_long, num_bytes = len(table.short), len(table.long), len(table.bytes)
    state = table.state
    if state[NUM_SHORT] + BATCH > num_short:
        num_short *= 2
    if state[NUM_LONG] == num_long:
        num_long *= 2
    if state[NEED_BYTES] > num_bytes:
        num_bytes = max(2 * num_bytes, int(state[NEED_BYTES]))
    larger = _new_table(num_short, num_long, num_bytes)
    larger.short[: state[NUM_SHORT]] = table.short[: state[NUM_SHORT]]
    larger.long[: state[NUM_LONG]] = table.long[: state[NUM_LONG]]
    larger.bytes[: state[NUM_BYTES]] = table.bytes[: state[NUM_BYTES]]
    larger = larger._replace(state=state)
    kernel.fill_slots(larger)
    return larger
