"""Pieces of every length, and tokens that no merge makes: the compiled engine against the reference."""

import random

import pytest
from hypothesis import given, strategies as st

pytest.importorskip("numba", reason="needs numba")

from .conftest import BYTES, both

LONG_UNITS = ["a", " ", "!", "7", "👍", "狐", "\n", "ab", "\x00", "é", "\u3000", "'s", "Ab", "a b"]


@pytest.mark.parametrize("name", ["gpt2", "o200k", "cl100k", "odd", "few", "custom"])
@pytest.mark.parametrize("unit", LONG_UNITS)
def test_very_long_pieces(pairs, name, unit):
    """Longer than a chunk, and then around the lengths from which pieces are processed differently."""
    compiled = pairs[name].compiled
    text = unit * (400_000 // len(unit))
    ids = compiled.encode(text)
    assert compiled.decode(ids) == text
    pairs[name].check(text[:20_000])
    for length in (7, 14, 15, 16, 17, 47, 48, 49, 255, 1022, 1023, 1024, 1025, 1026, 2047, 2048, 2049, 3100):
        pairs[name].check(unit * length)
        pairs[name].check("x" + unit * length + "y")


def test_a_long_run_of_one_letter(pairs):
    """Merging is O(n log n) in both engines."""
    pairs["gpt2"].check("a" * 200_000 + "!")
    compiled = pairs["gpt2"].compiled
    text = "a" * 2_000_000 + "!"
    assert compiled.decode(compiled.encode(text)) == text


@given(
    lengths=st.lists(st.sampled_from([1, 14, 15, 16, 17, 47, 48, 49, 1023, 1024, 1025, 2048]), min_size=1, max_size=6),
    seed=st.integers(0, 1 << 20),
)
def test_pieces_at_the_limits_of_each_cache(pairs, lengths, seed):
    generator = random.Random(seed)
    text = " ".join("".join(generator.choices("abcdef", k=length)) for length in lengths)
    for name in ("many", "few", "custom", "odd", "whole"):
        pairs[name].check(text)
        pairs[name].check(text + " " + text)


def test_ignore_merges(pairs):
    """A piece that is a token is encoded as that token, whatever its length; longer pieces are merged."""
    reference, compiled = pairs["whole"]
    for token in reference._vocab.values():
        try:
            text = token.decode()
        except UnicodeDecodeError:
            continue
        for around in (text, text + "!", "!" + text, text + text[:1]):
            pairs["whole"].check(around)
    assert compiled._encoder is not None
    assert len(compiled.encode("a" * 1024)) == 1


@pytest.mark.parametrize(
    "words",
    [
        [b"incomprehensible%x" % k for k in range(0x100000, 0x100000 + 40_000)],
        [b"w%x" % k for k in range(0x100000, 0x100000 + 400_000)],
        [b"a" * 1000 + b"%x" % k for k in range(0x100000, 0x100000 + 5000)],
        [b"a" * 3000],
    ],
    ids=["many long", "many short", "many bytes", "a very long one"],
)
def test_ignore_merges_with_more_tokens_than_fit_into_the_cache(words):
    """Then the reference encodes."""
    pair = both(dict(enumerate([*BYTES.values(), *words])), [], ignore_merges=True, pattern=r"[a-z0-9]+")
    sample = [*words[:200], *words[len(words) // 2 :][:200], *words[-200:]]
    ids = pair.check(" ".join(word.decode() for word in sample))
    assert len(ids) == 2 * len(sample) - 1
