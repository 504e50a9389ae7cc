"""Encoding files with the compiled engine: in chunks, in threads, and with errors that equal those of the reference."""

import os

import pytest
from hypothesis import given, strategies as st

from bpe import TextFileError, encode_file, open_token_file

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled import encoder

from ..conftest import texts
from .conftest import NAMES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("num_threads", [1, 2, 5])
@given(text=texts(100), seed=st.integers(0, len(NAMES) - 1))
def test_files_cut_into_many_chunks(pairs, folder, num_threads, text, seed):
    """With chunks of a few dozen bytes, so that there are borders everywhere."""
    name = NAMES[seed % len(NAMES)]
    reference, compiled = pairs[name]
    path = folder / "text"
    path.write_bytes(("." + text).encode())
    expected = reference.encode("." + text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "CHUNK_BYTES", 16 + seed)
        assert compiled.encode_file_to_numpy(path, num_threads=num_threads).tolist() == expected
        info = encode_file(compiled, path, folder / "ids", num_threads=num_threads)
        assert open_token_file(folder / "ids").tolist() == expected
        assert info.count == len(expected)
        assert compiled.encode("." + text) == expected


MALFORMED = [
    *(b"\x80", b"\xff", b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    *(b"\xc3", b"\xe7", b"\xe7\x8b", b"\xf0\x9f", b"\xf0\x9f\x91", b"\xf0\x9f\x91 ", b"\xe7 ", b"\xe7\x8b'"),
]


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("wrong", MALFORMED)
def test_a_file_that_is_not_utf8(pairs, folder, wrong, num_threads, monkeypatch):
    """The error names file, byte and offset, and equals that of the reference, also at the border of two chunks."""
    monkeypatch.setattr(encoder, "CHUNK_BYTES", 64)
    path = folder / "latin"
    for before in [0, 1, *range(56, 70), *range(120, 132), 191]:
        for fill, after in (
            (b"a", b""),
            (b"a", b" b" * 40),
            (b"a ", b"a" * 70),
            ("狐".encode(), b"'"),
            (b"a", b"b!" * 40),
        ):
            content = (fill * before)[: before - before % len(fill)] + wrong + after
            path.write_bytes(content)
            messages = []
            for tokenizer in pairs["gpt2"]:
                with pytest.raises(TextFileError) as caught:
                    tokenizer.encode_file_to_numpy(path, num_threads=num_threads)
                messages.append(str(caught.value))
            assert messages[0] == messages[1], content
            assert str(path) in messages[0]
            assert f"at offset {before - before % len(fill)} " in messages[0]


@pytest.mark.parametrize("name", ["normalized", "spaces", "steps"])
def test_a_file_that_is_not_utf8_and_would_be_normalized(pairs, folder, name, monkeypatch):
    monkeypatch.setattr(encoder, "CHUNK_BYTES", 64)
    path = folder / "wrong"
    for before in ["", "e\u0301", "a " * 40, "e\u0301 " * 40]:
        for wrong in (b"\xff", b"\xc3", b"\xc3a\xa9"):
            path.write_bytes(before.encode() + wrong + b" b" * 40)
            for tokenizer in pairs[name]:
                with pytest.raises(TextFileError, match=f"at offset {len(before.encode())} "):
                    tokenizer.encode_file_to_numpy(path)


def test_an_empty_file(pairs, tmp_path):
    path = tmp_path / "empty"
    path.touch()
    for name in ("gpt2", "custom", "regex"):
        for tokenizer in pairs[name]:
            with pytest.raises(TextFileError, match="empty is empty"):
                tokenizer.encode_file_to_numpy(path)


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="only Linux has such files")
def test_a_file_without_a_known_size(pairs):
    compiled = pairs["gpt2"].compiled
    assert os.stat("/proc/version").st_size == 0
    with open("/proc/version") as file:
        assert compiled.decode(compiled.encode_file_to_numpy("/proc/version").tolist()) == file.read()
