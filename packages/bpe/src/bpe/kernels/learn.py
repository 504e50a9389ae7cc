"""Learning merges: the words lie one after another in one array, and each merge touches only where its pair stands.

`symbols` has one number for each byte of the words, with a BORDER before, between and after them. A token of n bytes
writes its id at its first and at its last byte; what is between does not matter. So its neighbours are found without
any links: the token before ends at `p - 1`, the token after begins at `p + n`.

    words     | l o w | l o w e r |          merge l o → 256, then 256 w → 257
    symbols   | l o w | l o w e r |
              | 256 256 w | 256 256 w e r |
              | 257 · 257 | 257 · 257 e r |      "e" looks left and sees 257, the border sees 257 too

A *place* of a pair is where its left token begins; packed with the number of the word it is in (whose frequency it
counts for) into one int64. The places of one pair stand in ascending order, so that a run such as `aaaa` is merged from
the left. One step of the loop takes the commonest pair (see `bpe.kernels.pairs`), writes the new token at its places,
and notes the tokens before and after each. Those notes, sorted by neighbour, are the records of the pairs
that the new token forms. That is all: no pair that is already there has to be found.

The time goes into cache misses: each place is one line of `symbols`. Hence places in ascending order, asked for in
advance; bounds instead of counts; and no look at all at the places of a pair whose tokens took part in no merge since
they were counted.

No kernel allocates. `learn` returns when it needs more room, and is called again with larger arrays
(`bpe.kernels.learning`).

Textbook twin: `bpe.reference.learn_merges`.
"""

from typing import NamedTuple

import numpy as np

from bpe.kernels.compiler import kernel
from bpe.kernels.memory import prefetch
from bpe.kernels.pairs import push, replace_head
from bpe.kernels.tokens import add_token

BORDER = -1
_INSIDE = -2
_WORD_MASK = 0xFFFFFFFF
_AHEAD = 16  # places to ask memory for in advance
_LEFT, _RIGHT = 0, 1

# What `Learner.state` holds: how much of each array is in use, the floor of the queue, and the rest.
(
    NUM_MERGES,
    NUM_TOKENS,
    NUM_PAIRS,
    NUM_PLACES,
    NUM_QUEUED,
    FLOOR,
    PLACES_READ,
    NEED_PAIRS,  # after GROW: what the arrays must have room for
    NEED_PLACES,
    NEED_NOTES,
    STATE_SIZE,
) = range(11)

REACHED, EXHAUSTED, GROW = range(3)
"""Why `learn` returned: the goal is reached; no pair is left; the arrays are too small."""

NOTE = np.dtype([("place", np.int64), ("token", np.int64)])
"""A neighbour of the new token, and the place of the pair that the two form."""

NEIGHBOUR = np.dtype([("weight", np.int64), ("times", np.int32), ("listed", np.int32)])
"""By token: how often it was noted, counted by frequency and by place. By number: the tokens noted, each once."""


class Learner(NamedTuple):
    """All that the loop works on."""

    text: np.ndarray
    """uint8: the words one after another, with a byte of any value before, between and after them."""
    symbols: np.ndarray
    """int32, as long as `text`: described above."""
    frequency: np.ndarray
    """int64 `[words]`: how often each word occurs."""
    tokens: np.ndarray
    """TOKEN, by id."""
    pairs: np.ndarray
    """PAIR, by number."""
    places: np.ndarray
    """int64: the places of all pairs, `place << 32 | word`, those of one pair in a row."""
    queue: np.ndarray
    """ENTRY: at least as many as `pairs`."""
    notes: np.ndarray
    """NOTE `[2, notes]`: what stands before (row 0) and after (row 1) the places of the new token."""
    neighbours: np.ndarray
    """NEIGHBOUR `[2, tokens]`, for the two rows of `notes`; zero between two steps."""
    num_notes: np.ndarray
    """int64 `[2]`: how many notes each row has."""
    num_listed: np.ndarray
    """int64 `[2]`: how many different neighbours each row has."""
    merges: np.ndarray
    """int32 `[merges, 2]`: the merged pairs, as tokens."""
    state: np.ndarray
    """int64 `[STATE_SIZE]`."""


@kernel
def count_byte_pairs(symbols: np.ndarray, frequency: np.ndarray, times: np.ndarray, weight: np.ndarray) -> None:
    """Count the pairs of bytes: at `left << 8 | right`, by place in `times` and by frequency in `weight` (int64)."""
    word = 0
    for p in range(1, len(symbols) - 1):
        left, right = symbols[p], symbols[p + 1]
        if left == BORDER:
            word += 1
        elif right != BORDER:
            pair = (left << 8) | right
            times[pair] += 1
            weight[pair] += frequency[word]


@kernel
def list_byte_pairs(symbols: np.ndarray, following: np.ndarray, places: np.ndarray) -> None:
    """Write the places of the pairs of bytes, those of each pair from `following[left << 8 | right]` on."""
    word = 0
    for p in range(1, len(symbols) - 1):
        left, right = symbols[p], symbols[p + 1]
        if left == BORDER:
            word += 1
        elif right != BORDER:
            pair = (left << 8) | right
            places[following[pair]] = (p << 32) | word
            following[pair] += 1


@kernel
def _recount(learner: Learner, pair: int) -> int:
    """Make a record's bound its count, which is returned, and drop the places where the pair no longer is."""
    symbols, frequency, places = learner.symbols, learner.frequency, learner.places
    record = learner.pairs[pair]
    left, right = record.left, record.right
    length = np.int64(learner.tokens[left].length)
    first, last = record.first, record.first + record.size - 1
    kept = first
    count = 0
    for k in range(first, last + 1):
        prefetch(symbols, places[min(k + _AHEAD, last)] >> 32)
        place = places[k]
        p = place >> 32
        if symbols[p] == left and symbols[p + length] == right:
            places[kept] = place
            kept += 1
            count += frequency[place & _WORD_MASK]
    learner.state[PLACES_READ] += record.size
    record.size = kept - first
    record.bound = count
    record.counted = learner.state[NUM_MERGES]
    return count


@kernel
def _lower_floor(learner: Learner, lowest: int) -> None:
    """Lower the floor of the empty queue until some record is in it, or the floor is `lowest`."""
    pairs, state = learner.pairs, learner.state
    while state[NUM_QUEUED] == 0 and state[FLOOR] > lowest:
        highest = np.int64(0)
        for pair in range(state[NUM_PAIRS]):  # all bounds are below the floor now
            highest = max(highest, pairs[pair].bound)
        state[FLOOR] = max(lowest, highest // 2)
        for pair in range(state[NUM_PAIRS]):
            if pairs[pair].bound >= state[FLOOR]:
                push(learner.queue, state[NUM_QUEUED], learner.text, learner.tokens, pairs, pair)
                state[NUM_QUEUED] += 1


@kernel
def _commonest(learner: Learner) -> int:
    """Bring the commonest pair, exactly counted, to the head of the queue; return −1 if the queue has run empty."""
    text, tokens, pairs, queue, state = learner.text, learner.tokens, learner.pairs, learner.queue, learner.state
    while state[NUM_QUEUED] > 0:
        pair = queue[0].pair
        record = pairs[pair]
        bound = queue[0].bound
        if bound == record.bound:
            if tokens[record.left].touched <= record.counted and tokens[record.right].touched <= record.counted:
                return pair
            count = _recount(learner, pair)
            if count == bound:
                return pair
            if count >= state[FLOOR]:
                replace_head(queue, state[NUM_QUEUED], text, tokens, pairs, count, pair)
                continue
        _drop_head(learner)
    return -1


@kernel
def _drop_head(learner: Learner) -> None:
    """Take the first entry out of the queue."""
    queue, state = learner.queue, learner.state
    state[NUM_QUEUED] -= 1
    last = queue[state[NUM_QUEUED]]
    replace_head(queue, state[NUM_QUEUED], learner.text, learner.tokens, learner.pairs, last.bound, last.pair)


@kernel
def _merge(learner: Learner, pair: int, new: int) -> None:
    """Write the token `new` wherever the pair is, and note its neighbours."""
    symbols, frequency, tokens, places = learner.symbols, learner.frequency, learner.tokens, learner.places
    notes, neighbours = learner.notes, learner.neighbours
    num_notes, num_listed = learner.num_notes, learner.num_listed
    num_notes[:] = 0
    num_listed[:] = 0
    record = learner.pairs[pair]
    left, right = record.left, record.right
    left_length, length = np.int64(tokens[left].length), np.int64(tokens[new].length)
    first, last = record.first, record.first + record.size - 1
    for k in range(first, last + 1):
        prefetch(symbols, places[min(k + _AHEAD, last)] >> 32)
        place = places[k]
        p = place >> 32
        if symbols[p] != left or symbols[p + left_length] != right:
            continue
        symbols[p + left_length] = _INSIDE  # no token begins here any more; if it is the last byte, that comes next
        symbols[p + length - 1] = new
        symbols[p] = new
        for side in range(2):
            token = np.int64(symbols[p - 1] if side == _LEFT else symbols[p + length])
            if token == BORDER:
                continue
            neighbour = neighbours[side, token]
            if neighbour.times == 0:
                neighbours[side, num_listed[side]].listed = token
                num_listed[side] += 1
            neighbour.times += 1
            neighbour.weight += frequency[place & _WORD_MASK]
            note = notes[side, num_notes[side]]
            note.token = token
            note.place = place - (np.int64(tokens[token].length) << 32) if side == _LEFT else place
            num_notes[side] += 1
    learner.state[PLACES_READ] += record.size
    record.size = 0
    record.bound = 0


@kernel
def _make_records(learner: Learner, side: int, new: int, max_length: int) -> None:
    """Turn the neighbours noted on one side into records, and leave `neighbours` zero for the next step."""
    tokens, pairs, places, state = learner.tokens, learner.pairs, learner.places, learner.state
    notes, neighbours = learner.notes, learner.neighbours
    for i in range(learner.num_listed[side]):
        token = np.int64(neighbours[side, i].listed)
        neighbour = neighbours[side, token]
        too_long = np.int64(tokens[token].length) + np.int64(tokens[new].length) > max_length
        record = pairs[state[NUM_PAIRS]]
        record.left = token if side == _LEFT else new
        record.right = new if side == _LEFT else token
        record.bound = 0 if too_long else neighbour.weight  # a bound of 0 is never merged
        record.first = state[NUM_PLACES]
        record.size = neighbour.times
        record.counted = state[NUM_MERGES] - 1  # the parts of the new token were merged away in this very step
        neighbour.weight = state[NUM_PLACES]  # from here on: where its next place goes
        state[NUM_PLACES] += neighbour.times
        state[NUM_PAIRS] += 1
    for k in range(learner.num_notes[side]):
        neighbour = neighbours[side, notes[side, k].token]
        places[neighbour.weight] = notes[side, k].place
        neighbour.weight += 1
    for i in range(learner.num_listed[side]):
        neighbour = neighbours[side, neighbours[side, i].listed]
        neighbour.weight = 0
        neighbour.times = 0


@kernel
def _has_room(learner: Learner, size: int) -> bool:
    """Return whether merging at `size` places is sure to fit, and set what is needed if not."""
    state = learner.state
    most_pairs = 2 * min(size, state[NUM_TOKENS] + 1)
    state[NEED_PAIRS] = max(state[NUM_PAIRS], state[NUM_QUEUED]) + most_pairs
    state[NEED_PLACES] = state[NUM_PLACES] + 2 * size
    state[NEED_NOTES] = size
    return (
        state[NEED_PAIRS] <= len(learner.pairs)
        and state[NEED_PLACES] <= len(learner.places)
        and size <= learner.notes.shape[1]
    )


@kernel
def learn(learner: Learner, goal: int, min_frequency: int, max_length: int) -> int:
    """Merge until there are `goal` merges; return REACHED, EXHAUSTED or GROW.

    Args:
        learner: from `bpe.kernels.learning`.
        goal: merges in all.
        min_frequency: pairs with a lower count are not merged; at least 1.
        max_length: pairs that would make a longer token, in bytes, are not merged.
    """
    text, tokens, pairs, queue, state = learner.text, learner.tokens, learner.pairs, learner.queue, learner.state
    while state[NUM_MERGES] < goal:
        pair = _commonest(learner)
        if pair < 0:
            if state[FLOOR] <= min_frequency:
                return EXHAUSTED
            _lower_floor(learner, min_frequency)
            continue
        if not _has_room(learner, pairs[pair].size):
            return GROW
        _drop_head(learner)
        left, right = np.int64(pairs[pair].left), np.int64(pairs[pair].right)
        new, step, first = state[NUM_TOKENS], state[NUM_MERGES], state[NUM_PAIRS]
        length = np.int64(tokens[left].length) + np.int64(tokens[right].length)
        add_token(text, tokens, new, learner.places[pairs[pair].first] >> 32, int(length))
        learner.merges[step, 0] = left
        learner.merges[step, 1] = right
        state[NUM_TOKENS] += 1
        state[NUM_MERGES] += 1
        tokens[left].touched = state[NUM_MERGES]
        tokens[right].touched = state[NUM_MERGES]
        _merge(learner, pair, new)
        for side in range(2):
            _make_records(learner, side, new, max_length)
        for made in range(first, state[NUM_PAIRS]):
            if pairs[made].bound >= state[FLOOR]:
                push(queue, state[NUM_QUEUED], text, tokens, pairs, made)
                state[NUM_QUEUED] += 1
    return REACHED
