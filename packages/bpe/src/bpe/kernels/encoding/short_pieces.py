"""The cache of short pieces: from a key to the ids of the piece, without a branch on how many there are.

The cache is a hash table with linear probing. A slot has 32 bytes, four words:

    word 0, 1    the key; a slot with word 1 = 0 is empty
    word 2, 3    up to three ids of 32 bits or seven of 16, and, in the highest 32 or 16 bits, their number

So a hit is one load of a key, one comparison and one store of 16 bytes, of which the cursor then skips only those that
are ids. (A piece with more ids has them in CACHED_IDS, at the offset in word 2.) With ids of 16 bits, words 2 and 3 of
the slot of " the" are `262, 1 << 48`. The type of the output decides the width of ids, and Numba compiles the same
source for both.

Reference: the dictionary `bpe.piece_ids.PieceIds`.
"""

from typing import Any

import numpy as np

from bpe.kernels.encoding.keys import key_high, key_low, key_slot
from bpe.kernels.encoding.layout import (
    CACHE_COUNTERS,
    CACHED_IDS,
    IGNORE_MERGES,
    KEY_MASKS,
    MAX_PROBES,
    SHORT_CACHE,
    SHORT_CACHE_SHIFT,
    SHORT_USED,
)
from bpe.kernels.encoding.long_pieces import cache_ids, copy_ids
from bpe.kernels.encoding.merge import merge_short
from bpe.kernels.runtime.compiler import inlined, kernel, never_inline
from bpe.kernels.runtime.memory import copy_16, equal_16, item_bits, load_word, offset_of, store_word, view
from bpe.kernels.scanning.layout import TEXT

_ONE, _LOW = np.uint64(1), np.uint64(0xFFFF_FFFF)


@inlined
def count_shift(out: np.ndarray) -> int:
    """Return by how much the last word of a slot is shifted right to give the number of ids."""
    return np.uint64(64 - item_bits(out))


@kernel
def look_up(keys: np.ndarray, k: int, end: int, table: np.ndarray, out: np.ndarray, cursor: int) -> tuple[int, int]:
    """Write the ids of the keys from byte k on, up to the first that is unknown or has more ids than fit into a slot.

    Returns:
        The byte of that key in `keys`, or `end`; and the cursor after the last id.
    """
    never_inline()
    last_slot = (table.shape[0] << 3) - 1
    while k < end:
        slot = np.int64(load_word(keys, k + 16) & _LOW)
        probes = 1
        while not equal_16(keys, k, table, slot):
            if load_word(table, slot + 8) == 0 or probes == MAX_PROBES:
                return k, cursor
            slot = (slot + 32) & last_slot
            probes += 1
        count = np.int64(load_word(table, slot + 24) >> count_shift(out))
        if count * item_bits(out) >= 128:
            return k, cursor
        copy_16(table, slot + 16, out, offset_of(out, cursor))
        cursor += count
        k += 24
    return k, cursor


@kernel
def cache_short(a: Any, slot: int, low: int, high: int, out: np.ndarray, cursor: int, count: int) -> int:
    """Add the ids at the cursor to an empty slot, unless the table is three quarters full."""
    table, counters = view(a, SHORT_CACHE, np.uint64), view(a, CACHE_COUNTERS, np.int64)
    if 16 * counters[SHORT_USED] >= 3 * table.shape[0]:
        return 0
    first, second = load_word(out, offset_of(out, cursor)), load_word(out, offset_of(out, cursor) + 8)
    if count * item_bits(out) >= 128:
        offset = cache_ids(a, out, cursor, count)
        if offset < 0:
            return 0
        first = np.uint64(offset)
    below_count = (_ONE << count_shift(out)) - _ONE
    store_word(table, slot, low)
    store_word(table, slot + 8, high)
    store_word(table, slot + 16, first)
    store_word(table, slot + 24, (second & below_count) | np.uint64(count) << count_shift(out))
    counters[SHORT_USED] += 1
    return 0


@kernel
def encode_short(a: Any, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Encode a piece of at most 15 bytes that may be new; return the cursor after its ids."""
    text, table = view(a, TEXT, np.uint8), view(a, SHORT_CACHE, np.uint64)
    masks = view(a, KEY_MASKS, np.uint64)
    low, high = key_low(text, begin, end - begin, masks), key_high(text, begin, end - begin, masks)
    last_slot = (table.shape[0] << 3) - 1
    slot = key_slot(low, high, a[SHORT_CACHE_SHIFT])
    probes = 1
    while load_word(table, slot + 8) != 0:
        if load_word(table, slot) == low and load_word(table, slot + 8) == high:
            count = np.int64(load_word(table, slot + 24) >> count_shift(out))
            if count * item_bits(out) >= 128:
                offset = np.int64(load_word(table, slot + 16))
                return copy_ids(view(a, CACHED_IDS, out.dtype), offset, count, out, cursor)
            copy_16(table, slot + 16, out, offset_of(out, cursor))
            return cursor + count
        if probes >= MAX_PROBES and a[IGNORE_MERGES] == 0:  # (with IGNORE_MERGES only the table has all tokens)
            return cursor + merge_short(a, text, begin, end, out, cursor)
        slot = (slot + 32) & last_slot
        probes += 1
    count = merge_short(a, text, begin, end, out, cursor)
    cache_short(a, slot, low, high, out, cursor, count)
    return cursor + count
