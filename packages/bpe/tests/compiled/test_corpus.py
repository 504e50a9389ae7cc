"""Counting a corpus as tasks in threads: `bpe.compiled.corpus` and `bpe.compiled.training`."""

import os
import pydoc_data.topics
import threading
from functools import partial

import pytest
from hypothesis import given, strategies as st

from bpe import PATTERNS, TextFileError, read_text
from bpe.patterns import compile_pattern
from bpe.reference import count_pieces
from bpe.special_tokens import SpecialTokens
from bpe.training_sources import open_source

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled import corpus as tasks_of_corpus
from bpe.compiled.counting import PieceCounter
from bpe.compiled.training import count_all, count_source
from bpe.compiled.worker import Specials

from ..conftest import END, SCRIPTS, texts
from .test_counting import as_counter, expected_counts

SPECIALS = SpecialTokens([END])
TOPICS = [*pydoc_data.topics.topics.values(), SCRIPTS]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """So that small texts have many chunks."""
    monkeypatch.setattr(tasks_of_corpus, "CHUNK_BYTES", 5_000)


def count(source, pattern="gpt2", num_threads=2):
    return as_counter(count_source(open_source(source), SPECIALS, compile_pattern(pattern), num_threads))


@pytest.mark.parametrize("pattern", [*PATTERNS, r"\p{L}+", r"\b\p{L}+"])
@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_files_and_strings_equal_the_reference(tmp_path, pattern, num_threads):
    paths = []
    for number in range(4):
        documents = TOPICS[number::4]
        paths.append(tmp_path / f"{number}.txt")
        paths[-1].write_bytes(END.join(documents).encode())
    expected = expected_counts(TOPICS, pattern)
    assert count(paths, pattern, num_threads) == expected
    assert count(iter(TOPICS), pattern, num_threads) == expected
    joined = END.join(TOPICS)  # one string that has to be cut
    assert count(iter(["", joined, ""]), pattern, num_threads) == expected


@given(strings=st.lists(texts(), min_size=1, max_size=5).filter(any))
def test_short_strings_equal_the_reference(strings):
    assert count(iter(strings)) == expected_counts(strings, special_tokens=[END])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_a_pipe_is_read_as_a_stream(tmp_path):
    text = END.join(TOPICS)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[text.encode()])
    writer.start()
    assert count(tmp_path / "pipe") == expected_counts(TOPICS)
    writer.join()


@pytest.mark.parametrize("ends", [b"", b" and more"])
@pytest.mark.parametrize("bad", [b"\xe9", b"\xe2\x82", b"\xed\xa0\x80", b"\xff\xff"])
@pytest.mark.parametrize("good", [0, 3, 4_999, 5_001, 40_000])
def test_the_error_for_invalid_utf8_equals_that_of_the_reference(tmp_path, good, bad, ends):
    """The first of two errors, although another thread may find the second one earlier."""
    path = tmp_path / "bad.txt"
    path.write_bytes(("\u0142 be " * 10_000).encode()[:good] + bad + ends + b" to be" * 3_000 + bad)
    with pytest.raises(TextFileError) as expected:
        list(read_text(path))
    for num_threads in (1, 3):
        with pytest.raises(TextFileError) as error:
            count(path, num_threads=num_threads)
        assert str(error.value) == str(expected.value)


def test_bad_files_and_strings_are_errors(tmp_path):
    (tmp_path / "good").write_bytes(b"good")
    (tmp_path / "empty").touch()
    with pytest.raises(TextFileError, match="empty is empty: give a file with text in it"):
        count([tmp_path / "good", tmp_path / "empty"])
    with pytest.raises(ValueError, match=r"item 3 of the iterable .* lone surrogate '\\udc80' at character 1"):
        count(iter(["a", "", "b", "c\udc80", "\udc81"]))
    with pytest.raises(ValueError, match="item 1 of the iterable to train on is of type bytes"):
        count(iter(["a", b"b"]))
    with pytest.raises(ValueError, match="has no text in it"):
        count(iter([""]))


def new_counter():
    return PieceCounter(PATTERNS["gpt2"], Specials({}))


def test_an_error_in_one_thread_stops_all():
    taken = []

    def work(number, counter):
        if number >= 100:
            raise ValueError(f"at {number}")

    def endless():
        for number in range(10**9):
            taken.append(number)
            yield partial(work, number)

    before = threading.active_count()
    for num_threads in (1, 2):
        with pytest.raises(ValueError, match="at 100"):
            count_all(endless(), new_counter, num_threads)
    assert threading.active_count() == before
    assert len(taken) < 10**6


def test_the_first_error_in_order_is_raised():
    second_failed = threading.Event()

    def first(counter):
        second_failed.wait(10)
        raise ValueError("first")

    def second(counter):
        second_failed.set()
        raise ValueError("second")

    with pytest.raises(ValueError, match="first"):
        count_all([first, second], new_counter, 2)


def test_an_error_of_the_source_is_raised():
    def source():
        yield "some text"
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="the line is dead"):
        count(source())


def test_texts_are_requested_as_they_are_needed(monkeypatch):
    """The iterator of a thousand chunks is never more than a few chunks ahead of the counting."""
    taken, done, ahead = [0], [0], []
    count_texts = tasks_of_corpus._count_texts

    def watched(strings, counter):
        ahead.append(taken[0] - done[0])
        count_texts(strings, counter)
        done[0] += len(strings)

    def strings():
        for _ in range(1000):
            taken[0] += 1
            yield "to be or not to be " * 200

    monkeypatch.setattr(tasks_of_corpus, "_count_texts", watched)
    assert count(strings()) == count_pieces(["to be or not to be " * 200] * 1000, compile_pattern("gpt2"))
    assert max(ahead) <= 6
