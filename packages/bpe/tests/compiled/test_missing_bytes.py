"""Vocabularies without some bytes: both engines give the same ids, and the same error."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bpe import encode_file

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled.missing_bytes import MissingBytes

from ..conftest import END
from .conftest import WITHOUT_AUTOMATON, both

MISSING = {1, 4, 0xF0, 0xC0}
KEPT = [bytes([byte]) for byte in range(256) if byte not in MISSING]
TOKENS = [b"\x01!", b"ab", b"\x04\x04", b"\x04b"]
MERGES = [(b"\x01", b"!"), (b"a", b"b")]  # \x01 has no id, but what it is merged to has one


@pytest.fixture(scope="module", params=["gpt2", WITHOUT_AUTOMATON])
def pair(kernels, request):
    return both(dict(enumerate([*KEPT, *TOKENS])), MERGES, [END, "\x04>"], pattern=request.param)


def test_which_bytes_are_missing():
    found = MissingBytes.of(dict.fromkeys(KEPT, 0), 300)
    assert found == MissingBytes(300, b"\x01\x04\xf0")  # C0 is in no text
    assert found.ids() == {b"\x01": 300, b"\x04": 301, b"\xf0": 302}
    assert found.end_id == 303
    none = MissingBytes.of({bytes([byte]): byte for byte in range(256)}, 256)
    assert (none.values, none.end_id) == (b"", 256)


def test_the_error_shows_the_text_around_the_byte():
    text = np.frombuffer(b"a long text before it \x04 and another one after it", np.uint8)
    found = MissingBytes(9, b"\x04")
    found.check(np.array([1, 8], np.uint16), text)
    found.check(np.array([], np.uint16), text)
    with pytest.raises(
        ValueError, match=r"the byte b'\\x04' \(in ' text before it \\x04 and another on'\), which is not in"
    ):
        found.check(np.array([1, 9], np.uint16), text)


def outcome(encode):
    try:
        return list(encode())
    except ValueError as error:
        return str(error).split(" (in")[0]


@given(text=st.text("ab\x01!\x04> é👍", max_size=60) | st.lists(st.sampled_from(["\x01!", "\x04>", "b "])).map("".join))
def test_both_engines_agree(pair, text):
    expected = outcome(lambda: pair.reference.encode(text, allowed_special="all"))
    assert outcome(lambda: pair.compiled.encode(text, allowed_special="all")) == expected
    ordinary = outcome(lambda: pair.reference.encode_ordinary(text))
    assert outcome(lambda: pair.compiled.encode_ordinary(text)) == ordinary


def test_a_merge_with_a_missing_byte_gives_its_token(pair):
    pair.check("a\x01!ab")
    assert pair.compiled.encode("\x01!") == [len(KEPT)]
    assert pair.compiled.encode("x\x04>") == [KEPT.index(b"x"), pair.compiled.special_tokens["\x04>"]]


@pytest.mark.parametrize("num_threads", [1, 2])
def test_files(pair, tmp_path, num_threads):
    path, tokens = tmp_path / "text.txt", tmp_path / "tokens.bin"
    path.write_bytes(b"good text " * 300_000)
    encode_file(pair.compiled, path, tokens, num_threads=num_threads)
    expected = tokens.read_bytes()
    path.write_bytes(b"good text " * 300_000 + b"\x04" + b"good text " * 10)
    with pytest.raises(ValueError, match=r"contains the byte b'\\x04' \(in ' text good text .*'\), which is not in"):
        encode_file(pair.compiled, path, tokens, num_threads=num_threads)
    assert tokens.read_bytes() == expected


def test_a_whole_word_with_a_missing_byte(kernels):
    pair = both(dict(enumerate([*KEPT, *TOKENS])), MERGES, ignore_merges=True)
    assert pair.check("\x04\x04") == [len(KEPT) + 2]
