import itertools
import tracemalloc

import pytest
from hypothesis import given, strategies as st

from bpe import PATTERNS, StreamDecoder, Tokenizer

from .conftest import END, SCRIPTS, texts


def cut(text, positions):
    borders = [0, *sorted(position % (len(text) + 1) for position in positions), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(borders)]


@pytest.fixture(scope="module", params=[*PATTERNS, r"\w+|\W+", r"\b\w+|\W+"])
def any_tokenizer(request, trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bpe.streaming._MIN_UNNAMED_BUFFER", 4096)
        yield Tokenizer(*trained, [END, END + END], pattern=request.param)


@given(text=texts(), positions=st.lists(st.integers(0, 10**6), max_size=10))
def test_ids_do_not_depend_on_the_cuts(any_tokenizer, text, positions):
    assert list(any_tokenizer.encode_iterable(cut(text, positions))) == any_tokenizer.encode(text)


@pytest.mark.parametrize("size", [1, 2, 7, 4095, 4096, 5000])
def test_long_texts_cut_everywhere(any_tokenizer, size):
    """Longer than the buffer, so that the text is actually cut."""
    text = (SCRIPTS + "    " * 30 + END + END + END + "'ll" * 50 + "x" * 300) * 8
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    assert list(any_tokenizer.encode_iterable(chunks)) == any_tokenizer.encode(text)


@given(words=st.lists(texts(6), min_size=1, max_size=12), size=st.integers(1, 3000))
def test_random_texts_longer_than_the_buffer(any_tokenizer, words, size):
    text = "".join(words[i * i % len(words)] for i in range(900))[:12_000]
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    assert list(any_tokenizer.encode_iterable(chunks)) == any_tokenizer.encode(text)


def test_it_is_lazy(tokenizer):
    def endless():
        while True:
            yield "All the world's a stage. "

    first = list(itertools.islice(tokenizer.encode_iterable(endless()), 5000))
    assert first == tokenizer.encode("All the world's a stage. " * 2000)[:5000]


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_memory_does_not_grow_with_the_input(trained, monkeypatch, engine):
    if engine == "compiled":
        pytest.importorskip("numba", reason="needs numba")
    monkeypatch.setattr("bpe.tokenizer._STREAM_BUFFER", 1 << 14)  # so that short texts fill it
    tokenizer = Tokenizer(*trained, [END], engine=engine)

    def peak(lines):
        tracemalloc.start()
        try:
            for _ in tokenizer.encode_iterable("to be or not to be\n" for _ in range(lines)):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1000)
    assert peak(20_000) < 2 * peak(2_000)


def test_a_text_without_borders_is_searched_only_a_few_times(tokenizer, monkeypatch):
    """Counted, not timed: searching for a cut again after every chunk would be quadratic."""
    num_searched = 0
    original = __import__("bpe.streaming", fromlist=["last_safe_cut"]).last_safe_cut

    def counting(text, pattern):
        nonlocal num_searched
        num_searched += len(text)
        return original(text, pattern)

    monkeypatch.setattr("bpe.streaming.last_safe_cut", counting)
    size = 200_000
    list(tokenizer.encode_iterable("a" for _ in range(size)))
    assert num_searched < 4 * size


@given(text=texts(), data=st.data())
def test_stream_decoder_equals_decode(tokenizer, text, data):
    ids = tokenizer.encode(text)
    noise = data.draw(st.lists(st.integers(1, 256), max_size=6))  # single bytes: mostly malformed UTF-8
    ids = ids + noise + ids
    stream = StreamDecoder(tokenizer)
    parts = [stream.feed(token_id) for token_id in ids]
    assert "".join(parts) + stream.finish() == tokenizer.decode(ids)


def test_stream_decoder_returns_complete_characters_only():
    tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [])
    stream = StreamDecoder(tokenizer)
    assert [stream.feed(byte) for byte in "a狐👍".encode()] == ["a", "", "", "狐", "", "", "", "👍"]
    assert stream.finish() == ""
    stream.feed(0xE7)
    assert stream.finish() == "\ufffd"


@given(text=texts(), sizes=st.lists(st.integers(0, 5), max_size=30))
def test_stream_decoder_takes_several_ids(tokenizer, text, sizes):
    ids = tokenizer.encode(text + SCRIPTS)
    stream = StreamDecoder(tokenizer)
    shown, start = "", 0
    for size in sizes:
        shown += stream.feed(iter(ids[start : start + size]))
        start += size
    assert shown + stream.feed(ids[start:]) + stream.finish() == text + SCRIPTS


def test_stream_decoder_returns_special_tokens():
    tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], [END, "狐"])
    stream = StreamDecoder(tokenizer)
    assert [stream.feed(0xE7), stream.feed(256), stream.feed([257, 97])] == ["", "\ufffd" + END, "狐a"]


def test_stream_decoder_works_after_an_unknown_id():
    tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [])
    stream = StreamDecoder(tokenizer)
    first, second = "é".encode()
    stream.feed(first)
    for wrong in (256, [97, -1]):
        with pytest.raises(ValueError, match="is not in the vocabulary, whose largest id is 255"):
            stream.feed(wrong)
    assert stream.feed(second) == "é"


def test_stream_decoder_is_reset_by_finish():
    stream = StreamDecoder(Tokenizer({byte: bytes([byte]) for byte in range(256)}, []))
    stream.feed(0xE7)
    assert stream.finish() == "\ufffd"
    assert stream.finish() == ""
    assert stream.feed([97]) == "a"
