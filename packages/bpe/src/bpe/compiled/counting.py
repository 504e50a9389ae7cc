"""Counting pieces with the kernels: a table that grows, and the buffers of whoever fills it."""

from collections.abc import Sequence

import numpy as np

from bpe.compiled.calling import Arguments, aligned
from bpe.compiled.model import pattern_code, shared_class_table
from bpe.compiled.worker import NotUtf8Error, Specials
from bpe.kernels import layout, training_layout as tl
from bpe.kernels.class_table import NUM_CLASSES
from bpe.kernels.loading import kernel
from bpe.patterns import PATTERNS

_FIRST_ROOM = 1 << 12
_FIRST_BYTES = 1 << 16
_NUM_MASKS = 8
_TABLE = (tl.SHORT_PIECES, tl.LONG_PIECES, tl.LONG_BYTES, tl.COUNTS)
_OTHER_TABLE = (tl.OTHER_SHORT_PIECES, tl.OTHER_LONG_PIECES, tl.OTHER_LONG_BYTES, tl.OTHER_COUNTS)


class PieceCounter:
    """How often each piece was met. Used by one thread at a time."""

    def __init__(self, pattern: str, specials: Specials) -> None:
        """Make an empty table.

        Args:
            pattern: the regular expression that splits text; if it has no scanner, whoever calls has to split.
            specials: special tokens, which are not counted; none for a pattern without a scanner.
        """
        self._kernel = kernel("train")
        self._a = a = Arguments(tl.NUM_ARGUMENTS)
        a.update(specials.arguments)
        a[layout.PATTERN] = pattern_code(pattern)
        a[layout.CLASS_TABLE] = shared_class_table(cased=pattern == PATTERNS["o200k"])
        a[layout.STATE] = np.zeros(8, np.uint64)
        a[tl.KEYS] = np.empty(tl.BATCH, tl.KEY)
        self._counts = a[tl.COUNTS] = np.zeros(tl.NUM_COUNTS, np.int64)
        self._capacity = -1
        self._new_table(_FIRST_ROOM, _FIRST_ROOM, _FIRST_BYTES)

    @property
    def num_pieces(self) -> int:
        """How many pieces were met in all."""
        return int(self._counts[tl.NUM_PIECES])

    @property
    def num_distinct(self) -> int:
        """How many different pieces were met."""
        return int(self._counts[tl.NUM_SHORT] + self._counts[tl.NUM_LONG])

    @property
    def num_bytes(self) -> int:
        """How much memory the table takes, with its slots."""
        return sum(self._a[name].nbytes for name in (*_TABLE, tl.SLOTS, tl.LONG_SLOTS))

    def buffer(self, num_bytes: int) -> memoryview:
        """Return the memory into which the next chunk, of so many bytes, is to be written."""
        if num_bytes > self._capacity:
            words = num_bytes // 64 + 2
            self._text = self._a[layout.TEXT] = aligned(num_bytes + layout.PADDING, np.uint8, zeros=True)
            self._a[layout.STARTS] = aligned(words, np.uint64)
            self._a[layout.MASKS] = aligned(NUM_CLASSES + _NUM_MASKS * words, np.uint64)
            self._capacity = num_bytes
        return self._text.data[:num_bytes]

    def count_buffer(self, ends: Sequence[int], starts: "np.ndarray | None" = None) -> None:
        """Count the pieces of what was written into `buffer(ends[-1])`.

        Args:
            ends: it is several texts; where each ends, ascending.
            starts: uint64, for patterns without a scanner: a bit for each byte, set where a piece starts. A text is
                then no more than a piece that starts at its first byte.

        Raises:
            NotUtf8Error: the chunk is not UTF-8.
        """
        a, counts, num_bytes = self._a, self._counts, ends[-1]
        self._text[num_bytes : num_bytes + layout.PADDING] = 0
        if starts is not None:
            a[layout.STARTS] = starts
            ends = ends[-1:]
        a[tl.TEXT_ENDS] = np.array(ends, np.int64)
        counts[[tl.TEXT_NUMBER, tl.STRETCH_BEGIN, tl.STRETCH_END, tl.POSITION]] = 0
        while (outcome := self._do(tl.COUNT)) == tl.GROW:
            self._grow()
        if outcome != tl.DONE:
            raise NotUtf8Error("the chunk is not UTF-8")

    def add(self, other: "PieceCounter") -> None:
        """Add the counts of another counter."""
        a = self._a
        for name, other_name in zip(_TABLE, _OTHER_TABLE, strict=True):
            a[other_name] = other._a[name]
        other._counts[[tl.TEXT_NUMBER, tl.POSITION]] = 0
        while self._do(tl.ADD_TABLE) == tl.GROW:
            self._grow()
        for name in _OTHER_TABLE:
            a[name] = np.empty(0, np.int64)

    def words(self) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
        """Return `(words, borders, frequency)` as `bpe.compiled.learning.learn_merges` takes them."""
        a, counts = self._a, self._counts
        short_bytes = int((a[tl.SHORT_PIECES]["high"][: counts[tl.NUM_SHORT]] >> np.uint64(56)).sum())
        words = np.zeros(short_bytes + int(counts[tl.NUM_BYTES]) + self.num_distinct + 1, np.uint8)
        borders, frequency = np.empty(self.num_distinct + 1, np.int64), np.empty(self.num_distinct, np.int64)
        a[tl.WORDS], a[tl.BORDERS], a[tl.FREQUENCY] = words, borders, frequency
        self._do(tl.WRITE_WORDS)
        return words, borders, frequency

    def _do(self, task: int) -> int:
        self._a[layout.TASK] = task
        return self._a.call(self._kernel)

    def _new_table(self, num_short: int, num_long: int, num_bytes: int) -> None:
        """Make room for so many pieces (powers of two) and bytes of long pieces."""
        a = self._a
        a[tl.SLOTS] = np.full(2 * num_short, -1, np.int32)
        a[tl.SHORT_PIECES] = np.empty(num_short, tl.SHORT)
        a[tl.LONG_SLOTS] = np.full(2 * num_long, -1, np.int32)
        a[tl.LONG_PIECES] = np.empty(num_long, tl.LONG)
        a[tl.LONG_BYTES] = np.empty(num_bytes, np.uint8)

    def _grow(self) -> None:
        """Make more room for what is full."""
        a, counts = self._a, self._counts
        short, long, known = a[tl.SHORT_PIECES], a[tl.LONG_PIECES], a[tl.LONG_BYTES]
        num_short, num_long, num_bytes = len(short), len(long), len(known)
        if counts[tl.NUM_SHORT] + tl.BATCH > num_short:
            num_short *= 2
        if counts[tl.NUM_LONG] == num_long:
            num_long *= 2
        if counts[tl.NEED_BYTES] > num_bytes:
            num_bytes = max(2 * num_bytes, int(counts[tl.NEED_BYTES]))
        self._new_table(num_short, num_long, num_bytes)
        for name, array, used in (
            (tl.SHORT_PIECES, short, counts[tl.NUM_SHORT]),
            (tl.LONG_PIECES, long, counts[tl.NUM_LONG]),
            (tl.LONG_BYTES, known, counts[tl.NUM_BYTES]),
        ):
            a[name][:used] = array[:used]
        self._do(tl.FILL_SLOTS)


def piece_starts(lengths: Sequence[int]) -> "np.ndarray":
    """Return the bits for pieces of so many bytes: uint64, bit i set where one starts at byte i."""
    ends = np.cumsum(lengths, dtype=np.int64)
    borders = np.zeros((int(ends[-1]) // 64 + 1) * 64, np.uint8)
    borders[ends] = 1
    return np.packbits(borders, bitorder="little").view("<u8")
