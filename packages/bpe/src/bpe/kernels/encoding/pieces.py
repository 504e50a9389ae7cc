"""From pieces to ids, through a cache of the ids of every piece seen so far.

Natural text repeats the same words again and again, so nearly every piece is found in the cache and nothing is merged.
The pieces of a segment of text pass through three loops:

    list_starts    the bits of STARTS become positions
    make_keys      each piece becomes a key, and its slot in the cache is prefetched (`keys`)
    look_up        each key is found in the cache and its ids are written (`short_pieces`)

What `look_up` does not find is encoded by `encode_piece`, which merges it and adds it to the cache. Pieces of more than
15 bytes have a cache of their own (`long_pieces`).

Reference: `Tokenizer._reference_runs`.
"""

from typing import Any

import numpy as np

from bpe.kernels.encoding.keys import add_cut_keys, cannot_join, make_keys
from bpe.kernels.encoding.layout import (
    ADJACENT_BYTES,
    KEY_MASKS,
    LONGEST_KEY,
    PIECE_KEYS,
    POSITIONS,
    SEGMENT,
    SHORT_CACHE,
    SHORT_CACHE_SHIFT,
)
from bpe.kernels.encoding.long_pieces import encode_long
from bpe.kernels.encoding.short_pieces import encode_short, look_up
from bpe.kernels.runtime.bits import count_bits, lowest_bit
from bpe.kernels.runtime.compiler import ONE, ZERO, kernel, never_inline
from bpe.kernels.runtime.memory import load_int, load_word, store_int, store_word, view
from bpe.kernels.scanning.layout import STARTS, TEXT

_ONE, _HALF = np.uint64(1), np.uint64(32)


@kernel
def list_starts(starts: np.ndarray, first: int, last: int, begin: int, positions: np.ndarray, count: int) -> int:
    """Append the positions of the set bits of `starts[first:last]` to `positions`; return its new length.

    Eight are written at a time, whether there are that many or not: cheaper than a test before each.
    """
    never_inline()
    for word in range(first, last):
        bits = load_word(starts, word << 3)
        k = count
        count += count_bits(bits)
        while True:
            for j in range(8):
                store_int(positions, k + j, begin + (word << 6) + lowest_bit(bits))
                bits &= bits - _ONE
            if bits == 0:
                break
            k += 8
    return count


@kernel
def encode_piece(a: Any, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Encode any piece; return the cursor after its ids."""
    if end - begin <= LONGEST_KEY:
        return encode_short(a, begin, end, out, cursor)
    text, neighbours = view(a, TEXT, np.uint8), view(a, ADJACENT_BYTES, np.uint64)
    part = begin
    for p in range(begin + 1, end + 1):
        if p < end and not cannot_join(text, p, neighbours):
            continue
        if p - part <= LONGEST_KEY:
            cursor = encode_short(a, part, p, out, cursor)
        else:
            cursor = encode_long(a, part, p, out, cursor)
        part = p
    return cursor


@kernel
def encode_pieces(a: Any, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Encode the pieces of the bytes from `begin` to `end`, for which a scanner has written STARTS.

    Args:
        a: the arguments, see `bpe.kernels.encoding.layout`.
        begin: the first byte.
        end: the byte after the last.
        out: OUT, whose type gives the width of ids.
        cursor: where in `out` the first id is written.

    Returns:
        The cursor after the last id.
    """
    text, starts = view(a, TEXT, np.uint8), view(a, STARTS, np.uint64)
    table, masks = view(a, SHORT_CACHE, np.uint64), view(a, KEY_MASKS, np.uint64)
    positions, keys = view(a, POSITIONS, np.uint32), view(a, PIECE_KEYS, np.uint64)
    neighbours = view(a, ADJACENT_BYTES, np.uint64)
    num_words = (end - begin + 63) >> 6
    count = ZERO
    for word in range(ZERO, num_words, SEGMENT):
        count = list_starts(starts, word, min(word + SEGMENT, num_words), begin, positions, count)
        if word + SEGMENT >= num_words:
            store_int(positions, count, end)
        else:
            count -= 1  # the end of the last piece is not known yet
        piece, end_of_keys = ZERO, ZERO
        while True:
            piece, end_of_keys = make_keys(
                text, positions, piece, count, table, a[SHORT_CACHE_SHIFT], masks, keys, end_of_keys
            )
            if piece >= count:
                break
            p, q = load_int(positions, piece), load_int(positions, piece + 1)
            end_of_keys = add_cut_keys(text, p, q, neighbours, table, a[SHORT_CACHE_SHIFT], masks, keys, end_of_keys)
            piece += 1
        store_word(keys, end_of_keys + 16, np.uint64(load_int(positions, count)) << _HALF)  # where the last piece ends
        k = ZERO
        while True:
            k, cursor = look_up(keys, k, end_of_keys, table, out, cursor)
            if k >= end_of_keys:
                break
            p, q = np.int64(load_word(keys, k + 16) >> _HALF), np.int64(load_word(keys, k + 40) >> _HALF)
            cursor = encode_piece(a, p, q, out, cursor)
            k += 24
        store_int(positions, 0, load_int(positions, count))
        count = ONE
    return cursor
