"""Learning merges with the kernels: the arrays that they work on, and the conversion of words and merges."""

from collections.abc import Callable

import numpy as np

from bpe.compiled.calling import Arguments
from bpe.kernels.loading import kernel
from bpe.kernels.runtime.layout import TASK
from bpe.kernels.training import layout as training, records
from bpe.reference import Pair

_LARGEST = 2**31 - 1
_NO_LIMIT = 2**62
_MERGES_PER_CALL = 1000  # between two calls, progress is reported and Ctrl-C is handled


def learn_merges(
    words: "np.ndarray",
    borders: "np.ndarray",
    frequency: "np.ndarray",
    num_merges: int,
    *,
    min_frequency: int = 1,
    max_token_length: int | None = None,
    report_progress: Callable[[int], None] | None = None,
) -> list[Pair]:
    """Return at most `num_merges` merges, the same as `bpe.reference.learn_merges`.

    Args:
        words: uint8: the words one after another, with one byte (of any value) before, between and after them.
        borders: int64 `[words + 1]`: where these bytes are, ascending.
        frequency: int64 `[words]`: how often each word occurs, at least once.
        num_merges: the maximum number of merges.
        min_frequency: pairs with a lower count are not merged; at least 1.
        max_token_length: the maximum length of a token, in bytes.
        report_progress: called from time to time with the number of merges made since the last call.

    Raises:
        ValueError: the words have 2 GiB or more.
    """
    if len(words) > _LARGEST:
        raise ValueError(f"the distinct pieces of the text make {len(words)} bytes; the limit is {_LARGEST}")
    learner = Learner(words, borders, frequency, num_merges, min_frequency, max_token_length)
    done, more = 0, True
    while more and done < num_merges:
        more = learner.learn(min(num_merges, done + _MERGES_PER_CALL))
        if report_progress is not None:
            report_progress(learner.num_merges - done)
        done = learner.num_merges
    return learner.merges()


class Learner:
    """Words, the pairs of tokens in them, and the merges made so far."""

    def __init__(
        self,
        words: "np.ndarray",
        borders: "np.ndarray",
        frequency: "np.ndarray",
        num_merges: int,
        min_frequency: int = 1,
        max_token_length: int | None = None,
    ) -> None:
        """Count the pairs of bytes. Arguments are those of `learn_merges`."""
        self._kernel = kernel("train")
        self._a = a = Arguments(training.NUM_TRAINING_ARGUMENTS)
        self.progress = np.zeros(training.PROGRESS_SIZE, np.int64)
        symbols = words.astype(np.int32)
        symbols[borders] = training.BORDER
        a[training.WORDS], a[training.SYMBOLS], a[training.FREQUENCY] = words, symbols, frequency
        a[training.PROGRESS] = self.progress
        a[training.MIN_FREQUENCY] = min_frequency
        a[training.MAX_LENGTH] = _NO_LIMIT if max_token_length is None else max_token_length
        tokens = np.zeros(256 + num_merges, records.TOKEN)
        tokens["touched"] = -1
        tokens["length"][:256] = 1
        tokens["prefix"][:256] = np.arange(256, dtype=np.uint64) << np.uint64(56)
        a[training.TOKENS] = tokens
        a[training.LEARNED_MERGES] = np.empty(2 * num_merges, np.int32)
        a[training.NEIGHBOURS] = np.zeros(2 * len(tokens), records.NEIGHBOUR)
        a[training.NOTES] = np.empty(2048, records.NOTE)
        self._list_byte_pairs(can_merge=max_token_length is None or max_token_length >= 2)
        self.progress[training.NUM_TOKENS] = 256
        self.progress[training.FLOOR] = 2**63 - 1

    def _list_byte_pairs(self, *, can_merge: bool) -> None:
        a = self._a
        times, weight = np.zeros(65_536, np.int64), np.zeros(65_536, np.int64)
        a[training.BYTE_PAIR_TIMES], a[training.BYTE_PAIR_WEIGHT] = times, weight
        self._do(training.COUNT_BYTE_PAIRS)
        occurring = np.flatnonzero(times)
        first = np.cumsum(times) - times
        pairs = np.zeros(2 * len(occurring) + 1024, records.PAIR_RECORD)
        known = pairs[: len(occurring)]
        known["left"], known["right"] = occurring >> 8, occurring & 0xFF
        known["bound"] = weight[occurring] if can_merge else 0
        known["first"], known["size"] = first[occurring], times[occurring]
        num_places = int(times.sum())
        a[training.PAIR_RECORDS], a[training.QUEUE] = pairs, np.empty(len(pairs), records.QUEUE_ENTRY)
        a[training.PLACES] = np.empty(num_places + num_places // 2 + 1024, np.int64)
        a[training.BYTE_PAIR_TIMES] = first
        self._do(training.LIST_BYTE_PAIRS)
        self.progress[training.NUM_PAIRS], self.progress[training.NUM_PLACES] = len(occurring), num_places

    def _do(self, task: int) -> int:
        self._a[TASK] = task
        return self._a.call(self._kernel)

    @property
    def num_merges(self) -> int:
        """The number of merges made so far."""
        return int(self.progress[training.NUM_MERGES])

    def learn(self, goal: int) -> bool:
        """Merge until there are `goal` merges; return False if no pair is left before that."""
        self._a[training.GOAL] = goal
        while True:
            outcome = self._do(training.LEARN)
            if outcome != training.GROW:
                return outcome == training.DONE
            self._grow()

    def _grow(self) -> None:
        """Enlarge the arrays as the kernel requested."""
        a, progress = self._a, self.progress
        a[training.PAIR_RECORDS] = _resized(a[training.PAIR_RECORDS], int(progress[training.NEED_PAIRS]))
        a[training.QUEUE] = _resized(a[training.QUEUE], len(a[training.PAIR_RECORDS]))
        a[training.PLACES] = _resized(a[training.PLACES], int(progress[training.NEED_PLACES]))
        if len(a[training.NOTES]) < 2 * progress[training.NEED_NOTES]:
            a[training.NOTES] = np.empty(4 * int(progress[training.NEED_NOTES]), records.NOTE)

    def merges(self) -> list[Pair]:
        """Return the merges as pairs of byte strings."""
        text = self._a[training.WORDS].tobytes()
        made = self._a[training.TOKENS][256 : self.progress[training.NUM_TOKENS]]
        tokens = [bytes([byte]) for byte in range(256)]
        tokens += [
            text[place : place + length]
            for place, length in zip(made["place"].tolist(), made["length"].tolist(), strict=True)
        ]
        sides = self._a[training.LEARNED_MERGES][: 2 * self.num_merges].tolist()
        return [(tokens[left], tokens[right]) for left, right in zip(sides[::2], sides[1::2], strict=True)]


def _resized(array: "np.ndarray", needed: int) -> "np.ndarray":
    """Return the array with room for `needed` items, and some more if it has to be copied."""
    if needed <= len(array):
        return array
    larger = np.empty(max(needed, len(array) + len(array) // 2), array.dtype)
    larger[: len(array)] = array
    return larger
