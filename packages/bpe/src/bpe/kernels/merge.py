"""Merging the bytes of one piece into tokens, the pair of lowest rank first and the leftmost of equals.

A pair of neighbouring tokens is looked up in a table that gives its *value*: the rank in the upper 32 bits, the id of
the merged token in the lower ones. So the smallest value of a piece is the next merge. With the merges `t h` (256),
`th e` (257), `␠ c` (258):

    t    h    e         values  [0|256, none]      -> merge "th"
    th   e              values  [1|257]            -> merge "the"
    the                 nothing left

A short piece keeps its values in an array and looks for the smallest from the left at every step. A long one keeps
candidates in a heap and its tokens in a linked list, which makes it O(n log n): a megabyte of one letter takes a
fraction of a second.

Textbook twin: `bpe.reference.merge_by_rank`.
"""

from typing import Any

import numpy as np

from bpe.kernels import layout
from bpe.kernels.compiler import inlined, kernel
from bpe.kernels.memory import load_word, view

NO_PAIR = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
"""The value of a pair that no merge joins."""

SHORT_PIECE = 48
"""Bytes up to which looking through all values beats keeping a heap."""

_PAIR_FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)
_LOW = np.uint64(0xFFFF_FFFF)
_HALF = np.uint64(32)


@inlined
def pair_value(pairs: np.ndarray, shift: int, left: int, right: int) -> int:
    """Return the value of the pair of ids, NO_PAIR if there is no such merge.

    `pairs` is a hash table with linear probing: uint64, the key `left << 32 | right` and the value in turn, NO_PAIR as
    the key of an empty place.
    """
    key = np.uint64(left) << _HALF | np.uint64(right)
    last = np.int64(pairs.shape[0] - 1) << 3
    place = np.int64((key * _PAIR_FACTOR) >> np.uint64(shift)) << 4
    while True:
        found = load_word(pairs, place)
        if found == key:
            return load_word(pairs, place + 8)
        if found == NO_PAIR:
            return NO_PAIR
        place = (place + 16) & last


@kernel
def add_pair(pairs: np.ndarray, shift: int, left: int, right: int, value: int) -> None:
    """Put a pair into the table, unless it is there."""
    key = np.uint64(left) << _HALF | np.uint64(right)
    last = np.int64(pairs.shape[0] - 1)
    place = np.int64((key * _PAIR_FACTOR) >> np.uint64(shift)) << 1
    while pairs[place] != NO_PAIR:
        if pairs[place] == key:
            return
        place = (place + 2) & last
    pairs[place] = key
    pairs[place + 1] = value


@kernel
def fill_pairs(a: Any) -> int:
    """Fill PAIRS, whose places are all empty, with MERGES; and BYTE_PAIRS with the values of the pairs of bytes."""
    pairs, shift = view(a, layout.PAIRS, np.uint64), a[layout.PAIR_SHIFT]
    merges, byte_ids = view(a, layout.MERGES, np.int64), view(a, layout.BYTE_IDS, np.int64)
    byte_pairs = view(a, layout.BYTE_PAIRS, np.uint64)
    for rank in range(merges.shape[0] // 3):
        left, right, merged = merges[3 * rank], merges[3 * rank + 1], merges[3 * rank + 2]
        add_pair(pairs, shift, left, right, np.uint64(rank) << _HALF | np.uint64(merged))
    for first in range(256):
        for second in range(256):
            byte_pairs[first << 8 | second] = pair_value(pairs, shift, byte_ids[first], byte_ids[second])
    return 0


@kernel
def merge_short(a: Any, text: np.ndarray, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Merge `text[begin:end]`, of at most SHORT_PIECE bytes, into ids at the cursor; return how many there are."""
    byte_ids, byte_pairs = view(a, layout.BYTE_IDS, np.int64), view(a, layout.BYTE_PAIRS, np.uint64)
    pairs, shift = view(a, layout.PAIRS, np.uint64), a[layout.PAIR_SHIFT]
    values = view(a, layout.VALUES, np.uint64)
    ids = out[cursor : cursor + end - begin]
    count = end - begin
    for k in range(count):
        ids[k] = byte_ids[text[begin + k]]
        if k + 1 < count:
            values[k] = byte_pairs[np.int64(text[begin + k]) << 8 | np.int64(text[begin + k + 1])]
    while True:
        best, smallest = -1, NO_PAIR
        for k in range(count - 1):
            if values[k] < smallest:
                best, smallest = k, values[k]
        if best < 0:
            return count
        ids[best] = smallest & _LOW
        count -= 1
        for k in range(best + 1, count):
            ids[k] = ids[k + 1]
            values[k - 1] = values[k]
        if best > 0:
            values[best - 1] = pair_value(pairs, shift, ids[best - 1], ids[best])
        if best + 1 < count:
            values[best] = pair_value(pairs, shift, ids[best], ids[best + 1])


@inlined
def push(heap: np.ndarray, size: int, item: int) -> None:
    """Put an item into a binary min-heap of `size` items."""
    k = size
    while k > 0 and heap[(k - 1) >> 1] > item:
        heap[k] = heap[(k - 1) >> 1]
        k = (k - 1) >> 1
    heap[k] = item


@inlined
def pop(heap: np.ndarray, size: int) -> int:
    """Take the smallest item out of a binary min-heap of `size` items."""
    smallest, item = heap[0], heap[size - 1]
    k = 0
    while 2 * k + 1 < size - 1:
        child = 2 * k + 1
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= item:
            break
        heap[k] = heap[child]
        k = child
    heap[k] = item
    return smallest


@kernel
def merge_long(a: Any, text: np.ndarray, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Merge `text[begin:end]` of any length into ids at the cursor; return how many there are.

    A heap item is a rank above the position of the pair; it is stale if the pair there has another rank by now.
    """
    byte_ids, pairs, shift = view(a, layout.BYTE_IDS, np.int64), view(a, layout.PAIRS, np.uint64), a[layout.PAIR_SHIFT]
    links, heap = view(a, layout.LINKS, np.int64), view(a, layout.VALUES, np.uint64)
    ids = out[cursor : cursor + end - begin]
    count = end - begin
    size = 0
    for k in range(count):
        ids[k] = byte_ids[text[begin + k]]
        links[2 * k] = k - 1
        links[2 * k + 1] = k + 1
    for k in range(count - 1):
        value = pair_value(pairs, shift, ids[k], ids[k + 1])
        if value != NO_PAIR:
            push(heap, size, (value >> _HALF) << _HALF | np.uint64(k))
            size += 1
    while size > 0:
        item = pop(heap, size)
        size -= 1
        k = np.int64(item & _LOW)
        right = links[2 * k + 1]
        if right < 0 or right >= count:  # swallowed by its left neighbour, or the last
            continue
        value = pair_value(pairs, shift, ids[k], ids[right])
        if value == NO_PAIR or value >> _HALF != item >> _HALF:
            continue
        ids[k] = value & _LOW
        after, before = links[2 * right + 1], links[2 * k]
        links[2 * right + 1] = -1
        links[2 * k + 1] = after
        if after < count:
            links[2 * after] = k
            value = pair_value(pairs, shift, ids[k], ids[after])
            if value != NO_PAIR:
                push(heap, size, (value >> _HALF) << _HALF | np.uint64(k))
                size += 1
        if before >= 0:
            value = pair_value(pairs, shift, ids[before], ids[k])
            if value != NO_PAIR:
                push(heap, size, (value >> _HALF) << _HALF | np.uint64(before))
                size += 1
    kept = 0
    k = 0
    while k < count:
        ids[kept] = ids[k]
        kept += 1
        k = links[2 * k + 1]
    return kept
