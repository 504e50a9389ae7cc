"""Counting pieces: a hash table of the distinct ones, in memory that follows their number and not the text's length.

A text comes with a bitmap that has a bit where each piece starts, so nothing here knows of split patterns. Pieces of
up to 15 bytes, nearly all, are two 64-bit words: the bytes, zeros after them, and the length in the last byte.

    " the"  →  low 0x0000000065687420   high 0x0400000000000000

The table of short pieces has two parts. `slots`, open addressing with linear probing, holds numbers; the number leads
to an entry of `short`, in the order of first occurrence. Common pieces occur early, so their entries lie close together
and stay in the cache, and the part that is addressed at random has only four bytes a slot. Pieces are taken in batches
and by three loops: cut out and hash, look into the slots, count. Each loop asks memory for what the next one needs.

Longer pieces have a table of their own, with their bytes one after another in a buffer.

No kernel allocates. `count_pieces` returns when a table is full, and goes on from there with a larger one
(`bpe.kernels.counting`).

Textbook twin: `bpe.reference.count_pieces`.
"""

from typing import Any, NamedTuple

import numpy as np

from bpe.kernels.compiler import inlined, kernel
from bpe.kernels.memory import load_word, lowest_bit, prefetch

SHORT_BYTES = 15
"""The longest piece that fits into two words together with its length."""

SHORT = np.dtype([("low", np.uint64), ("high", np.uint64), ("count", np.int64)])
"""A piece of up to SHORT_BYTES bytes."""

LONG = np.dtype([("hash", np.uint64), ("place", np.int64), ("length", np.int64), ("count", np.int64)])
"""A longer piece: its bytes are `bytes[place : place + length]`."""

SEGMENT, POSITION, NUM_PIECES, NUM_SHORT, NUM_LONG, NUM_BYTES, NEED_BYTES, STATE_SIZE = range(8)
"""What `Table.state` holds: where counting goes on, how many pieces it has met, and how much of each array is used."""

BATCH = 256
_ONE = np.uint64(1)
_MIX_LOW, _MIX_HIGH = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)  # odd, bits well spread
_ALL = (1 << 64) - 1
_LOW_MASK = np.array([_ALL >> (64 - 8 * min(n, 8)) if n else 0 for n in range(16)], np.uint64)
_HIGH_MASK = np.array([_ALL >> (128 - 8 * n) if n > 8 else 0 for n in range(16)], np.uint64)


class Table(NamedTuple):
    """How often each distinct piece was met."""

    slots: np.ndarray
    """int32 `[a power of two]`: numbers of short pieces by hash, −1 where nothing is."""
    short: np.ndarray
    """SHORT, at most half as many as slots."""
    long_slots: np.ndarray
    """int32 `[a power of two]`: numbers of long pieces by hash, −1 where nothing is."""
    long: np.ndarray
    """LONG, at most half as many as slots."""
    bytes: np.ndarray
    """uint8: the bytes of the long pieces."""
    state: np.ndarray
    """int64 `[STATE_SIZE]`."""
    batch: np.ndarray
    """uint64 `[2, BATCH]`, scratch: the two words of each piece of a batch."""
    batch_slots: np.ndarray
    """int64 `[2, BATCH]`, scratch: the slot in which the search for it begins, and the number there."""


@inlined
def _short_hash(low: Any, high: Any) -> Any:
    """Mix two words; the upper bits are the good ones."""
    mixed = low * _MIX_LOW
    mixed = (mixed ^ (mixed >> np.uint64(32)) ^ high) * _MIX_HIGH
    return mixed ^ (mixed >> np.uint64(29))


@kernel
def _long_hash(text: np.ndarray, place: int, length: int) -> Any:
    """Hash the bytes of a long piece, eight at a time; the last eight may overlap the ones before."""
    mixed: Any = np.uint64(length)
    for p in range(place, place + length - 8, 8):
        mixed = _short_hash(mixed, load_word(text, p))
    return _short_hash(mixed, load_word(text, place + length - 8))


@kernel
def _add_short(table: Table, slot: Any, low: Any, high: Any, count: int) -> None:
    """Add to the count of a short piece, entering it if it is new. There must be room for it."""
    slots, short, state = table.slots, table.short, table.state
    mask = len(slots) - 1
    while slots[slot] >= 0:
        entry = short[slots[slot]]
        if entry.low == low and entry.high == high:
            entry.count += count
            return
        slot = (slot + 1) & mask
    slots[slot] = state[NUM_SHORT]
    entry = short[state[NUM_SHORT]]
    entry.low = low
    entry.high = high
    entry.count = count
    state[NUM_SHORT] += 1


@kernel
def _add_long(table: Table, text: np.ndarray, place: int, length: int, count: int) -> bool:
    """Add to the count of a long piece, entering it if it is new; return whether there was room."""
    state = table.state
    mask = len(table.long_slots) - 1
    hashed = _long_hash(text, place, length)
    slot = np.int64(hashed & np.uint64(mask))
    while table.long_slots[slot] >= 0:
        entry = table.long[table.long_slots[slot]]
        if entry.hash == hashed and entry.length == length:
            other = entry.place
            i = 0
            while i < length and text[place + i] == table.bytes[other + i]:
                i += 1
            if i == length:
                entry.count += count
                return True
        slot = (slot + 1) & mask
    state[NEED_BYTES] = state[NUM_BYTES] + length
    if state[NUM_LONG] == len(table.long) or state[NEED_BYTES] > len(table.bytes):
        return False
    table.long_slots[slot] = state[NUM_LONG]
    entry = table.long[state[NUM_LONG]]
    entry.hash = hashed
    entry.place = state[NUM_BYTES]
    entry.length = length
    entry.count = count
    for i in range(length):
        table.bytes[state[NUM_BYTES] + i] = text[place + i]
    state[NUM_LONG] += 1
    state[NUM_BYTES] += length
    return True


@kernel
def count_pieces(table: Table, text: np.ndarray, segments: np.ndarray, starts: np.ndarray) -> bool:
    """Count the pieces of a text; return False if the table has to grow before the next call, which goes on.

    Args:
        table: the counts so far; `state[SEGMENT]` and `state[POSITION]` are 0 at the first call.
        text: uint8, with PADDING bytes after its end.
        segments: int64 `[segments, 3]`: the first byte of a stretch of text, the byte after its last, and the word of
            `starts` in which its bitmap begins. What is between segments is not counted.
        starts: uint64: bit i of a segment's bitmap is set where a piece starts at its byte i. At its first byte one
            does, and at its end the last piece ends, whatever the bitmap says.
    """
    state, slots, short = table.state, table.slots, table.short
    shift = np.uint64(64 - lowest_bit(np.uint64(len(slots))))
    low, high = table.batch
    slot, number = table.batch_slots
    while state[SEGMENT] < len(segments):
        begin, end, first_word = segments[state[SEGMENT]]
        piece = max(begin, state[POSITION])
        # The next border is looked for after the first byte of the piece.
        word = (piece + 1 - begin) >> 6
        last_word = (end - 1 - begin) >> 6
        bits = np.uint64(0)
        if word <= last_word:
            bits = starts[first_word + word] & (~np.uint64(0) << np.uint64((piece + 1 - begin) & 63))
        while piece < end:
            if state[NUM_SHORT] + BATCH > len(short):
                state[POSITION] = piece
                return False
            size = 0
            has_room = True
            while size < BATCH and piece < end:
                while bits == 0 and word < last_word:
                    word += 1
                    bits = starts[first_word + word]
                border = end
                if bits != 0:
                    border = min(end, begin + (word << 6) + lowest_bit(bits))
                length = border - piece
                if length <= SHORT_BYTES:
                    low[size] = load_word(text, piece) & _LOW_MASK[length]
                    high[size] = load_word(text, piece + 8) & _HIGH_MASK[length] | (np.uint64(length) << np.uint64(56))
                    slot[size] = np.int64(_short_hash(low[size], high[size]) >> shift)
                    prefetch(slots, slot[size])
                    size += 1
                elif not _add_long(table, text, piece, length, 1):
                    has_room = False
                    break
                state[NUM_PIECES] += 1
                bits &= bits - _ONE
                piece = border
            for i in range(size):
                number[i] = slots[slot[i]]
                prefetch(short, max(number[i], 0))
            for i in range(size):
                if number[i] >= 0:
                    entry = short[number[i]]
                    if entry.low == low[i] and entry.high == high[i]:
                        entry.count += 1
                        continue
                _add_short(table, slot[i], low[i], high[i], 1)
            if not has_room:
                state[POSITION] = piece
                return False
        state[SEGMENT] += 1
        state[POSITION] = 0
    return True


@kernel
def add_table(table: Table, other: Table) -> bool:
    """Add the counts of another table, whose `state[SEGMENT]` and `state[POSITION]` are 0 at the first call.

    Returns False if the table has to grow before the next call, which goes on.
    """
    state, progress = table.state, other.state
    shift = np.uint64(64 - lowest_bit(np.uint64(len(table.slots))))
    while progress[SEGMENT] < progress[NUM_SHORT]:
        if state[NUM_SHORT] == len(table.short):
            return False
        entry = other.short[progress[SEGMENT]]
        slot = np.int64(_short_hash(entry.low, entry.high) >> shift)
        _add_short(table, slot, entry.low, entry.high, entry.count)
        progress[SEGMENT] += 1
    while progress[POSITION] < progress[NUM_LONG]:
        entry = other.long[progress[POSITION]]
        if not _add_long(table, other.bytes, entry.place, entry.length, entry.count):
            return False
        progress[POSITION] += 1
    state[NUM_PIECES] += progress[NUM_PIECES]
    return True


@kernel
def fill_slots(table: Table) -> None:
    """Enter all pieces into the slots, which are empty."""
    shift = np.uint64(64 - lowest_bit(np.uint64(len(table.slots))))
    mask = len(table.slots) - 1
    for number in range(table.state[NUM_SHORT]):
        entry = table.short[number]
        slot = np.int64(_short_hash(entry.low, entry.high) >> shift)
        while table.slots[slot] >= 0:
            slot = (slot + 1) & mask
        table.slots[slot] = number
    mask = len(table.long_slots) - 1
    for number in range(table.state[NUM_LONG]):
        slot = np.int64(table.long[number].hash & np.uint64(mask))
        while table.long_slots[slot] >= 0:
            slot = (slot + 1) & mask
        table.long_slots[slot] = number


@kernel
def write_words(table: Table, text: np.ndarray, borders: np.ndarray, frequency: np.ndarray) -> None:
    """Write the pieces one after another, one byte 0 before, between and after them.

    Args:
        table: the counts.
        text: uint8, zero, with room for all pieces and the bytes between them.
        borders: int64 `[pieces + 1]`: gets the places of these bytes.
        frequency: int64 `[pieces]`: gets the counts.
    """
    p: Any = 0
    borders[0] = 0
    num_short = table.state[NUM_SHORT]
    for number in range(num_short):
        entry = table.short[number]
        length = np.int64(entry.high >> np.uint64(56))
        for i in range(length):
            half = entry.low if i < 8 else entry.high
            text[p + 1 + i] = np.uint8((half >> np.uint64(8 * (i & 7))) & np.uint64(0xFF))
        p += 1 + length
        borders[number + 1] = p
        frequency[number] = entry.count
    for number in range(table.state[NUM_LONG]):
        longer = table.long[number]
        for i in range(longer.length):
            text[p + 1 + i] = table.bytes[longer.place + i]
        p += 1 + longer.length
        borders[num_short + number + 1] = p
        frequency[num_short + number] = longer.count
