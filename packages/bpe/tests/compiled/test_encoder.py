"""The compiled engine gives the same ids as the reference and as other libraries, in every way to encode."""

import argparse
import inspect
import tarfile
import unicodedata

import numpy as np
import pytest
import tiktoken
import tokenizers
from hypothesis import given, strategies as st

from bpe import PATTERNS, Tokenizer

pytest.importorskip("numba", reason="needs numba")

from ..conftest import END, SCRIPTS, texts
from .conftest import NAMES, both

runs = st.lists(st.tuples(st.sampled_from(["a", "b", "ab", "é", " ", "狐", "9", "\x00", "cd"]), st.integers(1, 60)))


repetitive = runs.map(lambda found: "".join(unit * count for unit, count in found))


@pytest.mark.parametrize("name", NAMES)
@given(text=texts() | st.text(st.characters(codec="utf-8")) | repetitive | st.text("ab", max_size=80))
def test_ids_equal_those_of_the_reference(pairs, name, text):
    pair = pairs[name]
    ids = pair.check(text)
    assert pair.compiled.decode(ids) == (unicodedata.normalize("NFC", text) if pair.compiled.rules.normalizer else text)
    pair.check(text, allowed_special=())


@pytest.mark.parametrize("name", NAMES)
@given(strings=st.lists(texts(), max_size=6), num_threads=st.sampled_from([1, 2, 5]))
def test_every_way_to_encode_gives_the_same(pairs, name, strings, num_threads):
    reference, compiled = pairs[name]
    expected = [reference.encode(text) for text in strings]
    assert compiled.encode_batch(strings, num_threads=num_threads) == expected
    for text, ids in zip(strings, expected, strict=True):
        array = compiled.encode_to_numpy(text)
        assert array.dtype == (np.uint16 if compiled.vocab_size <= 65_536 else np.uint32)
        assert array.tolist() == ids
        assert compiled.count_tokens(text) == len(ids)
        if not compiled.rules.normalizer:  # otherwise there may be no offsets
            assert compiled.encode_with_offsets(text) == reference.encode_with_offsets(text)
        assert compiled.encode_ordinary(text) == reference.encode_ordinary(text)
    assert list(compiled.encode_iterable(strings)) == reference.encode("".join(strings))


SPECIAL_SETS = [
    ["<a>", "<a><b>", "<b>", "a", "<"],
    ["é", "狐狐", "狐", "\U0001f44d\U0001f3fd", "\U0001f44d", "\x00"],
    [" ", "  ", "'", "'s", "the"],
    [f"<|{k}|>" for k in range(300)],
    [chr(c) for c in range(0x20, 0x7F)] + [chr(c) for c in range(0x400, 0x500)],
]


@pytest.mark.parametrize("tokens", SPECIAL_SETS)
@given(data=st.data())
def test_special_tokens(trained, tokens, data):
    pair = _with_specials(trained, tokens)
    awkward = st.sampled_from([*tokens, *(token[:-1] for token in tokens), "the fox's", " 9", "狐"])
    text = "".join(data.draw(st.lists(awkward | st.text(max_size=3), max_size=40)))
    pair.check(text)
    allowed = data.draw(st.sets(st.sampled_from(tokens), max_size=4))
    pair.check(text, allowed_special=allowed)
    outcomes = []
    for tokenizer in pair:
        try:
            outcomes.append(tokenizer.encode(text, allowed_special=allowed, disallowed_special="all"))
        except ValueError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


_pairs_with_specials = {}


def _with_specials(trained, tokens):
    key = tuple(tokens)
    if key not in _pairs_with_specials:
        _pairs_with_specials[key] = both(*trained, tokens)
    return _pairs_with_specials[key]


@pytest.mark.parametrize("name", NAMES)
def test_real_text(pairs, name, python_manual):
    for text in (python_manual, inspect.getsource(tarfile) + inspect.getsource(argparse), SCRIPTS * 300, SCRIPTS[::-1]):
        pairs[name].check(text)


def test_gpt2_ids_equal_those_of_tokenizers(pairs, gpt2_files, python_manual, tmp_path):
    compiled = pairs["gpt2"].compiled
    peer = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(*map(str, gpt2_files)))
    peer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    text = python_manual + inspect.getsource(tarfile) + SCRIPTS
    assert compiled.encode(text) == peer.encode(text).ids


@pytest.mark.parametrize("pattern", PATTERNS)
def test_ids_equal_those_of_tiktoken(trained, pattern, python_manual):
    vocab, merges = trained
    ranks = {token: token_id for token_id, token in vocab.items() if token != END.encode()}
    peer = tiktoken.Encoding(
        "peer", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={END: next(iter(vocab))}
    )
    compiled = Tokenizer(vocab, merges, [END], pattern=pattern, engine="compiled")
    # These characters are in every Unicode version; that of tiktoken may be older than that of `regex`.
    text = python_manual + inspect.getsource(tarfile) + f"{END}Żółta gęś,狐狸跳过懒狗. don't 12345\r\n\n  x" * 50
    assert compiled.encode(text) == peer.encode(text, allowed_special="all")
    assert compiled.encode_ordinary(text) == peer.encode_ordinary(text)


@pytest.mark.parametrize("position", [0, 5, 63, 64, 300_000])
def test_the_error_for_a_surrogate_equals_that_of_the_reference(pairs, position, tmp_path):
    text = "a " * (position // 2) + "a" * (position % 2) + "\ud800 b"
    for name in ("gpt2", "custom", "regex"):
        messages = []
        for tokenizer in pairs[name]:
            for call in (
                tokenizer.encode,
                tokenizer.encode_ordinary,
                tokenizer.encode_to_numpy,
                tokenizer.count_tokens,
                tokenizer.encode_with_offsets,
                lambda text: tokenizer.encode_batch(["x", text], num_threads=2),  # noqa: B023
                lambda text: list(tokenizer.encode_iterable([text[:7], text[7:]])),  # noqa: B023
            ):
                with pytest.raises(ValueError, match=f"surrogate .* at character {position}") as caught:
                    call(text)
                assert not isinstance(caught.value, UnicodeError)
                messages.append(str(caught.value))
        assert len(set(messages)) == 1
