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

import numpy as np

from bpe.kernels.compiler import kernel
from bpe.kernels.tokens import is_greater

PAIR = np.dtype(
    [
        ("left", np.int32),  # a token
        ("right", np.int32),  # a token
        ("bound", np.int64),  # no less than the count
        ("first", np.int64),  # where its places begin in the list of all places
        ("size", np.int32),  # how many places it has
        ("counted", np.int32),  # the bound is the count as long as no later merge had one of the tokens as a part
    ]
)
"""A record; half a cache line."""

ENTRY = np.dtype([("bound", np.int64), ("pair", np.int64)])
"""An entry of the queue: a record and its bound when it was put in. If it has another one by now, the entry is void."""


@kernel
def _goes_first(text: np.ndarray, tokens: np.ndarray, pairs: np.ndarray, pair: int, other: int) -> bool:
    """Return whether, of two pairs of equal count, `pair` is merged first: the lexicographically greater one."""
    if pairs[pair].left != pairs[other].left:
        return is_greater(text, tokens, pairs[pair].left, pairs[other].left)
    if pairs[pair].right != pairs[other].right:
        return is_greater(text, tokens, pairs[pair].right, pairs[other].right)
    return False


@kernel
def push(queue: np.ndarray, length: int, text: np.ndarray, tokens: np.ndarray, pairs: np.ndarray, pair: int) -> None:
    """Put a record into the queue of `length` entries, under its present bound. There must be room."""
    bound = pairs[pair].bound
    i = length
    while i > 0:
        parent = (i - 1) >> 1
        above = queue[parent].bound
        if above > bound or (above == bound and not _goes_first(text, tokens, pairs, pair, queue[parent].pair)):
            break
        queue[i].bound = above
        queue[i].pair = queue[parent].pair
        i = parent
    queue[i].bound = bound
    queue[i].pair = pair


@kernel
def replace_head(
    queue: np.ndarray, length: int, text: np.ndarray, tokens: np.ndarray, pairs: np.ndarray, bound: int, pair: int
) -> None:
    """Put a record in the place of the first entry of a queue of `length` entries.

    To take the first entry out of the queue, put the last one in its place and call the queue one shorter.
    """
    i = 0
    while True:
        child = 2 * i + 1
        if child >= length:
            break
        below = queue[child].bound
        if child + 1 < length:
            beside = queue[child + 1].bound
            if beside > below or (
                beside == below and _goes_first(text, tokens, pairs, queue[child + 1].pair, queue[child].pair)
            ):
                child += 1
                below = beside
        if bound > below or (bound == below and not _goes_first(text, tokens, pairs, queue[child].pair, pair)):
            break
        queue[i].bound = below
        queue[i].pair = queue[child].pair
        i = child
    queue[i].bound = bound
    queue[i].pair = pair
