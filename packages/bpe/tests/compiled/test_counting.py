import pydoc_data.topics
from collections import Counter
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, strategies as st

from bpe.patterns import PATTERNS, compile_pattern, split_pieces
from bpe.reference import count_pieces
from bpe.special_tokens import SpecialTokens

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled.counting import PieceCounter, piece_starts
from bpe.compiled.worker import NotUtf8Error, Specials

from ..conftest import END, SCRIPTS, texts

ANYTHING = compile_pattern(r"x+")  # the text between two x is a piece, however long


def count(strings, pattern="gpt2", special_tokens=()):
    """Count strings as one chunk, with the kernel's scanner."""
    counter = PieceCounter(PATTERNS[pattern], Specials(dict.fromkeys(special_tokens, 0)))
    encoded = [string.encode() for string in strings]
    add_chunk(counter, encoded)
    return counter


def count_split(strings, counter=None):
    """Count strings chunk by chunk, split by the reference."""
    counter = counter or PieceCounter(ANYTHING.pattern, Specials({}))
    for string in strings:
        pieces = split_pieces(string, ANYTHING)
        add_chunk(counter, [string.encode()], piece_starts([len(piece.encode()) for piece in pieces]))
    return counter


def add_chunk(counter, encoded, starts=None):
    data = b"".join(encoded)
    counter.buffer(len(data))[:] = data
    counter.count_buffer(list(accumulate(map(len, encoded))), starts)


def as_counter(counter):
    """The words with their counts, read from the arrays."""
    text, borders, frequency = counter.words()
    assert text[borders].tolist() == [0] * len(borders)
    encoded = text.tobytes()
    found = [encoded[begin + 1 : end].decode() for begin, end in pairwise(borders.tolist())]
    assert len(set(found)) == len(found) == counter.num_distinct
    return Counter(dict(zip(found, frequency.tolist(), strict=True)))


def expected_counts(strings, pattern="gpt2", special_tokens=()):
    specials = SpecialTokens(list(special_tokens))
    parts = [part for string in strings for part, is_special in specials.split(string) if not is_special]
    return count_pieces(parts, compile_pattern(pattern))


@pytest.mark.parametrize("pattern", PATTERNS)
@given(strings=st.lists(texts(), min_size=1, max_size=5))
def test_counting_equals_the_reference(pattern, strings):
    for special_tokens in ((), (END, "<|", "a")):
        counter = count(strings, pattern, special_tokens)
        expected = expected_counts(strings, pattern, special_tokens)
        assert as_counter(counter) == expected
        assert counter.num_pieces == expected.total()


@given(
    pieces=st.lists(
        st.text("ab\x00", min_size=1, max_size=3)
        | st.integers(1, 40).map("a".__mul__)
        | st.text(st.characters(codec="utf-8"), min_size=14, max_size=18),
        min_size=1,
    ).map(lambda pieces: [piece.replace("x", "") or "a" for piece in pieces])
)
def test_pieces_of_every_length(pieces):
    """Around the 15 bytes that fit into two words, with zero bytes inside and at the end."""
    text = "x".join(pieces)
    assert as_counter(count_split([text])) == count_pieces([text], ANYTHING)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_real_text_in_one_chunk_and_in_many(pattern):
    strings = [*pydoc_data.topics.topics.values(), SCRIPTS] * 2
    expected = expected_counts(strings, pattern)
    assert as_counter(count(strings, pattern)) == expected
    counter = count(strings[:10], pattern)
    for string in strings[10:]:
        add_chunk(counter, [string.encode()])
    assert as_counter(counter) == expected


def test_tables_grow_and_are_added():
    """Far more short and long pieces than fit into the first tables, and one longer than the first buffer."""
    text = "".join(f" w{i}x{i:030}x" for i in range(30_000)) + "y" * 100_000
    assert as_counter(count_split([text])) == count_pieces([text], ANYTHING)
    halves = [text[:300_000], text[300_000:]]
    small, large = count_split(halves[:1]), count_split(halves[1:])
    small.add(large)
    assert as_counter(small) == count_pieces(halves, ANYTHING)
    assert small.num_pieces == count_pieces(halves, ANYTHING).total()
    assert as_counter(large) == count_pieces(halves[1:], ANYTHING)  # is unchanged


def test_counting_continues_after_a_table_has_grown_within_a_chunk():
    """With documents before and after that place, and special tokens between them."""
    words = [f" {i}" for i in range(20_000)]
    documents = ["".join(words[k : k + 700]) for k in range(0, len(words), 700)]
    text = END.join(documents)
    assert as_counter(count([text, "", text], special_tokens=[END])) == Counter(words * 2)


def test_memory_follows_the_distinct_pieces():
    """A long text with few pieces does not enlarge the tables."""
    counter = count(["to be or not to be " * 1000])
    before = counter.num_bytes
    for _ in range(100):
        add_chunk(counter, [b"to be or not to be " * 1000])
    assert counter.num_pieces == 101 * (6 * 1000 + 1)
    assert counter.num_bytes == before < 2**20


def test_no_text():
    counter = count([""])
    assert as_counter(counter) == Counter()
    assert counter.num_pieces == 0


@pytest.mark.parametrize("bad", [b"caf\xe9", b"caf\xe9 au lait", b"\xed\xa0\x80", b"\xe2\x82<|endoftext|>"])
def test_text_that_is_not_utf8_is_an_error(bad):
    counter = count(["good"], special_tokens=[END])
    with pytest.raises(NotUtf8Error):
        add_chunk(counter, [b"good", bad])
