"""Pairs of neighbouring tokens: how often each occurs, where, and which is the most frequent.

A pair has a *record*: its two tokens, the places at which it was found when the record was made, and an upper bound of
its count. Merging other pairs removes occurrences and never adds any: all occurrences of a pair come into being in the
step that makes the younger of its two tokens, and no token is made twice. So a record is not updated while other pairs
are merged. Only when it reaches the head of the queue are its places read again, and those that are gone are dropped.
There is no table from pairs to records, and no bookkeeping per occurrence.

    words: abab abc    record (a, b): three places, bound 3      record (b, c): one place, bound 1
    merge a b          record (ab, ab): one place, bound 1       record (ab, c): one place, bound 1
    at the head:       (b, c): b is no longer at its place: count 0, the record is dropped

The queue is a binary heap by (bound, then the greater pair of byte strings). Most records never come near its head, so
the queue contains only those whose bound is at least a *floor*. When it is empty the floor is lowered, and all records
are searched for those that now belong in it.

Reference: `pair_counts`, `words_with` and the queue of `bpe.reference.learn_merges`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.memory import offset_of, prefetch, view
from bpe.kernels.training.layout import (
    FLOOR,
    FREQUENCY,
    NUM_MERGES,
    NUM_PAIRS,
    NUM_QUEUED,
    PAIR_RECORDS,
    PLACES,
    PLACES_READ,
    PROGRESS,
    QUEUE,
    SYMBOLS,
    TOKENS,
)
from bpe.kernels.training.records import PAIR_RECORD, QUEUE_ENTRY, TOKEN
from bpe.kernels.training.tokens import is_greater

WORD_MASK = 0xFFFFFFFF
"""The bits of a place that are the number of its word."""
AHEAD = 16
"""How many places ahead memory is prefetched."""


@kernel
def _goes_first(a: Any, pair: int, other: int) -> bool:
    """Return whether, of two pairs of equal count, `pair` is merged first: the lexicographically greater one."""
    pairs = view(a, PAIR_RECORDS, PAIR_RECORD)
    one, two = pairs[pair], pairs[other]
    if one.left != two.left:
        return is_greater(a, one.left, two.left)
    if one.right != two.right:
        return is_greater(a, one.right, two.right)
    return False


@kernel
def push(a: Any, pair: int) -> None:
    """Add a record to the queue with its present bound. There must be room."""
    queue, progress = view(a, QUEUE, QUEUE_ENTRY), view(a, PROGRESS, np.int64)
    bound = view(a, PAIR_RECORDS, PAIR_RECORD)[pair].bound
    i = progress[NUM_QUEUED]
    progress[NUM_QUEUED] += 1
    while i > 0:
        parent = (i - 1) >> 1
        above = queue[parent].bound
        if above > bound or (above == bound and not _goes_first(a, pair, queue[parent].pair)):
            break
        queue[i].bound = above
        queue[i].pair = queue[parent].pair
        i = parent
    queue[i].bound = bound
    queue[i].pair = pair


@kernel
def _replace_head(a: Any, bound: int, pair: int) -> None:
    """Replace the first entry of the queue."""
    queue, length = view(a, QUEUE, QUEUE_ENTRY), view(a, PROGRESS, np.int64)[NUM_QUEUED]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= length:
            break
        below = queue[child].bound
        if child + 1 < length:
            beside = queue[child + 1].bound
            if beside > below or (beside == below and _goes_first(a, queue[child + 1].pair, queue[child].pair)):
                child += 1
                below = beside
        if bound > below or (bound == below and not _goes_first(a, queue[child].pair, pair)):
            break
        queue[i].bound = below
        queue[i].pair = queue[child].pair
        i = child
    queue[i].bound = bound
    queue[i].pair = pair


@kernel
def _recount(a: Any, pair: int) -> int:
    """Set a record's bound to its count, return it, and drop the places where the pair no longer is."""
    symbols, frequency, places = view(a, SYMBOLS, np.int32), view(a, FREQUENCY, np.int64), view(a, PLACES, np.int64)
    progress, record = view(a, PROGRESS, np.int64), view(a, PAIR_RECORDS, PAIR_RECORD)[pair]
    left, right = record.left, record.right
    length = np.int64(view(a, TOKENS, TOKEN)[left].length)
    first, last = record.first, record.first + record.size - 1
    kept = first
    count = 0
    for k in range(first, last + 1):
        prefetch(symbols, offset_of(symbols, places[min(k + AHEAD, last)] >> 32))
        place = places[k]
        p = place >> 32
        if symbols[p] == left and symbols[p + length] == right:
            places[kept] = place
            kept += 1
            count += frequency[place & WORD_MASK]
    progress[PLACES_READ] += record.size
    record.size = kept - first
    record.bound = count
    record.counted = progress[NUM_MERGES]
    return count


@kernel
def drop_head(a: Any) -> None:
    """Remove the first entry of the queue: the last one takes its place and moves down from there."""
    queue, progress = view(a, QUEUE, QUEUE_ENTRY), view(a, PROGRESS, np.int64)
    progress[NUM_QUEUED] -= 1
    last = queue[progress[NUM_QUEUED]]
    _replace_head(a, last.bound, last.pair)


@kernel
def most_frequent(a: Any) -> int:
    """Bring the most frequent pair, exactly counted, to the head of the queue; return −1 if the queue is empty."""
    tokens, pairs, queue = view(a, TOKENS, TOKEN), view(a, PAIR_RECORDS, PAIR_RECORD), view(a, QUEUE, QUEUE_ENTRY)
    progress = view(a, PROGRESS, np.int64)
    while progress[NUM_QUEUED] > 0:
        pair = queue[0].pair
        record = pairs[pair]
        bound = queue[0].bound
        if bound == record.bound:
            if tokens[record.left].touched <= record.counted and tokens[record.right].touched <= record.counted:
                return pair
            count = _recount(a, pair)
            if count == bound:
                return pair
            if count >= progress[FLOOR]:
                _replace_head(a, count, pair)
                continue
        drop_head(a)
    return -1


@kernel
def lower_floor(a: Any, lowest: int) -> None:
    """Lower the floor of the empty queue until some record is in it, or the floor is `lowest`."""
    pairs, progress = view(a, PAIR_RECORDS, PAIR_RECORD), view(a, PROGRESS, np.int64)
    while progress[NUM_QUEUED] == 0 and progress[FLOOR] > lowest:
        highest = np.int64(0)
        for pair in range(progress[NUM_PAIRS]):  # all bounds are below the floor now
            highest = max(highest, pairs[pair].bound)
        progress[FLOOR] = max(lowest, highest // 2)
        for pair in range(progress[NUM_PAIRS]):
            if pairs[pair].bound >= progress[FLOOR]:
                push(a, pair)
