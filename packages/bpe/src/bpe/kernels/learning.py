"""Learning merges with the kernels: the arrays they work on, and the way from words to arrays and from ids to bytes."""

from collections.abc import Callable

import numpy as np

from bpe.kernels import learn as kernel
from bpe.kernels.learn import (
    BORDER,
    EXHAUSTED,
    FLOOR,
    GROW,
    NEED_NOTES,
    NEED_PAIRS,
    NEED_PLACES,
    NEIGHBOUR,
    NOTE,
    NUM_MERGES,
    NUM_PAIRS,
    NUM_PLACES,
    NUM_TOKENS,
    REACHED,
    STATE_SIZE,
    Learner,
)
from bpe.kernels.pairs import ENTRY, PAIR
from bpe.kernels.tokens import TOKEN
from bpe.reference import Pair

_LARGEST = 2**31 - 1
_NO_LIMIT = 2**62
_MERGES_PER_CALL = 1000  # between two calls, progress is reported and an interrupt is heard


def learn_merges(
    text: np.ndarray,
    borders: np.ndarray,
    frequency: np.ndarray,
    num_merges: int,
    *,
    min_frequency: int = 1,
    max_token_length: int | None = None,
    report_progress: Callable[[int, int], None] | None = None,
) -> list[Pair]:
    """Return at most `num_merges` merges, the same as `bpe.reference.learn_merges`.

    Args:
        text: uint8: the words one after another, with one byte (of any value) before, between and after them.
        borders: int64 `[words + 1]`: where these bytes are, ascending.
        frequency: int64 `[words]`: how often each word occurs, at least once.
        num_merges: the most merges that come back.
        min_frequency: pairs with a lower count are not merged; at least 1.
        max_token_length: no token gets longer than this, in bytes.
        report_progress: is told the number of merges made, and `num_merges`.

    Raises:
        ValueError: the words have 2 GiB or more.
    """
    if len(text) > _LARGEST:
        raise ValueError(f"the distinct pieces of the text make {len(text)} bytes; the limit is {_LARGEST}")
    max_length = _NO_LIMIT if max_token_length is None else max_token_length
    learner = _start(text, borders, frequency, num_merges, max_length)
    outcome = REACHED
    while True:
        done = int(learner.state[NUM_MERGES])
        if report_progress is not None:
            report_progress(done, num_merges)
        if done == num_merges or outcome == EXHAUSTED:
            return _merges_as_bytes(learner)
        goal = min(num_merges, done + _MERGES_PER_CALL)
        outcome = kernel.learn(learner, goal, min_frequency, max_length)
        if outcome == GROW:
            learner = _grown(learner)


def _start(text: np.ndarray, borders: np.ndarray, frequency: np.ndarray, num_merges: int, max_length: int) -> Learner:
    """Return the learner that knows the pairs of bytes."""
    symbols = text.astype(np.int32)
    symbols[borders] = BORDER
    times, weight = np.zeros(65536, np.int64), np.zeros(65536, np.int64)
    kernel.count_byte_pairs(symbols, frequency, times, weight)
    occurring = np.flatnonzero(times)
    first = np.cumsum(times) - times
    pairs = np.zeros(2 * len(occurring) + 1024, PAIR)
    known = pairs[: len(occurring)]
    known["left"], known["right"] = occurring >> 8, occurring & 0xFF
    known["bound"] = weight[occurring] if max_length >= 2 else 0
    known["first"], known["size"] = first[occurring], times[occurring]
    num_places = int(times.sum())
    places = np.empty(num_places + num_places // 2 + 1024, np.int64)
    kernel.list_byte_pairs(symbols, first, places)
    tokens = np.zeros(256 + num_merges, TOKEN)
    tokens["touched"] = -1
    tokens["length"][:256] = 1
    tokens["prefix"][:256] = np.arange(256, dtype=np.uint64) << np.uint64(56)
    state = np.zeros(STATE_SIZE, np.int64)
    state[NUM_TOKENS], state[NUM_PAIRS], state[NUM_PLACES] = 256, len(occurring), num_places
    state[FLOOR] = 2**63 - 1
    return Learner(
        text=text,
        symbols=symbols,
        frequency=frequency,
        tokens=tokens,
        pairs=pairs,
        places=places,
        queue=np.empty(len(pairs), ENTRY),
        notes=np.empty((2, 1024), NOTE),
        neighbours=np.zeros((2, len(tokens)), NEIGHBOUR),
        num_notes=np.zeros(2, np.int64),
        num_listed=np.zeros(2, np.int64),
        merges=np.empty((num_merges, 2), np.int32),
        state=state,
    )


def _grown(learner: Learner) -> Learner:
    """Return the learner with the room that its state asks for."""
    need = learner.state
    pairs = _resized(learner.pairs, int(need[NEED_PAIRS]))
    notes = learner.notes
    if notes.shape[1] < need[NEED_NOTES]:
        notes = np.empty((2, 2 * int(need[NEED_NOTES])), NOTE)
    return learner._replace(
        pairs=pairs,
        queue=_resized(learner.queue, len(pairs)),
        places=_resized(learner.places, int(need[NEED_PLACES])),
        notes=notes,
    )


def _resized(array: np.ndarray, needed: int) -> np.ndarray:
    """Return the array with room for `needed` items, and some more if it has to be copied."""
    if needed <= len(array):
        return array
    larger = np.empty(max(needed, len(array) + len(array) // 2), array.dtype)
    larger[: len(array)] = array
    return larger


def _merges_as_bytes(learner: Learner) -> list[Pair]:
    """Return the merges as pairs of byte strings."""
    text = learner.text.tobytes()
    made = learner.tokens[256 : learner.state[NUM_TOKENS]]
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [
        text[place : place + length]
        for place, length in zip(made["place"].tolist(), made["length"].tolist(), strict=True)
    ]
    merges = learner.merges[: learner.state[NUM_MERGES]]
    return [(tokens[left], tokens[right]) for left, right in merges.tolist()]
