"""A hash table of distinct pieces. Its memory grows with their number, not with the length of the text.

Pieces of up to 15 bytes, nearly all, are two 64-bit words: the bytes, zeros after them, and the length in the last
byte.

    " the"  →  low 0x0000000065687420   high 0x0400000000000000

The table of short pieces has two parts. SHORT_SLOTS, with open addressing and linear probing, contains numbers; the
number is the index of an entry of SHORT_PIECES, which are in the order of first occurrence. Common pieces occur early,
so their entries are close together and stay in the processor's cache, and the part that is accessed at random has only
four bytes a slot.

Longer pieces have a table of their own, with their bytes one after another in a buffer.

No kernel allocates. When a table is full they return GROW, and the next call continues with a larger one
(`bpe.compiled.counting`).

Reference: the `Counter` of `bpe.reference.count_pieces`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.bits import lowest_bit
from bpe.kernels.runtime.compiler import inlined, kernel
from bpe.kernels.runtime.memory import load_word, view
from bpe.kernels.training.layout import (
    BORDERS,
    COUNTS,
    DONE,
    FREQUENCY,
    GROW,
    LONG_PIECE_BYTES,
    LONG_PIECES,
    LONG_SLOTS,
    NEED_BYTES,
    NUM_BYTES,
    NUM_LONG,
    NUM_PIECES,
    NUM_SHORT,
    OTHER_COUNTS,
    OTHER_LONG_PIECE_BYTES,
    OTHER_LONG_PIECES,
    OTHER_SHORT_PIECES,
    POSITION,
    SHORT_PIECES,
    SHORT_SLOTS,
    TEXT_NUMBER,
    WORDS,
)
from bpe.kernels.training.records import LONG_PIECE, SHORT_PIECE

_MIX_LOW, _MIX_HIGH = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)  # odd, bits well spread


@inlined
def short_hash(low: Any, high: Any) -> Any:
    """Mix two words; use the upper bits, which are mixed best."""
    mixed = low * _MIX_LOW
    mixed = (mixed ^ (mixed >> np.uint64(32)) ^ high) * _MIX_HIGH
    return mixed ^ (mixed >> np.uint64(29))


@inlined
def slot_shift(slots: np.ndarray) -> Any:
    """Return by how much to shift a hash right for a number below the number of slots."""
    return np.uint64(64 - lowest_bit(np.uint64(slots.shape[0])))


@kernel
def _long_hash(text: np.ndarray, place: int, length: int) -> Any:
    """Hash the bytes of a long piece, eight at a time; the last eight may overlap those before."""
    mixed: Any = np.uint64(length)
    for p in range(place, place + length - 8, 8):
        mixed = short_hash(mixed, load_word(text, p))
    return short_hash(mixed, load_word(text, place + length - 8))


@kernel
def add_short(a: Any, slot: int, low: Any, high: Any, count: int) -> None:
    """Add to the count of a short piece, or add the piece if it is new. There must be room for it."""
    slots, short, counts = view(a, SHORT_SLOTS, np.int32), view(a, SHORT_PIECES, SHORT_PIECE), view(a, COUNTS, np.int64)
    mask = slots.shape[0] - 1
    while slots[slot] >= 0:
        entry = short[slots[slot]]
        if entry.low == low and entry.high == high:
            entry.count += count
            return
        slot = (slot + 1) & mask
    slots[slot] = counts[NUM_SHORT]
    entry = short[counts[NUM_SHORT]]
    entry.low = low
    entry.high = high
    entry.count = count
    counts[NUM_SHORT] += 1


@kernel
def add_long(a: Any, text: np.ndarray, place: int, length: int, count: int) -> bool:
    """Add to the count of a long piece, or add the piece if it is new; return whether there was room."""
    slots, pieces, counts = view(a, LONG_SLOTS, np.int32), view(a, LONG_PIECES, LONG_PIECE), view(a, COUNTS, np.int64)
    known = view(a, LONG_PIECE_BYTES, np.uint8)
    mask = slots.shape[0] - 1
    hashed = _long_hash(text, place, length)
    slot = np.int64(hashed & np.uint64(mask))
    while slots[slot] >= 0:
        entry = pieces[slots[slot]]
        if entry.hash == hashed and entry.length == length:
            other = entry.place
            i = 0
            while i < length and text[place + i] == known[other + i]:
                i += 1
            if i == length:
                entry.count += count
                return True
        slot = (slot + 1) & mask
    counts[NEED_BYTES] = counts[NUM_BYTES] + length
    if counts[NUM_LONG] == pieces.shape[0] or counts[NEED_BYTES] > known.shape[0]:
        return False
    slots[slot] = counts[NUM_LONG]
    entry = pieces[counts[NUM_LONG]]
    entry.hash = hashed
    entry.place = counts[NUM_BYTES]
    entry.length = length
    entry.count = count
    for i in range(length):
        known[counts[NUM_BYTES] + i] = text[place + i]
    counts[NUM_LONG] += 1
    counts[NUM_BYTES] += length
    return True


@kernel
def add_table(a: Any) -> int:
    """Add the counts of another table, whose TEXT_NUMBER and POSITION are 0 at the first call; return DONE or GROW."""
    counts, done = view(a, COUNTS, np.int64), view(a, OTHER_COUNTS, np.int64)
    slots, room = view(a, SHORT_SLOTS, np.int32), view(a, SHORT_PIECES, SHORT_PIECE).shape[0]
    short, long = view(a, OTHER_SHORT_PIECES, SHORT_PIECE), view(a, OTHER_LONG_PIECES, LONG_PIECE)
    text = view(a, OTHER_LONG_PIECE_BYTES, np.uint8)
    shift = slot_shift(slots)
    while done[TEXT_NUMBER] < done[NUM_SHORT]:
        if counts[NUM_SHORT] == room:
            return GROW
        entry = short[done[TEXT_NUMBER]]
        slot = np.int64(short_hash(entry.low, entry.high) >> shift)
        add_short(a, slot, entry.low, entry.high, entry.count)
        done[TEXT_NUMBER] += 1
    while done[POSITION] < done[NUM_LONG]:
        longer = long[done[POSITION]]
        if not add_long(a, text, longer.place, longer.length, longer.count):
            return GROW
        done[POSITION] += 1
    counts[NUM_PIECES] += done[NUM_PIECES]
    return DONE


@kernel
def fill_slots(a: Any) -> int:
    """Write the numbers of all pieces to the slots, which are empty."""
    slots, short, counts = view(a, SHORT_SLOTS, np.int32), view(a, SHORT_PIECES, SHORT_PIECE), view(a, COUNTS, np.int64)
    shift = slot_shift(slots)
    mask = slots.shape[0] - 1
    for number in range(counts[NUM_SHORT]):
        slot = np.int64(short_hash(short[number].low, short[number].high) >> shift)
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = number
    slots, long = view(a, LONG_SLOTS, np.int32), view(a, LONG_PIECES, LONG_PIECE)
    mask = slots.shape[0] - 1
    for number in range(counts[NUM_LONG]):
        slot = np.int64(long[number].hash & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = number
    return DONE


@kernel
def write_words(a: Any) -> int:
    """Write the pieces one after another into WORDS, which is zero, and fill BORDERS and FREQUENCY."""
    short, long, counts = (
        view(a, SHORT_PIECES, SHORT_PIECE),
        view(a, LONG_PIECES, LONG_PIECE),
        view(a, COUNTS, np.int64),
    )
    known, words = view(a, LONG_PIECE_BYTES, np.uint8), view(a, WORDS, np.uint8)
    borders, frequency = view(a, BORDERS, np.int64), view(a, FREQUENCY, np.int64)
    p: Any = 0
    borders[0] = 0
    num_short = counts[NUM_SHORT]
    for number in range(num_short):
        entry = short[number]
        length = np.int64(entry.high >> np.uint64(56))
        for i in range(length):
            half = entry.low if i < 8 else entry.high
            words[p + 1 + i] = np.uint8((half >> np.uint64(8 * (i & 7))) & np.uint64(0xFF))
        p += 1 + length
        borders[number + 1] = p
        frequency[number] = entry.count
    for number in range(counts[NUM_LONG]):
        longer = long[number]
        for i in range(longer.length):
            words[p + 1 + i] = known[longer.place + i]
        p += 1 + longer.length
        borders[num_short + number + 1] = p
        frequency[num_short + number] = longer.count
    return DONE
