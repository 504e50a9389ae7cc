"""The keys of pieces, under which the cache of short pieces finds them.

A piece of at most 15 bytes becomes two 64-bit words, its bytes and, in the highest byte, their number: its *key*. The
key of " the" is

    low   0x0000000065687420        high  4 << 56

Each item of PIECE_KEYS has three words: the key, and one that has the position of the piece in its upper half and the
slot of the cache in its lower half. Keys and slots are computed for some hundred pieces before the first is looked up,
and each slot is prefetched: while memory is read, other keys are computed.

A longer piece is cut where two neighbouring bytes are side by side in no token of the vocabulary: no merge can ever
cross such a border, so the parts can be encoded independently. (Chinese text is cut into characters that way.)

Reference: the keys of the dictionary `bpe.piece_ids.PieceIds`.
"""

import numpy as np

from bpe.kernels.encoding.layout import LONGEST_CACHED, LONGEST_KEY
from bpe.kernels.runtime.compiler import inlined, kernel, never_inline
from bpe.kernels.runtime.memory import load_int, load_word, prefetch, store_word

_ONE, _HALF = np.uint64(1), np.uint64(32)
_FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)
_TURN, _TURN_BACK = np.uint64(27), np.uint64(37)


@inlined
def key_low(text: np.ndarray, begin: int, length: int, masks: np.ndarray) -> int:
    """Return the first word of the key of a piece; `length` is at most 16."""
    return load_word(text, begin) & load_word(masks, length << 3)


@inlined
def key_high(text: np.ndarray, begin: int, length: int, masks: np.ndarray) -> int:
    """Return the second word of the key of a piece; `length` is at most 16."""
    return (load_word(text, begin + 8) & load_word(masks, (length + 17) << 3)) | load_word(masks, (length + 34) << 3)


@inlined
def key_slot(low: int, high: int, shift: int) -> int:
    """Return the slot of a key in the table, as an offset in bytes."""
    turned = high << _TURN | high >> _TURN_BACK
    return np.int64(((low ^ turned) * _FACTOR) >> np.uint64(shift)) << 5


@inlined
def cannot_join(text: np.ndarray, p: int, neighbours: np.ndarray) -> bool:
    """Return whether no token has the bytes before and at p side by side."""
    pair = np.uint64(text[p - 1]) << np.uint64(8) | np.uint64(text[p])
    return (load_word(neighbours, np.int64(pair >> np.uint64(6)) << 3) >> (pair & np.uint64(63))) & _ONE == 0


@inlined
def add_key(
    text: np.ndarray, p: int, length: int, table: np.ndarray, shift: int, masks: np.ndarray, keys: np.ndarray, k: int
) -> int:
    """Write key, slot and beginning of a piece at byte k of `keys`, prefetch its slot; return k + 24.

    A length of 16 represents every piece that is too long for a key: its key equals none in the table.
    """
    low, high = key_low(text, p, length, masks), key_high(text, p, length, masks)
    slot = key_slot(low, high, shift)
    prefetch(table, slot)
    store_word(keys, k, low)
    store_word(keys, k + 8, high)
    store_word(keys, k + 16, np.uint64(p) << _HALF | np.uint64(slot))
    return k + 24


@kernel
def add_cut_keys(
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
    never_inline()
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
    never_inline()
    p = load_int(positions, k)
    while k < count:
        q = load_int(positions, k + 1)
        if q - p > LONGEST_KEY:
            break
        end = add_key(text, p, q - p, table, shift, masks, keys, end)
        p = q
        k += 1
    return k, end
