"""Chunks are found by reading few bytes, and must not affect the result."""

import os
import unicodedata

import pytest
from hypothesis import given, strategies as st

from bpe import PATTERNS, chunks
from bpe.chunks import cut_file, cut_parts, cut_stream, cut_text
from bpe.inert_characters import InertCharacters
from bpe.patterns import compile_pattern, split_pieces
from bpe.special_tokens import SpecialTokens

from .conftest import END, texts

CUSTOM = r" ?\w+|\s+$|\s"
COMPILED = {name: compile_pattern(name) for name in [*PATTERNS, CUSTOM]}
SPECIALS = [[], [END], ["a b", END, " ", "狐"], ["é 9 狐 the the the the"], ["'s '", "<|", "|>"]]


def pieces(text, pattern, specials):
    """The pieces of a text by the reference."""
    for part, is_special in specials.split(text):
        yield from [part] if is_special else split_pieces(part, pattern)


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch):
    monkeypatch.setattr(chunks, "_FIRST_WINDOW", 8)


def check_file(descriptor, data, pattern, specials, size):
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, data, 0)
    found = list(cut_file(descriptor, len(data), pattern, specials, size))
    assert sum(length for _, length in found) == len(data)
    parts = [data[offset : offset + length].decode() for offset, length in found]
    joined = [piece for part in parts for piece in pieces(part, pattern, specials)]
    assert joined == list(pieces(data.decode(), pattern, specials))
    return parts


@pytest.fixture(scope="module")
def descriptor(tmp_path_factory):
    opened = os.open(tmp_path_factory.mktemp("chunks") / "text", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


@pytest.mark.parametrize("name", COMPILED)
@given(text=texts(), tokens=st.sampled_from(SPECIALS), size=st.integers(1, 60))
def test_pieces_of_chunks_are_those_of_the_text(descriptor, name, text, tokens, size):
    pattern, specials = COMPILED[name], SpecialTokens(tokens)
    parts = list(cut_text(text, pattern, specials, size))
    assert "".join(parts) == text
    assert all(parts)
    joined = [piece for part in parts for piece in pieces(part, pattern, specials)]
    assert joined == list(pieces(text, pattern, specials))
    check_file(descriptor, text.encode(), pattern, specials, size)


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("character", ["a", "é", "狐", "👍", "\u0301"])
def test_a_run_of_one_character_is_not_cut(descriptor, name, character):
    """Wherever within a character the chunk would end."""
    for size in range(16, 33):
        text = character * 40
        assert list(cut_text(text, COMPILED[name], SpecialTokens([]), size)) == [text]
        assert check_file(descriptor, text.encode(), COMPILED[name], SpecialTokens([]), size) == [text]


@given(text=texts() | st.text("ae \u0301\u0338<|>é狐\u1100\u1161", max_size=60), size=st.integers(1, 30))
def test_a_text_that_will_be_normalized_is_cut_where_that_changes_nothing(descriptor, text, size):
    pattern, specials, inert = COMPILED["gpt2"], SpecialTokens([END, "<|>"]), InertCharacters(["NFC"])

    def normalized_pieces(part):
        for ordinary, is_special in specials.split(part):
            yield from [ordinary] if is_special else split_pieces(unicodedata.normalize("NFC", ordinary), pattern)

    expected = list(normalized_pieces(text))
    parts = list(cut_text(text, pattern, specials, size, inert))
    assert [piece for part in parts for piece in normalized_pieces(part)] == expected
    streamed = list(cut_parts([text[:7], text[7:]], pattern, specials, size, inert))
    assert [piece for part in streamed for piece in normalized_pieces(part)] == expected
    data = text.encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, data, 0)
    found = cut_file(descriptor, len(data), pattern, specials, size, inert)
    read = [data[offset : offset + length].decode() for offset, length in found]
    assert [piece for part in read for piece in normalized_pieces(part)] == expected


def test_chunks_have_about_the_requested_size(descriptor):
    data = b"to be or not to be " * 100
    parts = check_file(descriptor, data, COMPILED["gpt2"], SpecialTokens([]), 64)
    assert all(40 < len(part) <= 64 for part in parts[:-1])


def test_a_special_token_longer_than_the_search_window_is_not_cut(descriptor):
    token = "<a b c d e f g h i j k l m>"
    for shift in range(40):
        text = "x" * shift + token + "x" * 60
        for size in (8, 20, 30):
            specials = SpecialTokens([token])
            assert any(token in part for part in cut_text(text, COMPILED["gpt2"], specials, size))
            assert any(
                token in part for part in check_file(descriptor, text.encode(), COMPILED["gpt2"], specials, size)
            )


@given(data=st.binary(max_size=80), size=st.integers(1, 40))
def test_bytes_that_are_not_utf8_are_in_some_chunk(descriptor, data, size):
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, data, 0)
    found = list(cut_file(descriptor, len(data), COMPILED["gpt2"], SpecialTokens([END]), size))
    assert [offset for offset, _ in found] == [sum(length for _, length in found[:k]) for k in range(len(found))]
    assert sum(length for _, length in found) == len(data)


def test_without_an_automaton_nothing_is_cut():
    assert list(cut_text("to be or not", compile_pattern(r"\b\w+|\W"), SpecialTokens([]), 3)) == ["to be or not"]


@pytest.mark.parametrize("name", [*PATTERNS, r"\w+|\W+", r"\b\w+|\W+"])
@given(given=st.lists(texts(max_size=20), max_size=6), tokens=st.sampled_from(SPECIALS), size=st.integers(1, 60))
def test_pieces_of_the_parts_of_a_stream_are_those_of_the_text(name, given, tokens, size):
    pattern, specials = compile_pattern(name), SpecialTokens(tokens)
    text = "".join(given)
    parts = list(cut_stream(given, tokens, pattern=name, size=size))
    assert "".join(parts) == text
    assert all(parts)
    assert [piece for part in parts for piece in pieces(part, pattern, specials)] == list(
        pieces(text, pattern, specials)
    )


def test_a_stream_is_cut_into_parts_of_about_the_requested_size():
    parts = list(cut_stream(iter(["to be or not", " to be "] * 100), [END], size=64))
    assert all(40 < len(part) < 100 for part in parts[:-1])


def test_a_stream_without_a_place_to_cut_takes_linear_time(monkeypatch):
    searched = []
    real = chunks._safe_cut
    monkeypatch.setattr(chunks, "_safe_cut", lambda text, *rest: searched.append(len(text)) or real(text, *rest))
    assert "".join(cut_stream(["狐"] * 10_000, size=10)) == "狐" * 10_000
    assert sum(searched) < 40_000
