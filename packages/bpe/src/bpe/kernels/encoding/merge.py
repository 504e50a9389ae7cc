"""Merging the bytes of one piece into tokens, the pair of lowest rank first and the leftmost of equals.

A hash table gives the *value* of a pair of neighbouring tokens: the rank in the upper 32 bits, the id of the merged
token in the lower ones. So the smallest value in a piece is the next merge. With the merges `t h` (256),
`th e` (257), `␠ c` (258):

    t    h    e         values  [0|256, none]      -> merge "th"
    th   e              values  [1|257]            -> merge "the"
    the                 nothing left

For a short piece the values are in an array, which is scanned for the smallest one in every step. For a long one the
candidates are in a heap and the tokens in a linked list, which makes it O(n log n): a megabyte of one letter takes a
fraction of a second.

Reference: `bpe.reference.merge_by_rank`.
"""

from typing import Any

import numpy as np

from bpe.kernels.encoding.layout import (
    BYTE_IDS,
    BYTE_PAIR_VALUES,
    MERGE_IDS,
    MERGE_LINKS,
    MERGE_VALUES,
    PAIR_VALUES,
    PAIR_VALUES_SHIFT,
)
from bpe.kernels.runtime.compiler import inlined, kernel
from bpe.kernels.runtime.memory import load_word, view

NO_PAIR = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
"""The value of a pair that no merge joins."""

LONGEST_WITHOUT_HEAP = 48
"""Bytes up to which a scan of all values is faster than a heap."""

_PAIR_FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)
_LOW = np.uint64(0xFFFF_FFFF)
_HALF = np.uint64(32)


@inlined
def pair_value(pairs: np.ndarray, shift: int, left: int, right: int) -> int:
    """Return the value of the pair of ids, NO_PAIR if there is no such merge.

    `pairs` is a hash table with linear probing: uint64, alternately the key `left << 32 | right` and the value;
    NO_PAIR is the key of an empty slot.
    """
    key = np.uint64(left) << _HALF | np.uint64(right)
    last = np.int64(pairs.shape[0] - 1) << 3
    slot = np.int64((key * _PAIR_FACTOR) >> np.uint64(shift)) << 4
    while True:
        found = load_word(pairs, slot)
        if found == key:
            return load_word(pairs, slot + 8)
        if found == NO_PAIR:
            return NO_PAIR
        slot = (slot + 16) & last


@kernel
def add_pair(pairs: np.ndarray, shift: int, left: int, right: int, value: int) -> None:
    """Add a pair to the table, unless it is there already."""
    key = np.uint64(left) << _HALF | np.uint64(right)
    last = np.int64(pairs.shape[0] - 1)
    slot = np.int64((key * _PAIR_FACTOR) >> np.uint64(shift)) << 1
    while pairs[slot] != NO_PAIR:
        if pairs[slot] == key:
            return
        slot = (slot + 2) & last
    pairs[slot] = key
    pairs[slot + 1] = value


@kernel
def fill_pair_values(a: Any) -> int:
    """Fill PAIR_VALUES, which is empty, from MERGE_IDS; and BYTE_PAIR_VALUES with the values of the pairs of bytes."""
    pairs, shift = view(a, PAIR_VALUES, np.uint64), a[PAIR_VALUES_SHIFT]
    merges, byte_ids = view(a, MERGE_IDS, np.int64), view(a, BYTE_IDS, np.int64)
    byte_pairs = view(a, BYTE_PAIR_VALUES, np.uint64)
    for rank in range(merges.shape[0] // 3):
        left, right, merged = merges[3 * rank], merges[3 * rank + 1], merges[3 * rank + 2]
        add_pair(pairs, shift, left, right, np.uint64(rank) << _HALF | np.uint64(merged))
    for first in range(256):
        for second in range(256):
            byte_pairs[first << 8 | second] = pair_value(pairs, shift, byte_ids[first], byte_ids[second])
    return 0


@kernel
def merge_short(a: Any, text: np.ndarray, begin: int, end: int, out: np.ndarray, cursor: int) -> int:
    """Merge `text[begin:end]`, at most LONGEST_WITHOUT_HEAP bytes, into ids at the cursor; return their number."""
    byte_ids, byte_pairs = view(a, BYTE_IDS, np.int64), view(a, BYTE_PAIR_VALUES, np.uint64)
    pairs, shift = view(a, PAIR_VALUES, np.uint64), a[PAIR_VALUES_SHIFT]
    values = view(a, MERGE_VALUES, np.uint64)
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
    """Add an item to a binary min-heap of `size` items."""
    k = size
    while k > 0 and heap[(k - 1) >> 1] > item:
        heap[k] = heap[(k - 1) >> 1]
        k = (k - 1) >> 1
    heap[k] = item


@inlined
def pop(heap: np.ndarray, size: int) -> int:
    """Remove the smallest item from a binary min-heap of `size` items and return it."""
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
    """Merge `text[begin:end]` of any length into ids at the cursor; return their number.

    A heap item is a rank above the position of the pair; it is void if the pair there has another rank by now.
    """
    byte_ids, pairs, shift = view(a, BYTE_IDS, np.int64), view(a, PAIR_VALUES, np.uint64), a[PAIR_VALUES_SHIFT]
    links, heap = view(a, MERGE_LINKS, np.int64), view(a, MERGE_VALUES, np.uint64)
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
        if right < 0 or right >= count:  # merged into its left neighbour, or the last
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
