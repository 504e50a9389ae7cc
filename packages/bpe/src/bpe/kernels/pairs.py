"""Pairs of neighbouring tokens: how often each occurs, where, and which is the commonest.

A pair is a *record*: its two tokens, the places at which it was seen when the record was made, and an upper bound of
its count. Merging other pairs takes occurrences away and never adds any: a pair's occurrences all come into being in
the step that makes the younger of its two tokens, and no token is made twice. So nothing is done to a record while
others are merged. Only when it comes to the head of the queue are its places looked at again, and what is gone is
dropped. There is no table from pairs to records, and no bookkeeping per occurrence.

    words: abab abc    record (a, b): three places, bound 3      record (b, c): one place, bound 1
    merge a b          record (ab, ab): one place, bound 1       record (ab, c): one place, bound 1
    at the head:       (b, c): at its place b is no more: count 0, the record is done with

The queue is a binary heap by (bound, then the greater pair of byte strings). Most records never come near its head,
so the queue holds only those whose bound reaches a *floor*; when it has run empty the floor is lowered, and the
records are gone through for those that now belong in it.

Textbook twin: `pair_counts`, `words_with` and the queue of `bpe.reference.learn_merges`.
"""

from typing import Any

import numpy as np

from bpe.kernels.compiler import kernel
from bpe.kernels.memory import offset_of, prefetch, view
from bpe.kernels.tokens import is_greater
from bpe.kernels.training_layout import (
    ENTRY,
    FLOOR,
    FREQUENCY,
    NUM_MERGES,
    NUM_PAIRS,
    NUM_QUEUED,
    PAIR,
    PAIRS,
    PLACES,
    PLACES_READ,
    PROGRESS,
    QUEUE,
    SYMBOLS,
    TOKEN,
    TOKENS,
)

WORD_MASK = 0xFFFFFFFF
"""The part of a place that is the number of its word."""
AHEAD = 16
"""Places to ask memory for in advance."""


@kernel
def _goes_first(a: Any, pair: int, other: int) -> bool:
    """Return whether, of two pairs of equal count, `pair` is merged first: the lexicographically greater one."""
    pairs = view(a, PAIRS, PAIR)
    one, two = pairs[pair], pairs[other]
    if one.left != two.left:
        return is_greater(a, one.left, two.left)
    if one.right != two.right:
        return is_greater(a, one.right, two.right)
    return False


@kernel
def push(a: Any, pair: int) -> None:
    """Put a record into the queue, under its present bound. There must be room."""
    queue, progress = view(a, QUEUE, ENTRY), view(a, PROGRESS, np.int64)
    bound = view(a, PAIRS, PAIR)[pair].bound
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
    """Put a record in the place of the first entry of the queue."""
    queue, length = view(a, QUEUE, ENTRY), view(a, PROGRESS, np.int64)[NUM_QUEUED]
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
    """Make a record's bound its count, which is returned, and drop the places where the pair no longer is."""
    symbols, frequency, places = view(a, SYMBOLS, np.int32), view(a, FREQUENCY, np.int64), view(a, PLACES, np.int64)
    progress, record = view(a, PROGRESS, np.int64), view(a, PAIRS, PAIR)[pair]
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
    """Take the first entry out of the queue: the last one takes its place, and finds its own from there."""
    queue, progress = view(a, QUEUE, ENTRY), view(a, PROGRESS, np.int64)
    progress[NUM_QUEUED] -= 1
    last = queue[progress[NUM_QUEUED]]
    _replace_head(a, last.bound, last.pair)


@kernel
def commonest(a: Any) -> int:
    """Bring the commonest pair, exactly counted, to the head of the queue; return −1 if the queue has run empty."""
    tokens, pairs, queue = view(a, TOKENS, TOKEN), view(a, PAIRS, PAIR), view(a, QUEUE, ENTRY)
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
    pairs, progress = view(a, PAIRS, PAIR), view(a, PROGRESS, np.int64)
    while progress[NUM_QUEUED] == 0 and progress[FLOOR] > lowest:
        highest = np.int64(0)
        for pair in range(progress[NUM_PAIRS]):  # all bounds are below the floor now
            highest = max(highest, pairs[pair].bound)
        progress[FLOOR] = max(lowest, highest // 2)
        for pair in range(progress[NUM_PAIRS]):
            if pairs[pair].bound >= progress[FLOOR]:
                push(a, pair)
