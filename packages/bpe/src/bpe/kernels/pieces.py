"""From pieces to ids, through a cache that remembers the ids of every piece seen.

Natural text says the same words again and again, so nearly every piece is found in the cache and nothing is merged.
A piece of at most 15 bytes becomes two 64-bit words, its bytes and, in the highest byte, their number: its *key*. The
cache is a hash table with linear probing, 32 bytes a place:

    word 0, 1    the key; a place with word 1 = 0 is empty
    word 2, 3    up to three ids of 32 bits or seven of 16, and, in the highest 32 or 16 bits, how many they are

So a hit is one load of a key, one comparison and one store of 16 bytes, of which the cursor then skips only what
counts: no branch depends on the number of ids. (What has more ids keeps them elsewhere, at the offset in word 2.)
Example: " the" is the key `0x65687420, 4 << 56`, and its place says `262, 1 << 48`. Ids have 16 bits where the
vocabulary allows it: the type of the output decides, and Numba compiles the same source for both.

Keys and places are computed for some hundred pieces before the first is looked up, and each place is prefetched: the
memory answers while others are computed.

A longer piece is cut where two neighbouring bytes stand side by side in no token of the vocabulary: no merge can ever
cross such a border, so the parts may be encoded by themselves. (Chinese text falls into characters that way.) What is
still longer than 15 bytes has a table of its own (`bpe.kernels.long_pieces`).

Textbook twin: `Tokenizer._encode_part` with its dictionary.
"""

from typing import Any

import numpy as np

from bpe.kernels import layout
from bpe.kernels.compiler import ONE, ZERO, inlined, kernel, stay_apart
from bpe.kernels.layout import LONGEST_CACHED, LONGEST_KEY, MOST_PROBES, SEGMENT
from bpe.kernels.long_pieces import copy_ids, encode_long, remember_ids
from bpe.kernels.memory import (
    copy_16,
    count_bits,
    equal_16,
    item_bits,
    load_int,
    load_word,
    lowest_bit,
    offset_of,
    prefetch,
    store_int,
    store_word,
    view,
)
from bpe.kernels.merge import merge_short

_ONE, _HALF, _LOW = np.uint64(1), np.uint64(32), np.uint64(0xFFFF_FFFF)
_FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)
_TURN, _TURN_BACK = np.uint64(27), np.uint64(37)


@kernel
def list_starts(starts: np.ndarray, first: int, last: int, begin: int, positions: np.ndarray, count: int) -> int:
    """Append the bytes that the bits of `starts[first:last]` stand for to `positions`; return how many it has then.

    Eight are written at a time, whether there are so many or not: cheaper than asking before each.
    """
    stay_apart()
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


@inlined
def key_low(text: np.ndarray, begin: int, length: int, masks: np.ndarray) -> int:
    """Return the first word of the key of a piece; `length` is at most 16."""
    return load_word(text, begin) & load_word(masks, length << 3)


@inlined
def key_high(text: np.ndarray, begin: int, length: int, masks: np.ndarray) -> int:
    """Return the second word of the key of a piece; `length` is at most 16."""
    return (load_word(text, begin + 8) & load_word(masks, (length + 17) << 3)) | load_word(masks, (length + 34) << 3)


@inlined
def key_place(low: int, high: int, shift: int) -> int:
    """Return the place of a key in the table, in bytes."""
    turned = high << _TURN | high >> _TURN_BACK
    return np.int64(((low ^ turned) * _FACTOR) >> np.uint64(shift)) << 5


@inlined
def cannot_join(text: np.ndarray, p: int, neighbours: np.ndarray) -> bool:
    """Tell whether no token has the bytes before and at p side by side."""
    pair = np.uint64(text[p - 1]) << np.uint64(8) | np.uint64(text[p])
    return (load_word(neighbours, np.int64(pair >> np.uint64(6)) << 3) >> (pair & np.uint64(63))) & _ONE == 0


@inlined
def add_key(
    text: np.ndarray, p: int, length: int, table: np.ndarray, shift: int, masks: np.ndarray, keys: np.ndarray, k: int
) -> int:
    """Write key, place and beginning of a piece at byte k of `keys`, ask for its place; return k + 24.

    A length of 16 stands for every piece that is too long for a key: it gives one that nothing in the table has.
    """
    low, high = key_low(text, p, length, masks), key_high(text, p, length, masks)
    place = key_place(low, high, shift)
    prefetch(table, place)
    store_word(keys, k, low)
    store_word(keys, k + 8, high)
    store_word(keys, k + 16, np.uint64(p) << _HALF | np.uint64(place))
    return k + 24


@kernel
def add_long(
    text: np.ndarray,
    p: int,
    q: int,
    neighbours: np.ndarray,
    table: np.ndarray,
    shift: int,
    masks: np.ndarray,
    keys: np.ndarray,
    k: int,
) -> int:
    """Do what `add_key` does for a piece of more than 15 bytes, cut where no merge can cross."""
    stay_apart()
    if q - p <= LONGEST_CACHED:
        for r in range(p + 1, q):
            if cannot_join(text, r, neighbours):
                k = add_key(text, p, min(r - p, LONGEST_KEY + 1), table, shift, masks, keys, k)
                p = r
    return add_key(text, p, min(q - p, LONGEST_KEY + 1), table, shift, masks, keys, k)


@kernel
def make_keys(
    text: np.ndarray,
    positions: np.ndarray,
    k: int,
    count: int,
    table: np.ndarray,
    shift: int,
    masks: np.ndarray,
    keys: np.ndarray,
    end: int,
) -> tuple[int, int]:
    """Write the keys of pieces from the k-th on, at byte `end` of `keys`, up to the first that is too long for one.

    Returns:
        The number of that piece, or `count`; and the end of the keys.
    """
    stay_apart()
    p = load_int(positions, k)
    while k < count:
        q = load_int(positions, k + 1)
        if q - p > LONGEST_KEY:
            break
        end = add_key(text, p, q - p, table, shift, masks, keys, end)
        p = q
        k += 1
    return k, end


@inlined
def count_shift(out: np.ndarray) -> int:
    """Return by how much the last word of a place is shifted to give the number of ids."""
    return np.uint64(64 - item_bits(out))


@kernel
def look_up(keys: np.ndarray, k: int, end: int, table: np.ndarray, out: np.ndarray, cursor: int) -> tuple[int, int]:
    """Write the ids of the keys from byte k on, up to the first that is not known or has more ids than a place holds.

    Returns:
        The byte of that key in `keys`, or `end`; and the cursor after the last id.
    """
    stay_apart()
    last_place = (table.shape[0] << 3) - 1
    while k < end:
        place = np.int64(load_word(keys, k + 16) & _LOW)
        probes = 1
        while not equal_16(keys, k, table, place):
            if load_word(table, place + 8) == 0 or probes == MOST_PROBES:
                return k, cursor
            place = (place + 32) & last_place
            probes += 1
        count = np.int64(load_word(table, place + 24) >> count_shift(out))
        if count * item_bits(out) >= 128:
            return k, cursor
        copy_16(table, place + 16, out, offset_of(out, cursor))
        cursor += count
        k += 24
    return k, cursor


@kernel
def remember_short(a: Any, place: int, low: int, high: int, out: np.ndarray, cursor: int, count: int) -> int:
    """Enter the ids at the cursor at an empty place, unless the table is three quarters full."""
    table, counters = view(a, layout.TABLE, np.uint64), view(a, layout.COUNTERS, np.int64)
    if 16 * counters[layout.SHORT_USED] >= 3 * table.shape[0]:
        return 0
    first, second = load_word(out, offset_of(out, cursor)), load_word(out, offset_of(out, cursor) + 8)
    if count * item_bits(out) >= 128:
        offset = remember_ids(a, out, cursor, count)
        if offset < 0:
            return 0
        first = np.uint64(offset)
    below_count = (_ONE << count_shift(out)) - _ONE
    store_word(table, place, low)
    store_word(table, place + 8, high)
    store_word(table, place + 16, first)
    store_word(table, place + 24, (second & below_count) | np.uint64(count) << count_shift(out))
    counters[layout.SHORT_USED] += 1
    return 0


@kernel
def encode_short(a: Any, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Encode a piece of at most 15 bytes that may be new; return the cursor after its ids."""
    text, table = view(a, layout.TEXT, np.uint8), view(a, layout.TABLE, np.uint64)
    masks = view(a, layout.KEY_MASKS, np.uint64)
    low, high = key_low(text, begin, end - begin, masks), key_high(text, begin, end - begin, masks)
    last_place = (table.shape[0] << 3) - 1
    place = key_place(low, high, a[layout.SHIFT])
    probes = 1
    while load_word(table, place + 8) != 0:
        if load_word(table, place) == low and load_word(table, place + 8) == high:
            count = np.int64(load_word(table, place + 24) >> count_shift(out))
            if count * item_bits(out) >= 128:
                offset = np.int64(load_word(table, place + 16))
                return copy_ids(view(a, layout.IDS, out.dtype), offset, count, out, cursor)
            copy_16(table, place + 16, out, offset_of(out, cursor))
            return cursor + count
        if probes >= MOST_PROBES and a[layout.TAKEN_WHOLE] == 0:  # (else the table alone knows what is taken whole)
            return cursor + merge_short(a, text, begin, end, out, cursor)
        place = (place + 32) & last_place
        probes += 1
    count = merge_short(a, text, begin, end, out, cursor)
    remember_short(a, place, low, high, out, cursor, count)
    return cursor + count


@kernel
def encode_piece(a: Any, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Encode any piece; return the cursor after its ids."""
    if end - begin <= LONGEST_KEY:
        return encode_short(a, begin, end, out, cursor)
    text, neighbours = view(a, layout.TEXT, np.uint8), view(a, layout.NEIGHBOURS, np.uint64)
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
        a: the arguments, see `bpe.kernels.layout`.
        begin: the first byte.
        end: the byte after the last.
        out: OUT, whose type tells how wide ids are.
        cursor: where in `out` the first id goes.

    Returns:
        The cursor after the last id.
    """
    text, starts = view(a, layout.TEXT, np.uint8), view(a, layout.STARTS, np.uint64)
    table, masks = view(a, layout.TABLE, np.uint64), view(a, layout.KEY_MASKS, np.uint64)
    positions, keys = view(a, layout.POSITIONS, np.uint32), view(a, layout.KEYS, np.uint64)
    neighbours = view(a, layout.NEIGHBOURS, np.uint64)
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
                text, positions, piece, count, table, a[layout.SHIFT], masks, keys, end_of_keys
            )
            if piece >= count:
                break
            p, q = load_int(positions, piece), load_int(positions, piece + 1)
            end_of_keys = add_long(text, p, q, neighbours, table, a[layout.SHIFT], masks, keys, end_of_keys)
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
