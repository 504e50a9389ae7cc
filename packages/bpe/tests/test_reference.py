from collections import Counter
from itertools import pairwise

from hypothesis import given, strategies as st

from bpe.patterns import compile_pattern
from bpe.reference import count_pieces, learn_merges, merge_by_rank, split_bytes

SPEC_TEXT = "low low low low low lower lower widest widest widest newest newest newest newest newest newest"
SPEC_MERGES = [(b"s", b"t"), (b"e", b"st"), (b"o", b"w"), (b"l", b"ow"), (b"w", b"est"), (b"n", b"e")]


def merge_pair(word, pair):
    """Replace each occurrence of `pair`, from the left."""
    merged, i = [], 0
    while i < len(word):
        if tuple(word[i : i + 2]) == pair:
            merged.append(word[i] + word[i + 1])
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return merged


def naive_merges(counts, num_merges):
    """Count all pairs again in every step."""
    words = {tuple(split_bytes(piece.encode())): count for piece, count in counts.items()}
    merges = []
    while len(merges) < num_merges:
        pairs = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        words = {tuple(merge_pair(word, best)): count for word, count in words.items()}
    return merges


def naive_merge_by_rank(tokens, ranks):
    """Search for the best pair again in every step."""
    tokens = list(tokens)
    while True:
        ranked = [(ranks[pair], i) for i, pair in enumerate(pairwise(tokens)) if pair in ranks]
        if not ranked:
            return tokens
        i = min(ranked)[1]
        tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]


def test_worked_example():
    counts = count_pieces([SPEC_TEXT], compile_pattern(r"\S+"))
    del counts[" "]
    assert learn_merges(counts, 6) == SPEC_MERGES
    ranks = {pair: rank for rank, pair in enumerate(SPEC_MERGES)}
    assert merge_by_rank(split_bytes(b"newest"), ranks) == [b"ne", b"west"]


def test_ties_go_to_the_greater_pair_of_raw_bytes():
    # As printable stand-ins a space ("Ġ", U+0120) would be greater than "z"; as a byte it is smaller.
    assert learn_merges({" a": 1, "za": 1}, 1) == [(b"z", b"a")]
    # A longer token is greater than its own prefix.
    assert learn_merges({"ab": 3, "abc": 2, "aab": 2, "ax": 7}, 3)[:2] == [(b"a", b"x"), (b"a", b"b")]
    assert learn_merges({"ab!": 2, "c!": 2, "abd!": 2}, 4) == naive_merges({"ab!": 2, "c!": 2, "abd!": 2}, 4)


COUNTS = st.dictionaries(st.text("abé", min_size=1, max_size=12), st.integers(1, 5), max_size=8)


@given(counts=COUNTS, num_merges=st.integers(0, 20))
def test_learning_equals_counting_again_in_every_step(counts, num_merges):
    assert learn_merges(counts, num_merges) == naive_merges(counts, num_merges)


@given(counts=COUNTS, text=st.text("abé", max_size=30))
def test_merging_equals_a_scan_in_every_step(counts, text):
    ranks = {pair: rank for rank, pair in enumerate(learn_merges(counts, 20))}
    tokens = split_bytes(text.encode())
    assert merge_by_rank(tokens, ranks) == naive_merge_by_rank(tokens, ranks)


@given(
    ranks=st.lists(st.tuples(st.binary(min_size=1, max_size=2), st.binary(min_size=1, max_size=2)), max_size=30).map(
        lambda pairs: {
            (bytes(b"ab"[x % 2] for x in left), bytes(b"ab"[x % 2] for x in right)): rank
            for rank, (left, right) in enumerate(pairs)
        }
    ),
    text=st.text("ab", max_size=20),
)
def test_merging_in_any_order_of_ranks(ranks, text):
    """In the files of other programs a pair may come before the pairs that make its parts."""
    tokens = split_bytes(text.encode())
    assert merge_by_rank(tokens, ranks) == naive_merge_by_rank(tokens, ranks)


def test_merging_encodes_a_word_as_training_did():
    counts = {"banana": 4, "bandana": 3, "ana": 9}
    merges = learn_merges(counts, 5)
    word = split_bytes(b"bandana")
    for pair in merges:
        word = merge_pair(word, pair)
    assert merge_by_rank(split_bytes(b"bandana"), {pair: rank for rank, pair in enumerate(merges)}) == word


def test_a_long_piece_takes_few_steps():
    """Counted, not timed: a quadratic search would look up some 10^10 pairs here."""

    class CountingRanks(dict):
        asked = 0

        def get(self, pair):
            self.asked += 1
            return super().get(pair)

    ranks = CountingRanks({(b"a" * 2**i, b"a" * 2**i): i for i in range(10)})
    size = 100_000
    tokens = merge_by_rank(split_bytes(b"a" * size), ranks)
    assert b"".join(tokens) == b"a" * size
    assert ranks.asked < 6 * size
