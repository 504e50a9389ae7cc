"""Counting the pieces of a chunk of text: special tokens are found, the text between them is scanned and counted.

    "to be<|endoftext|>or"   ->   [scan "to be", count its pieces]   [scan "or", count its piece]

Pieces are processed in batches, by three loops: hash them, read their slots, count. Each loop prefetches what the next
one reads.

Reference: `bpe.reference.count_pieces`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.bits import lowest_bit
from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.memory import load_word, offset_of, prefetch, view
from bpe.kernels.scanning.layout import NOT_UTF8, SPECIAL_OFFSETS, STARTS, TEXT
from bpe.kernels.scanning.scan import scan
from bpe.kernels.scanning.special import find_special, special_at
from bpe.kernels.training.layout import (
    BATCH,
    COUNTS,
    DONE,
    GROW,
    LOOKUPS,
    NUM_PIECES,
    NUM_SHORT,
    POSITION,
    SHORT_BYTES,
    SHORT_PIECES,
    SHORT_SLOTS,
    STRETCH_BEGIN,
    STRETCH_END,
    TEXT_ENDS,
    TEXT_NUMBER,
)
from bpe.kernels.training.piece_table import add_long, add_short, short_hash, slot_shift
from bpe.kernels.training.records import LOOKUP, SHORT_PIECE

_ONE, _ALL = np.uint64(1), (1 << 64) - 1
_LOW_MASK = np.array([_ALL >> (64 - 8 * min(n, 8)) if n else 0 for n in range(16)], np.uint64)
_HIGH_MASK = np.array([_ALL >> (128 - 8 * n) if n > 8 else 0 for n in range(16)], np.uint64)


@kernel
def count_chunk(a: Any) -> int:
    """Count the pieces of TEXT from where COUNTS says: `TEXT_NUMBER`, `STRETCH_…` and `POSITION` are 0 at first.

    The texts end where TEXT_ENDS says. For a pattern without a scanner there is one text, and STARTS is given.

    Returns:
        DONE, GROW, or `NOT_UTF8 - p` where the text is not UTF-8 in or before byte p.
    """
    text, ends = view(a, TEXT, np.uint8), view(a, TEXT_ENDS, np.int64)
    offsets, counts = view(a, SPECIAL_OFFSETS, np.int64), view(a, COUNTS, np.int64)
    while count_stretch(a):
        p = counts[STRETCH_END]
        while counts[TEXT_NUMBER] < ends.shape[0] and p == ends[counts[TEXT_NUMBER]]:
            counts[TEXT_NUMBER] += 1
        if counts[TEXT_NUMBER] == ends.shape[0]:
            return DONE
        end = ends[counts[TEXT_NUMBER]]
        q = find_special(text, p, end, a)
        if q > p:
            bad = scan(a, p, q)
            if bad >= 0:
                return NOT_UTF8 - bad
            counts[STRETCH_BEGIN] = counts[POSITION] = p
            counts[STRETCH_END] = q
        else:
            k = special_at(text, p, end, a)
            counts[POSITION] = counts[STRETCH_END] = p + offsets[k + 1] - offsets[k]
    return GROW


@kernel
def count_stretch(a: Any) -> bool:
    """Count the pieces of the scanned stretch from POSITION on; return False if the table has to grow first.

    Bit i of STARTS is set where a piece starts at byte i of the stretch. A piece always starts at its first byte, and
    the last one ends at its end, whatever the bits say.
    """
    text, starts, counts = view(a, TEXT, np.uint8), view(a, STARTS, np.uint64), view(a, COUNTS, np.int64)
    slots, short, keys = view(a, SHORT_SLOTS, np.int32), view(a, SHORT_PIECES, SHORT_PIECE), view(a, LOOKUPS, LOOKUP)
    shift = slot_shift(slots)
    begin, end, piece = counts[STRETCH_BEGIN], counts[STRETCH_END], counts[POSITION]
    if piece == end:
        return True
    # The search for the next border begins after the first byte of the piece.
    word = (piece + 1 - begin) >> 6
    last_word = (end - 1 - begin) >> 6
    bits = np.uint64(0)
    if word <= last_word:
        bits = starts[word] & (~np.uint64(0) << np.uint64((piece + 1 - begin) & 63))
    while piece < end:
        if counts[NUM_SHORT] + BATCH > short.shape[0]:
            counts[POSITION] = piece
            return False
        size = 0
        has_room = True
        while size < BATCH and piece < end:
            while bits == 0 and word < last_word:
                word += 1
                bits = starts[word]
            border = end
            if bits != 0:
                border = min(end, begin + (word << 6) + lowest_bit(bits))
            length = border - piece
            if length <= SHORT_BYTES:
                low = load_word(text, piece) & _LOW_MASK[length]
                high = load_word(text, piece + 8) & _HIGH_MASK[length] | (np.uint64(length) << np.uint64(56))
                slot = np.int64(short_hash(low, high) >> shift)
                prefetch(slots, offset_of(slots, slot))
                key = keys[size]
                key.low = low
                key.high = high
                key.slot = slot
                size += 1
            elif not add_long(a, text, piece, length, 1):
                has_room = False
                break
            counts[NUM_PIECES] += 1
            bits &= bits - _ONE
            piece = border
        for i in range(size):
            keys[i].number = slots[keys[i].slot]
            prefetch(short, offset_of(short, max(keys[i].number, 0)))
        for i in range(size):
            key = keys[i]
            if key.number >= 0:
                entry = short[key.number]
                if entry.low == key.low and entry.high == key.high:
                    entry.count += 1
                    continue
            add_short(a, key.slot, key.low, key.high, 1)
        if not has_room:
            counts[POSITION] = piece
            return False
    counts[POSITION] = end
    return True
