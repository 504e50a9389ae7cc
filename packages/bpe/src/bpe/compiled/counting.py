"""Counting pieces with the kernels: a table that grows, and the buffers of the thread that fills it."""

from collections.abc import Sequence

import numpy as np

from bpe.compiled.calling import Arguments, aligned
from bpe.compiled.scanner import scanner_arguments
from bpe.compiled.worker import NotUtf8Error, Specials
from bpe.kernels.loading import kernel
from bpe.kernels.runtime.layout import PADDING, TASK
from bpe.kernels.scanning import layout as scanning
from bpe.kernels.scanning.class_table import NUM_CLASSES
from bpe.kernels.training import layout as training, records

_FIRST_ROOM = 1 << 12
_FIRST_BYTES = 1 << 16
_TABLE = (training.SHORT_PIECES, training.LONG_PIECES, training.LONG_PIECE_BYTES, training.COUNTS)
_OTHER_TABLE = (
    training.OTHER_SHORT_PIECES,
    training.OTHER_LONG_PIECES,
    training.OTHER_LONG_PIECE_BYTES,
    training.OTHER_COUNTS,
)


class PieceCounter:
    """How often each piece occurs. Used by one thread at a time."""

    def __init__(self, pattern: str, specials: Specials) -> None:
        """Make an empty table.

        Args:
            pattern: the regular expression that splits text; if it has no scanner, the caller has to split the text.
            specials: special tokens, which are not counted; none for a pattern without a scanner.
        """
        self._kernel = kernel("train")
        self._a = a = Arguments(training.NUM_TRAINING_ARGUMENTS)
        a.update(specials.arguments)
        a.update(scanner_arguments(pattern))
        a[scanning.MASKS] = np.zeros(NUM_CLASSES, np.uint64)
        a[scanning.SYMBOLS] = np.zeros(scanning.NUM_BLOCK_SYMBOLS, np.uint8)
        a[scanning.STATE] = np.zeros(scanning.STATE_SIZE, np.uint64)
        a[training.LOOKUPS] = np.empty(training.BATCH, records.LOOKUP)
        self._counts = a[training.COUNTS] = np.zeros(training.NUM_COUNTS, np.int64)
        self._capacity = -1
        self._new_table(_FIRST_ROOM, _FIRST_ROOM, _FIRST_BYTES)

    @property
    def num_pieces(self) -> int:
        """The number of pieces counted."""
        return int(self._counts[training.NUM_PIECES])

    @property
    def num_distinct(self) -> int:
        """The number of different pieces."""
        return int(self._counts[training.NUM_SHORT] + self._counts[training.NUM_LONG])

    @property
    def num_bytes(self) -> int:
        """The memory of the table, in bytes, with its slots."""
        return sum(self._a[name].nbytes for name in (*_TABLE, training.SHORT_SLOTS, training.LONG_SLOTS))

    def buffer(self, num_bytes: int) -> memoryview:
        """Return the memory to write the next chunk of `num_bytes` bytes to."""
        if num_bytes > self._capacity:
            self._text = self._a[scanning.TEXT] = aligned(num_bytes + PADDING, np.uint8, zeros=True)
            self._a[scanning.STARTS] = aligned(num_bytes // 64 + 2, np.uint64)
            self._capacity = num_bytes
        return self._text.data[:num_bytes]

    def count_buffer(self, ends: Sequence[int], starts: "np.ndarray | None" = None) -> None:
        """Count the pieces of what was written to `buffer(ends[-1])`.

        Args:
            ends: where each of the texts in the buffer ends, ascending.
            starts: uint64, for patterns without a scanner: a bit for each byte, set where a piece starts. The border
                between two texts is then only the start of a piece.

        Raises:
            NotUtf8Error: the chunk is not UTF-8.
        """
        a, counts, num_bytes = self._a, self._counts, ends[-1]
        self._text[num_bytes : num_bytes + PADDING] = 0
        if starts is not None:
            a[scanning.STARTS] = starts
            ends = ends[-1:]
        a[training.TEXT_ENDS] = np.array(ends, np.int64)
        counts[[training.TEXT_NUMBER, training.STRETCH_BEGIN, training.STRETCH_END, training.POSITION]] = 0
        while (outcome := self._do(training.COUNT)) == training.GROW:
            self._grow()
        if outcome != training.DONE:
            raise NotUtf8Error("the chunk is not UTF-8")

    def add(self, other: "PieceCounter") -> None:
        """Add the counts of another counter."""
        a = self._a
        for name, other_name in zip(_TABLE, _OTHER_TABLE, strict=True):
            a[other_name] = other._a[name]
        other._counts[[training.TEXT_NUMBER, training.POSITION]] = 0
        while self._do(training.ADD_TABLE) == training.GROW:
            self._grow()
        for name in _OTHER_TABLE:
            a[name] = np.empty(0, np.int64)

    def words(self) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
        """Return `(words, borders, frequency)` as `bpe.compiled.learning.learn_merges` takes them."""
        a, counts = self._a, self._counts
        short_bytes = int((a[training.SHORT_PIECES]["high"][: counts[training.NUM_SHORT]] >> np.uint64(56)).sum())
        words = np.zeros(short_bytes + int(counts[training.NUM_BYTES]) + self.num_distinct + 1, np.uint8)
        borders, frequency = np.empty(self.num_distinct + 1, np.int64), np.empty(self.num_distinct, np.int64)
        a[training.WORDS], a[training.BORDERS], a[training.FREQUENCY] = words, borders, frequency
        self._do(training.WRITE_WORDS)
        return words, borders, frequency

    def _do(self, task: int) -> int:
        self._a[TASK] = task
        return self._a.call(self._kernel)

    def _new_table(self, num_short: int, num_long: int, num_bytes: int) -> None:
        """Make a table for the given numbers of pieces (powers of two) and bytes of long pieces."""
        a = self._a
        a[training.SHORT_SLOTS] = np.full(2 * num_short, -1, np.int32)
        a[training.SHORT_PIECES] = np.empty(num_short, records.SHORT_PIECE)
        a[training.LONG_SLOTS] = np.full(2 * num_long, -1, np.int32)
        a[training.LONG_PIECES] = np.empty(num_long, records.LONG_PIECE)
        a[training.LONG_PIECE_BYTES] = np.empty(num_bytes, np.uint8)

    def _grow(self) -> None:
        """Make more room where it is full."""
        a, counts = self._a, self._counts
        short, long, known = a[training.SHORT_PIECES], a[training.LONG_PIECES], a[training.LONG_PIECE_BYTES]
        num_short, num_long, num_bytes = len(short), len(long), len(known)
        if counts[training.NUM_SHORT] + training.BATCH > num_short:
            num_short *= 2
        if counts[training.NUM_LONG] == num_long:
            num_long *= 2
        if counts[training.NEED_BYTES] > num_bytes:
            num_bytes = max(2 * num_bytes, int(counts[training.NEED_BYTES]))
        self._new_table(num_short, num_long, num_bytes)
        for name, array, used in (
            (training.SHORT_PIECES, short, counts[training.NUM_SHORT]),
            (training.LONG_PIECES, long, counts[training.NUM_LONG]),
            (training.LONG_PIECE_BYTES, known, counts[training.NUM_BYTES]),
        ):
            a[name][:used] = array[:used]
        self._do(training.FILL_SLOTS)


def piece_starts(lengths: Sequence[int]) -> "np.ndarray":
    """Return the bits for pieces of the given lengths in bytes: uint64, bit i set where one starts at byte i."""
    ends = np.cumsum(lengths, dtype=np.int64)
    borders = np.zeros((int(ends[-1]) // 64 + 1) * 64, np.uint8)
    borders[ends] = 1
    return np.packbits(borders, bitorder="little").view("<u8")
