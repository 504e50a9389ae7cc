"""The cache of pieces that are too long for a key: found by a hash of all their bytes, then compared.

    "incomprehensibility"  ->  hash  ->  place: hash, offset of the bytes, 19 bytes and 4 ids, offset of the ids

Textbook twin: the dictionary of `Tokenizer._encode_part`.
"""

from typing import Any

import numpy as np

from bpe.kernels import layout
from bpe.kernels.compiler import kernel
from bpe.kernels.layout import BYTES_USED, IDS_USED, LONG_USED, LONGEST_CACHED, MOST_PROBES, PADDING
from bpe.kernels.memory import copy_16, load_word, offset_of, view
from bpe.kernels.merge import SHORT_PIECE, merge_long, merge_short

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
def remember_ids(a: Any, out: np.ndarray, cursor: int, count: int) -> int:
    """Keep the `count` ids at the cursor in IDS; return their offset, or -1 where there is no room."""
    ids, counters = view(a, layout.IDS, out.dtype), view(a, layout.COUNTERS, np.int64)
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
    """Tell whether two pieces are the same."""
    k = 0
    while k < length and a[p + k] == b[q + k]:
        k += 1
    return k == length


@kernel
def long_place(a: Any, begin: int, end: int) -> tuple[int, int]:
    """Return the place of a piece in LONG_TABLE, or the empty one where it belongs, or -1; and its hash."""
    text, table = view(a, layout.TEXT, np.uint8), view(a, layout.LONG_TABLE, np.uint64)
    kept = view(a, layout.LONG_BYTES, np.uint8)
    piece = piece_hash(text, begin, end, view(a, layout.KEY_MASKS, np.uint64))
    last = table.shape[0] - 1
    place = np.int64((piece * _FACTOR_A) >> np.uint64(a[layout.LONG_SHIFT])) << 2
    probes = 1
    while table[place] != 0:
        same = table[place] == piece and np.int64(table[place + 2] & _LOW) == end - begin
        if same and equal_bytes(text, begin, kept, np.int64(table[place + 1]), end - begin):
            break
        if probes >= MOST_PROBES and a[layout.TAKEN_WHOLE] == 0:
            return np.int64(-1), piece
        place = (place + 4) & last
        probes += 1
    return place, piece


@kernel
def remember_long(
    a: Any, begin: int, end: int, place: int, piece: int, out: np.ndarray, cursor: int, count: int
) -> int:
    """Enter a piece, whose hash is `piece`, at an empty place, if there is room."""
    table, counters = view(a, layout.LONG_TABLE, np.uint64), view(a, layout.COUNTERS, np.int64)
    text, kept = view(a, layout.TEXT, np.uint8), view(a, layout.LONG_BYTES, np.uint8)
    offset = counters[BYTES_USED]
    if offset + end - begin > kept.shape[0] or 8 * counters[LONG_USED] >= table.shape[0]:
        return 0
    ids_offset = remember_ids(a, out, cursor, count)
    if ids_offset < 0:
        return 0
    for k in range(end - begin):
        kept[offset + k] = text[begin + k]
    counters[BYTES_USED] += end - begin
    counters[LONG_USED] += 1
    table[place] = piece
    table[place + 1] = offset
    table[place + 2] = np.uint64(end - begin) | np.uint64(count) << _HALF
    table[place + 3] = ids_offset
    return 0


@kernel
def encode_long(a: Any, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Encode a piece of more than 15 bytes that cannot be cut; return the cursor after its ids."""
    text, table = view(a, layout.TEXT, np.uint8), view(a, layout.LONG_TABLE, np.uint64)
    length = end - begin
    if length > LONGEST_CACHED:
        return cursor + merge_long(a, text, begin, end, out, cursor)
    place, piece = long_place(a, begin, end)
    if place >= 0 and table[place] != 0:
        count = np.int64(table[place + 2] >> _HALF)
        return copy_ids(view(a, layout.IDS, out.dtype), np.int64(table[place + 3]), count, out, cursor)
    if length <= SHORT_PIECE:
        count = merge_short(a, text, begin, end, out, cursor)
    else:
        count = merge_long(a, text, begin, end, out, cursor)
    if place >= 0:
        remember_long(a, begin, end, place, piece, out, cursor, count)
    return cursor + count
