import pydoc_data.topics
import threading
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpe.patterns import PATTERNS, compile_pattern
from bpe.reference import count_pieces

pytest.importorskip("numba", reason="needs numba")
from bpe.kernels import counting

from .conftest import SCRIPTS, texts

PATTERN = compile_pattern("gpt2")
ANYTHING = compile_pattern(r"x+")  # what lies between two x is a piece, however long


def mark(text, pattern=PATTERN):
    return [counting.mark_textbook(text, pattern)]


def as_counter(counts):
    """What the words hold, read back from the arrays."""
    text, borders, frequency = counts.words()
    assert text[borders].tolist() == [0] * len(borders)
    encoded = text.tobytes()
    found = [encoded[begin + 1 : end].decode() for begin, end in pairwise(borders.tolist())]
    assert len(set(found)) == len(found) == counts.num_distinct
    return Counter(dict(zip(found, frequency.tolist(), strict=True)))


@pytest.mark.parametrize("pattern", [*PATTERNS, r"x+"])
@given(strings=st.lists(texts(), max_size=5))
def test_counting_equals_the_textbook(pattern, strings):
    compiled = compile_pattern(pattern)
    strings = [string for string in strings if string]
    counts = counting.count_pieces(strings, lambda string: mark(string, compiled))
    expected = count_pieces(strings, compiled)
    assert as_counter(counts) == expected
    assert counts.num_pieces == expected.total()


@given(
    pieces=st.lists(
        st.text("ab\x00", min_size=1, max_size=3)
        | st.integers(1, 40).map("a".__mul__)
        | st.text(min_size=14, max_size=18)
    ).map(lambda pieces: [piece.replace("x", "") or "a" for piece in pieces])
)
def test_pieces_of_every_length(pieces):
    """Around the 15 bytes that fit into two words, with zeros inside and at the end."""
    text = "x".join(pieces)
    counts = counting.count_pieces([text] if text else [], lambda string: mark(string, ANYTHING))
    assert as_counter(counts) == count_pieces([text], ANYTHING)


@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_real_text_in_several_threads(num_threads):
    strings = [*pydoc_data.topics.topics.values(), SCRIPTS] * 3
    counts = counting.count_pieces(iter(strings), mark, num_threads)
    assert as_counter(counts) == count_pieces(strings, PATTERN)


def test_tables_grow():
    """Far more short and long pieces than the first tables hold, and one that is longer than the first buffer."""
    text = "".join(f" w{i}x{i:030}x" for i in range(30_000)) + "y" * 100_000
    expected = count_pieces([text], ANYTHING)
    assert as_counter(counting.count_pieces([text], lambda string: mark(string, ANYTHING))) == expected
    halves = [text[:300_000], text[300_000:]]
    merged = counting.count_pieces(halves, lambda string: mark(string, ANYTHING), 2)
    assert as_counter(merged) == count_pieces(halves, ANYTHING)


def test_only_segments_are_counted():
    """A text with holes, whose bitmaps begin at different words."""
    text, _, first_starts = counting.mark_textbook("one two<hole>three four ", PATTERN)
    second_starts = counting.mark_textbook("three four ", PATTERN).starts
    segments = np.array([[0, 7, 0], [13, 24, len(first_starts)]], np.int64)
    marked = counting.MarkedText(text, segments, np.concatenate([first_starts, second_starts]))
    counts = counting.count_pieces([marked], lambda marked: [marked])
    assert as_counter(counts) == Counter(["one", " two", "three", " four", " "])


def test_an_error_in_one_thread_ends_all():
    taken = []

    def chunks():
        for i in range(10**9):
            taken.append(i)
            yield i

    def fail_at_hundred(i):
        if i == 100:
            raise ValueError("at hundred")
        return mark("some text")

    before = threading.active_count()
    with pytest.raises(ValueError, match="at hundred"):
        counting.count_pieces(chunks(), fail_at_hundred, 2)
    assert threading.active_count() == before
    assert len(taken) < 10**6


def test_memory_follows_the_distinct_pieces():
    """A long text with few pieces leaves the tables as small as they were."""
    counts = counting.count_pieces(["to be or not to be " * 1000] * 100, mark)
    assert counts.num_pieces == 100 * 6 * 1000 + 100
    assert sum(array.nbytes for array in counts._table) < 2**20


def test_no_text_at_all():
    counts = counting.count_pieces([], mark)
    assert as_counter(counts) == Counter()
    assert counts.num_pieces == 0
