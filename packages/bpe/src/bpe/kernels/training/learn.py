"""Learning merges: the words are one after another in one array, and each merge visits only the places of its pair.

SYMBOLS has one number for each byte of the words, with a BORDER before, between and after them. A token of n bytes
writes its id at its first and at its last byte; what is between does not matter. So its neighbours are found without
any links: the token before ends at `p - 1`, the token after begins at `p + n`.

    words     | l o w | l o w e r |          merge l o → 256, then 256 w → 257
    symbols   | l o w | l o w e r |
              | 256 256 w | 256 256 w e r |
              | 257 · 257 | 257 · 257 e r |      left of "e" is 257, and left of the border is 257 too

A *place* of a pair is where its left token begins, packed into one int64 with the number of its word (whose frequency
it counts for). The places of one pair are in ascending order, so that a run such as `aaaa` is merged from the left. One
step of the loop takes the most frequent pair (see `bpe.kernels.training.pairs`), writes the new token at its places,
and notes the tokens before and after each. Those notes, sorted by neighbour, are the records of the pairs that the new
token forms. That is all: no existing pair has to be found.

Most of the time is spent on cache misses: each place is one line of SYMBOLS. Hence places in ascending order,
prefetched; bounds instead of counts; and the places of a pair are not read again if no merge involved its tokens since
they were counted.

No kernel allocates. `learn` returns when it needs more room, and is called again with larger arrays
(`bpe.compiled.learning`).

Reference: `bpe.reference.learn_merges`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.memory import offset_of, prefetch, view
from bpe.kernels.training.layout import (
    BORDER,
    DONE,
    EXHAUSTED,
    FLOOR,
    FREQUENCY,
    GOAL,
    GROW,
    LEARNED_MERGES,
    MAX_LENGTH,
    MIN_FREQUENCY,
    NEED_NOTES,
    NEED_PAIRS,
    NEED_PLACES,
    NEIGHBOURS,
    NOTES,
    NUM_MERGES,
    NUM_NEIGHBOURS,
    NUM_NOTES,
    NUM_PAIRS,
    NUM_PLACES,
    NUM_QUEUED,
    NUM_TOKENS,
    PAIR_RECORDS,
    PLACES,
    PLACES_READ,
    PROGRESS,
    SYMBOLS,
    TOKENS,
)
from bpe.kernels.training.pairs import AHEAD, WORD_MASK, drop_head, lower_floor, most_frequent, push
from bpe.kernels.training.records import NEIGHBOUR, NOTE, PAIR_RECORD, TOKEN
from bpe.kernels.training.tokens import add_token

_INSIDE = -2
_LEFT, _RIGHT = 0, 1


@kernel
def _merge(a: Any, pair: int, new: int) -> None:
    """Write the token `new` at every place of the pair, and note its neighbours."""
    symbols, frequency, places = view(a, SYMBOLS, np.int32), view(a, FREQUENCY, np.int64), view(a, PLACES, np.int64)
    tokens, notes, neighbours = view(a, TOKENS, TOKEN), view(a, NOTES, NOTE), view(a, NEIGHBOURS, NEIGHBOUR)
    progress, record = view(a, PROGRESS, np.int64), view(a, PAIR_RECORDS, PAIR_RECORD)[pair]
    for side in range(2):
        progress[NUM_NOTES + side] = 0
        progress[NUM_NEIGHBOURS + side] = 0
    left, right = record.left, record.right
    left_length, length = np.int64(tokens[left].length), np.int64(tokens[new].length)
    first, last = record.first, record.first + record.size - 1
    for k in range(first, last + 1):
        prefetch(symbols, offset_of(symbols, places[min(k + AHEAD, last)] >> 32))
        place = places[k]
        p = place >> 32
        if symbols[p] != left or symbols[p + left_length] != right:
            continue
        symbols[p + left_length] = _INSIDE  # no token begins here any more; if this is the last byte, it is set below
        symbols[p + length - 1] = new
        symbols[p] = new
        for side in range(2):
            token = np.int64(symbols[p - 1] if side == _LEFT else symbols[p + length])
            if token == BORDER:
                continue
            neighbour = neighbours[2 * token + side]
            if neighbour.times == 0:
                neighbours[2 * progress[NUM_NEIGHBOURS + side] + side].listed = token
                progress[NUM_NEIGHBOURS + side] += 1
            neighbour.times += 1
            neighbour.weight += frequency[place & WORD_MASK]
            note = notes[2 * progress[NUM_NOTES + side] + side]
            note.token = token
            note.place = place - (np.int64(tokens[token].length) << 32) if side == _LEFT else place
            progress[NUM_NOTES + side] += 1
    progress[PLACES_READ] += record.size
    record.size = 0
    record.bound = 0


@kernel
def _make_records(a: Any, side: int, new: int) -> None:
    """Turn the neighbours noted on one side into records, and reset `neighbours` to zero for the next step."""
    tokens, pairs, places = view(a, TOKENS, TOKEN), view(a, PAIR_RECORDS, PAIR_RECORD), view(a, PLACES, np.int64)
    notes, neighbours, progress = view(a, NOTES, NOTE), view(a, NEIGHBOURS, NEIGHBOUR), view(a, PROGRESS, np.int64)
    for i in range(progress[NUM_NEIGHBOURS + side]):
        token = np.int64(neighbours[2 * i + side].listed)
        neighbour = neighbours[2 * token + side]
        too_long = np.int64(tokens[token].length) + np.int64(tokens[new].length) > a[MAX_LENGTH]
        record = pairs[progress[NUM_PAIRS]]
        record.left = token if side == _LEFT else new
        record.right = new if side == _LEFT else token
        record.bound = 0 if too_long else neighbour.weight  # a bound of 0 is never merged
        record.first = progress[NUM_PLACES]
        record.size = neighbour.times
        record.counted = progress[NUM_MERGES] - 1  # the parts of the new token were merged in this step
        neighbour.weight = progress[NUM_PLACES]  # from here on: where its next place goes
        progress[NUM_PLACES] += neighbour.times
        progress[NUM_PAIRS] += 1
    for k in range(progress[NUM_NOTES + side]):
        note = notes[2 * k + side]
        neighbour = neighbours[2 * note.token + side]
        places[neighbour.weight] = note.place
        neighbour.weight += 1
    for i in range(progress[NUM_NEIGHBOURS + side]):
        neighbour = neighbours[2 * np.int64(neighbours[2 * i + side].listed) + side]
        neighbour.weight = 0
        neighbour.times = 0


@kernel
def _has_room(a: Any, size: int) -> bool:
    """Return whether merging at `size` places is certain to fit; if not, PROGRESS says what is needed."""
    progress = view(a, PROGRESS, np.int64)
    most_pairs = 2 * min(size, progress[NUM_TOKENS] + 1)
    progress[NEED_PAIRS] = max(progress[NUM_PAIRS], progress[NUM_QUEUED]) + most_pairs
    progress[NEED_PLACES] = progress[NUM_PLACES] + 2 * size
    progress[NEED_NOTES] = size
    return (
        progress[NEED_PAIRS] <= view(a, PAIR_RECORDS, PAIR_RECORD).shape[0]
        and progress[NEED_PLACES] <= view(a, PLACES, np.int64).shape[0]
        and 2 * size <= view(a, NOTES, NOTE).shape[0]
    )


@kernel
def learn(a: Any) -> int:
    """Merge until there are GOAL merges; return DONE, EXHAUSTED or GROW."""
    tokens, pairs, merges = (
        view(a, TOKENS, TOKEN),
        view(a, PAIR_RECORDS, PAIR_RECORD),
        view(a, LEARNED_MERGES, np.int32),
    )
    places, progress = view(a, PLACES, np.int64), view(a, PROGRESS, np.int64)
    while progress[NUM_MERGES] < a[GOAL]:
        pair = most_frequent(a)
        if pair < 0:
            if progress[FLOOR] <= a[MIN_FREQUENCY]:
                return EXHAUSTED
            lower_floor(a, a[MIN_FREQUENCY])
            continue
        if not _has_room(a, pairs[pair].size):
            return GROW
        drop_head(a)
        left, right = np.int64(pairs[pair].left), np.int64(pairs[pair].right)
        new, step, first = progress[NUM_TOKENS], progress[NUM_MERGES], progress[NUM_PAIRS]
        length = np.int64(tokens[left].length) + np.int64(tokens[right].length)
        add_token(a, new, places[pairs[pair].first] >> 32, length)
        merges[2 * step] = left
        merges[2 * step + 1] = right
        progress[NUM_TOKENS] += 1
        progress[NUM_MERGES] += 1
        tokens[left].touched = progress[NUM_MERGES]
        tokens[right].touched = progress[NUM_MERGES]
        _merge(a, pair, new)
        for side in range(2):
            _make_records(a, side, new)
        for made in range(first, progress[NUM_PAIRS]):
            if pairs[made].bound >= progress[FLOOR]:
                push(a, made)
    return DONE
