"""Merges recovered from ranks: which pair of tokens makes each token of a `.tiktoken` file.

tiktoken's rule has no merges. It starts from single bytes and repeatedly joins the neighbours whose *concatenation* is
the token of lowest rank, the leftmost of equals. Applied to a token's own bytes, that rule makes the token, if it makes
it at all, by one last join, and the two tokens joined there are its merge:

>>> ranks = {b"l": 0, b"o": 1, b"w": 2, b"e": 3, b"r": 4, b"lo": 5, b"er": 6, b"low": 7, b"lower": 8, b"rr": 9}
>>> recover_merges(ranks)
([(b'l', b'o'), (b'e', b'r'), (b'lo', b'w'), (b'low', b'er'), (b'r', b'r')], [])

**Why this is exact.** Take any text in which the rule makes a token t from a span of bytes. Until then no join crossed
the borders of the span, or t could not have been made there. So each join inside the span was chosen among the pairs
inside it, whose ranks depend on its own bytes alone, and a join outside changed none of them: the bytes of the span
evolved exactly as they do alone. Hence t is made by the same last pair wherever it is made; every join that the rule
ever makes is one of the recovered merges; and as these are ordered by the rank of the token that they make, applying
them in order of rank, the leftmost of equals first, makes the same joins.

**Tokens that no merge makes.** A token's own bytes may end in more than two parts. Then no text makes the token by
joins. It is found only as a whole piece, which tiktoken looks up before anything else. The option `ignore_merges` does
the same:

>>> recover_merges({b"a": 0, b"b": 1, b"c": 2, b"ab": 3, b"abcb": 4})
([(b'a', b'b')], [b'abcb'])
"""

from collections.abc import Callable, Mapping

from bpe.reference import Pair, merge_by_rank, split_bytes

_LONG = 100  # bytes from which the queue of `merge_by_rank` is faster than a scan of all pairs in each step
_NO_RANK = 1 << 62


def recover_merges(
    ranks: Mapping[bytes, int], split: Callable[[bytes], list[bytes]] = split_bytes
) -> tuple[list[Pair], list[bytes]]:
    """Return the merges in order, and the tokens of several bytes that no merge makes.

    Args:
        ranks: the rank of each token. Tokens may have equal ranks; of their merges the leftmost is first, also here.
        split: what a token consists of before any join, if not of its bytes.
    """
    merges: list[Pair] = []
    unreachable: list[bytes] = []
    for token in sorted(ranks, key=ranks.__getitem__):
        first = split(token)
        if len(first) < 2:
            continue
        parts = last_parts(first, ranks) if len(first) < _LONG else last_parts_of_long(first, ranks)
        if len(parts) == 2:
            merges.append((parts[0], parts[1]))
        else:
            unreachable.append(token)
    return merges, unreachable


def last_parts(parts: list[bytes], ranks: Mapping[bytes, int]) -> list[bytes]:
    """Apply tiktoken's rule to the parts of a token until two are left, or nothing can be joined."""
    rank_of = ranks.get
    parts = list(parts)
    pair_ranks = [rank_of(parts[i] + parts[i + 1], _NO_RANK) for i in range(len(parts) - 1)]
    while len(parts) > 2:
        lowest = min(pair_ranks)
        if lowest == _NO_RANK:
            break
        i = pair_ranks.index(lowest)
        joined = parts[i] + parts[i + 1]
        parts[i : i + 2] = [joined]
        del pair_ranks[i]
        if i > 0:
            pair_ranks[i - 1] = rank_of(parts[i - 1] + joined, _NO_RANK)
        if i < len(pair_ranks):
            pair_ranks[i] = rank_of(joined + parts[i + 1], _NO_RANK)
    return parts


def last_parts_of_long(parts: list[bytes], ranks: Mapping[bytes, int]) -> list[bytes]:
    """Do the same in O(n log n) steps for a token of n parts: an untrusted file may have one of 65,536."""
    return merge_by_rank(parts, _RanksOfPairs(ranks, b"".join(parts)))


class _RanksOfPairs:
    """The rank of a pair is that of its concatenation, except for the token that is being analysed."""

    def __init__(self, ranks: Mapping[bytes, int], excluded: bytes) -> None:
        self._ranks = ranks
        self._excluded = excluded

    def get(self, pair: Pair, /) -> int | None:
        left, right = pair
        if not left or not right or left + right == self._excluded:  # b"" is a border, not a token
            return None
        return self._ranks.get(left + right)
