"""The cache of pieces that are too long for a key: found by a hash of all their bytes, then compared.

    "incomprehensibility"  ->  hash  ->  slot: hash, offset of the bytes, 19 bytes and 4 ids, offset of the ids

A slot has four words; the third has the number of ids in its upper half and the number of bytes in its lower half. A
slot whose hash is 0 is empty.

Reference: the dictionary `bpe.piece_ids.PieceIds`.
"""

from typing import Any

import numpy as np

from bpe.kernels.encoding.layout import (
    BYTES_USED,
    CACHE_COUNTERS,
    CACHED_IDS,
    IDS_USED,
    IGNORE_MERGES,
    KEY_MASKS,
    LONG_CACHE,
    LONG_CACHE_BYTES,
    LONG_CACHE_SHIFT,
    LONG_USED,
    LONGEST_CACHED,
    MAX_PROBES,
)
from bpe.kernels.encoding.merge import LONGEST_WITHOUT_HEAP, merge_long, merge_short
from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.layout import PADDING
from bpe.kernels.runtime.memory import copy_16, load_word, offset_of, view
from bpe.kernels.scanning.layout import TEXT

_ONE, _HALF, _LOW = np.uint64(1), np.uint64(32), np.uint64(0xFFFF_FFFF)
_FACTOR_A, _FACTOR_B = np.uint64(0x9E37_79B9_7F4A_7C15), np.uint64(0xD6E8_FEB8_6659_FD93)


@kernel
def copy_ids(source: np.ndarray, offset: int, count: int, out: np.ndarray, cursor: int) -> int:
    """Copy ids, 16 bytes at a time; return the cursor after them."""
    p, q = offset_of(source, offset), offset_of(out, cursor)
    for k in range(0, offset_of(out, count), 16):
        copy_16(source, p + k, out, q + k)
    return cursor + count


@kernel
def cache_ids(a: Any, out: np.ndarray, cursor: int, count: int) -> int:
    """Copy the `count` ids at the cursor to CACHED_IDS; return their offset, or -1 if there is no room."""
    ids, counters = view(a, CACHED_IDS, out.dtype), view(a, CACHE_COUNTERS, np.int64)
    offset = counters[IDS_USED]
    if offset + count + PADDING > ids.shape[0]:
        return -1
    copy_ids(out, cursor, count, ids, offset)
    counters[IDS_USED] = offset + count
    return offset


@kernel
def piece_hash(text: np.ndarray, begin: int, end: int, masks: np.ndarray) -> int:
    """Return a hash of a piece of any length, never 0."""
    h = np.uint64(end - begin)
    p = begin
    while p + 8 <= end:
        h = (h ^ load_word(text, p)) * _FACTOR_A
        h ^= h >> _HALF
        p += 8
    h = (h ^ (load_word(text, p) & load_word(masks, (end - p) << 3))) * _FACTOR_B
    return (h ^ (h >> _HALF)) | _ONE


@kernel
def equal_bytes(a: np.ndarray, p: int, b: np.ndarray, q: int, length: int) -> bool:
    """Return whether two pieces are the same."""
    k = 0
    while k < length and a[p + k] == b[q + k]:
        k += 1
    return k == length


@kernel
def long_slot(a: Any, begin: int, end: int) -> tuple[int, int]:
    """Return the slot of a piece in LONG_CACHE, or the empty one where it belongs, or -1; and its hash."""
    text, table = view(a, TEXT, np.uint8), view(a, LONG_CACHE, np.uint64)
    kept = view(a, LONG_CACHE_BYTES, np.uint8)
    piece = piece_hash(text, begin, end, view(a, KEY_MASKS, np.uint64))
    last = table.shape[0] - 1
    slot = np.int64((piece * _FACTOR_A) >> np.uint64(a[LONG_CACHE_SHIFT])) << 2
    probes = 1
    while table[slot] != 0:
        same = table[slot] == piece and np.int64(table[slot + 2] & _LOW) == end - begin
        if same and equal_bytes(text, begin, kept, np.int64(table[slot + 1]), end - begin):
            break
        if probes >= MAX_PROBES and a[IGNORE_MERGES] == 0:
            return np.int64(-1), piece
        slot = (slot + 4) & last
        probes += 1
    return slot, piece


@kernel
def cache_long(a: Any, begin: int, end: int, slot: int, piece: int, out: np.ndarray, cursor: int, count: int) -> int:
    """Add a piece, whose hash is `piece`, to an empty slot, if there is room."""
    table, counters = view(a, LONG_CACHE, np.uint64), view(a, CACHE_COUNTERS, np.int64)
    text, kept = view(a, TEXT, np.uint8), view(a, LONG_CACHE_BYTES, np.uint8)
    offset = counters[BYTES_USED]
    if offset + end - begin > kept.shape[0] or 8 * counters[LONG_USED] >= table.shape[0]:
        return 0
    ids_offset = cache_ids(a, out, cursor, count)
    if ids_offset < 0:
        return 0
    for k in range(end - begin):
        kept[offset + k] = text[begin + k]
    counters[BYTES_USED] += end - begin
    counters[LONG_USED] += 1
    table[slot] = piece
    table[slot + 1] = offset
    table[slot + 2] = np.uint64(end - begin) | np.uint64(count) << _HALF
    table[slot + 3] = ids_offset
    return 0


@kernel
def encode_long(a: Any, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Encode a piece of more than 15 bytes that cannot be cut; return the cursor after its ids."""
    text, table = view(a, TEXT, np.uint8), view(a, LONG_CACHE, np.uint64)
    length = end - begin
    if length > LONGEST_CACHED:
        return cursor + merge_long(a, text, begin, end, out, cursor)
    slot, piece = long_slot(a, begin, end)
    if slot >= 0 and table[slot] != 0:
        count = np.int64(table[slot + 2] >> _HALF)
        return copy_ids(view(a, CACHED_IDS, out.dtype), np.int64(table[slot + 3]), count, out, cursor)
    if length <= LONGEST_WITHOUT_HEAP:
        count = merge_short(a, text, begin, end, out, cursor)
    else:
        count = merge_long(a, text, begin, end, out, cursor)
    if slot >= 0:
        cache_long(a, begin, end, slot, piece, out, cursor, count)
    return cursor + count
