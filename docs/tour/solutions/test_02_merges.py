"""Chapter 2: byte-pair encoding. Replace the body of a function by your own and run this file with pytest."""

from collections import Counter
from itertools import pairwise

import pytest

from bpe import Tokenizer, train_bpe

Pair = tuple[bytes, bytes]
TEXT = "low low low low low lower lower widest widest widest newest newest newest newest newest newest"


def most_frequent_pair(words: dict[tuple[bytes, ...], int]) -> Pair:
    """Return the pair of neighbours with the highest count, of equals the greatest; words come with their counts."""
    counts: Counter[Pair] = Counter()
    for tokens, times in words.items():
        for pair in pairwise(tokens):
            counts[pair] += times
    return max(counts, key=lambda pair: (counts[pair], pair))


def merge(tokens: list[bytes], pair: Pair) -> list[bytes]:
    """Return the tokens with each occurrence of the pair merged, from left to right."""
    merged: list[bytes] = []
    i = 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == pair:
            merged.append(pair[0] + pair[1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def encode(piece: bytes, merges: list[Pair]) -> list[bytes]:
    """Return the tokens of a piece: its bytes, after all merges in their order."""
    tokens = [bytes([byte]) for byte in piece]
    for pair in merges:
        tokens = merge(tokens, pair)
    return tokens


def test_most_frequent_pair():
    words = {tuple(bytes([byte]) for byte in word): times for word, times in {b"ab": 2, b"bab": 1, b"xy": 3}.items()}
    assert most_frequent_pair(words) == (b"x", b"y")  # as often as a b, and greater
    assert most_frequent_pair({(b"a", b"st"): 2, (b"s", b"t", b"s", b"t"): 1}) == (b"s", b"t")


def test_merge():
    a = b"a"
    assert merge([a, a, a], (a, a)) == [b"aa", a]
    assert merge([a, b"b", a, b"b", a], (a, b"b")) == [b"ab", b"ab", a]
    assert merge([], (a, a)) == []


def test_together_they_learn_the_merges_of_the_package():
    _, merges = train_bpe(iter([TEXT]), 256 + 8)
    counts = Counter([b"low"] + [b" " + word.encode() for word in TEXT.split()[1:]])
    words = {tuple(bytes([byte]) for byte in word): times for word, times in counts.items()}
    learned = []
    for _ in range(8):
        learned.append(most_frequent_pair(words))
        words = {tuple(merge(list(tokens), learned[-1])): times for tokens, times in words.items()}
    assert learned == merges


@pytest.mark.parametrize("piece", [b"newest", b"lowest", b" low", b"we", b"x", b"estest"])
def test_encode(piece):
    vocab, merges = train_bpe(iter([TEXT]), 256 + 8)
    expected = [vocab[token_id] for token_id in Tokenizer(vocab, merges).encode(piece.decode())]
    assert encode(piece, merges) == expected
