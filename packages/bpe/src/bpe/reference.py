"""The reference implementation of byte-pair encoding in plain Python: count, learn, merge.

A *token* is a `bytes` object. Training starts from single bytes and repeatedly merges the most frequent pair of
neighbouring tokens in the corpus; encoding applies the same merges, the earliest first.
(Sennrich, Haddow & Birch 2016, arXiv:1508.07909; on bytes: Radford et al. 2019, the GPT-2 report.)

Five times "low", twice "lower", three times "widest" and six times "newest" give

>>> counts = {"low": 5, "lower": 2, "widest": 3, "newest": 6}
>>> learn_merges(counts, 6)
[(b's', b't'), (b'e', b'st'), (b'o', b'w'), (b'l', b'ow'), (b'w', b'est'), (b'n', b'e')]
>>> ranks = {pair: rank for rank, pair in enumerate(learn_merges(counts, 6))}
>>> merge_by_rank(split_bytes(b"newest"), ranks)
[b'ne', b'west']
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Protocol

from bpe.patterns import SplitPattern, split_pieces

Pair = tuple[bytes, bytes]


class RanksOfPairs(Protocol):
    """Maps a pair of tokens to the rank of its merge; usually a dictionary."""

    def get(self, pair: Pair, /) -> int | None:
        """Return the rank, or None for a pair that is not merged, such as one with b"" in it."""


def split_bytes(piece: bytes) -> list[bytes]:
    """Return the single-byte tokens of a piece."""
    return [piece[i : i + 1] for i in range(len(piece))]


def count_pieces(texts: Iterable[str], pattern: SplitPattern) -> Counter[str]:
    """Count how often each piece (pre-token) occurs in the texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(split_pieces(text, pattern))
    return counts


def learn_merges(
    piece_counts: Mapping[str, int],
    num_merges: int,
    *,
    min_frequency: int = 1,
    max_token_length: int | None = None,
) -> list[Pair]:
    """Return at most `num_merges` merges, learned from pieces and how often each occurs.

    Each step merges the pair with the highest count; ties go to the lexicographically greater pair of byte strings.
    Fewer merges are returned if no pair is left that occurs at least `min_frequency` times and makes a token of at most
    `max_token_length` bytes.
    """
    words = [split_bytes(piece.encode()) for piece in piece_counts]
    frequencies = list(piece_counts.values())
    pair_counts: dict[Pair, int] = defaultdict(int)
    words_with: dict[Pair, set[int]] = defaultdict(set)
    for index, word in enumerate(words):
        for pair in pairwise(word):
            pair_counts[pair] += frequencies[index]
            words_with[pair].add(index)

    def is_allowed(pair: Pair) -> bool:
        return max_token_length is None or len(pair[0]) + len(pair[1]) <= max_token_length

    merges: list[Pair] = []
    queue = [_priority(pair, count) for pair, count in pair_counts.items() if is_allowed(pair)]
    heapq.heapify(queue)
    while queue and len(merges) < num_merges:
        negative_count, _, _, best = heapq.heappop(queue)
        count = pair_counts[best]
        if count != -negative_count:  # a count only decreases after its pair is queued: queue it again
            if count > 0:
                heapq.heappush(queue, _priority(best, count))
            continue
        if count < min_frequency:
            break
        merges.append(best)
        changes: dict[Pair, int] = defaultdict(int)
        for index in words_with.pop(best):
            words[index], created = _merge_in_word(words[index], best, frequencies[index], changes)
            for pair in created:
                words_with[pair].add(index)
        for pair, change in changes.items():
            pair_counts[pair] += change
            if change > 0 and is_allowed(pair):  # only pairs with the new token become more frequent
                heapq.heappush(queue, _priority(pair, pair_counts[pair]))
        pair_counts[best] = 0
    return merges


def _merge_in_word(
    word: list[bytes], pair: Pair, frequency: int, changes: dict[Pair, int]
) -> tuple[list[bytes], set[Pair]]:
    """Merge `pair` in `word` from left to right, and record how the counts of the pairs around it change.

    Returns the new word and the pairs that the new token forms in it.
    """
    left, right = pair
    merged: list[bytes] = []
    created: set[Pair] = set()
    i = 0
    while i < len(word):
        if word[i] != left or i + 1 == len(word) or word[i + 1] != right:
            merged.append(word[i])
            i += 1
            continue
        new = left + right
        if merged:
            changes[merged[-1], left] -= frequency
            changes[merged[-1], new] += frequency
            created.add((merged[-1], new))
        if i + 2 < len(word):
            changes[right, word[i + 2]] -= frequency
            changes[new, word[i + 2]] += frequency
            created.add((new, word[i + 2]))
        merged.append(new)
        i += 2
    return merged, created


_COMPLEMENT = bytes(255 - byte for byte in range(256))


def _priority(pair: Pair, count: int) -> tuple[int, str, str, Pair]:
    """Return a key that a min-heap pops first for the highest count, then for the greatest pair."""
    return -count, _descending(pair[0]), _descending(pair[1]), pair


def _descending(token: bytes) -> str:
    """Return a string that sorts in the opposite order of `token`: each byte is 255 − byte, and the end sorts last."""
    return token.translate(_COMPLEMENT).decode("latin-1") + "\u0100"


def merge_by_rank(tokens: list[bytes], ranks: RanksOfPairs) -> list[bytes]:
    """Merge neighbouring tokens, the pair of lowest rank first and the leftmost of equals, until no pair has a rank.

    A queue of candidates and a linked list of neighbours make it O(n log n) for a piece of n bytes.
    """
    # A token that is merged into its left neighbour becomes b"", which is in no pair. One more b"" at the end
    # represents both borders: index n from the left, index −1 from the right.
    tokens = [*tokens, b""]
    following = list(range(1, len(tokens) + 1))
    preceding = list(range(-1, len(tokens) - 1))
    queue: list[tuple[int, int]] = []

    def propose(i: int) -> None:
        rank = ranks.get((tokens[i], tokens[following[i]]))
        if rank is not None:
            heapq.heappush(queue, (rank, i))

    for i in range(len(tokens) - 1):
        propose(i)
    while queue:
        rank, i = heapq.heappop(queue)
        j = following[i]
        if ranks.get((tokens[i], tokens[j])) != rank:  # changed by another merge
            continue
        tokens[i] += tokens[j]
        tokens[j] = b""
        following[i] = following[j]
        preceding[following[i]] = i
        propose(i)
        if preceding[i] >= 0:
            propose(preceding[i])
    return [token for token in tokens if token]
