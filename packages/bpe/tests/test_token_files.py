import json
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bpe import (
    TokenFileError,
    TokenFileInfo,
    encode_file,
    open_token_file,
    read_token_file_info,
    write_token_file,
)
from bpe.token_files import info_path, read_token_ids


@given(ids=st.lists(st.integers(0, 99_999), max_size=50), vocab_size=st.sampled_from([100_000, 2**32]))
def test_round_trip(tmp_path_factory, ids, vocab_size):
    path = tmp_path_factory.mktemp("tokens") / "t.bin"
    info = write_token_file(path, iter(ids), vocab_size, "abc", 3 * len(ids))
    assert info == read_token_file_info(path) == TokenFileInfo("uint32", len(ids), vocab_size, "abc", 3 * len(ids))
    assert info.bytes_per_token == (3 if ids else None)
    assert open_token_file(path).tolist() == ids
    assert [token_id for chunk in read_token_ids(path) for token_id in chunk] == ids


@pytest.mark.parametrize(("vocab_size", "dtype"), [(300, "uint16"), (65_536, "uint16"), (65_537, "uint32")])
def test_the_dtype_depends_on_the_vocabulary(tmp_path, vocab_size, dtype):
    path = tmp_path / "t.bin"
    info = write_token_file(path, [1, 258, vocab_size - 1], vocab_size)
    assert info.dtype == dtype
    assert path.read_bytes() == np.array([1, 258, vocab_size - 1], np.dtype(dtype).newbyteorder("<")).tobytes()


def test_many_ids_come_in_chunks(tmp_path):
    path = tmp_path / "t.bin"
    write_token_file(path, (i % 1000 for i in range(200_000)), 1000)
    assert np.array_equal(open_token_file(path), np.arange(200_000) % 1000)
    chunks = list(read_token_ids(path))
    assert [len(chunk) for chunk in chunks] == [65_536, 65_536, 65_536, 3_392]
    assert np.array_equal(np.concatenate(chunks), np.arange(200_000) % 1000)


def test_the_array_is_read_only(tmp_path):
    write_token_file(tmp_path / "t.bin", [1, 2, 3], 10)
    with pytest.raises(ValueError, match="read-only"):
        open_token_file(tmp_path / "t.bin")[0] = 5


@pytest.mark.parametrize("wrong", [10, -1])
def test_an_id_outside_the_vocabulary_is_an_error_and_leaves_no_files(tmp_path, wrong):
    ids = [1] * 70_000 + [wrong]
    with pytest.raises(TokenFileError, match=f"id {wrong} at position 70000 is outside the vocabulary of 10"):
        write_token_file(tmp_path / "t.bin", ids, 10)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_encoding_leaves_no_files(tmp_path, tokenizer):
    text = tmp_path / "text.txt"
    text.write_bytes(b"good " * 300_000 + b"\xff")
    with pytest.raises(ValueError, match="at offset 1500000"):
        encode_file(tokenizer, text, tmp_path / "t.bin")
    assert list(tmp_path.iterdir()) == [text]


def test_encode_file_equals_encode(tmp_path, tokenizer, corpus):
    info = encode_file(tokenizer, corpus, tmp_path / "t.bin")
    assert open_token_file(tmp_path / "t.bin").tolist() == tokenizer.encode(corpus.read_bytes().decode())
    assert info.tokenizer_sha256 == tokenizer.fingerprint
    assert info.vocab_size == tokenizer.vocab_size
    assert info.text_bytes == corpus.stat().st_size
    assert info.bytes_per_token == info.text_bytes / info.count


def test_the_description_of_documents_has_column_and_separator(tmp_path, tokenizer):
    (tmp_path / "a.jsonl").write_text('{"body": "to be"}\n')
    info = encode_file(tokenizer, tmp_path / "a.jsonl", tmp_path / "t.bin", column="body", separator="<|endoftext|>")
    description = json.loads(info_path(tmp_path / "t.bin").read_text())
    assert (
        (description["column"], description["separator"]) == (info.column, info.separator) == ("body", "<|endoftext|>")
    )
    (tmp_path / "a.txt").write_text("to be")
    encode_file(tokenizer, tmp_path / "a.txt", tmp_path / "t.bin")
    assert json.loads(info_path(tmp_path / "t.bin").read_text()).keys() == FIELDS.keys() | {"text_bytes"}


def test_a_description_from_before_bytes_were_counted_is_read(tmp_path):
    path = tmp_path / "t.bin"
    write_token_file(path, range(10), 10)
    info_path(path).write_text(json.dumps(FIELDS))
    info = read_token_file_info(path)
    assert info == TokenFileInfo("uint16", 10, 10, None)
    assert info.text_bytes is info.bytes_per_token is None


def test_a_negative_number_of_bytes_is_an_error_and_leaves_no_files(tmp_path):
    with pytest.raises(TokenFileError, match="text_bytes=-1"):
        write_token_file(tmp_path / "t.bin", [1], 10, text_bytes=-1)
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_file_is_an_error(tmp_path):
    path = tmp_path / "t.bin"
    write_token_file(path, range(10), 10)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TokenFileError, match="has 19 bytes, but 10 ids of uint16 take 20"):
        open_token_file(path)


FIELDS = {"dtype": "uint16", "count": 10, "vocab_size": 10, "tokenizer_sha256": None}


@pytest.mark.parametrize(
    "content",
    [
        *["", "{", "[]", '{"dtype": "float64"}', '{"count": 3}', "[" * 100_000],
        *(json.dumps({**FIELDS, **wrong}) for wrong in ({"count": "10"}, {"vocab_size": 1.5}, {"tokenizer_sha256": 3})),
        json.dumps({**FIELDS, "dtype": "uint8"}),
        json.dumps({**FIELDS, "more": 1}),
        *(json.dumps({**FIELDS, "text_bytes": wrong}) for wrong in (-1, 2.0, "3", True)),
    ],
)
def test_a_damaged_description_is_an_error(tmp_path, content):
    path = tmp_path / "t.bin"
    write_token_file(path, range(10), 10)
    info_path(path).write_text(content)
    with pytest.raises(TokenFileError, match="does not describe a token file"):
        read_token_file_info(path)


def test_without_numpy_the_extra_is_named(tmp_path, monkeypatch):
    write_token_file(tmp_path / "t.bin", [1], 10)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match=r"arrays need numpy: install the package with its extra, bpe\[numpy\]"):
        open_token_file(tmp_path / "t.bin")


def test_a_missing_description_is_named(tmp_path):
    path = tmp_path / "t.bin"
    write_token_file(path, range(10), 10)
    info_path(path).unlink()
    with pytest.raises(
        TokenFileError, match=r"t\.bin\.json does not exist: a token file has its description beside it"
    ):
        read_token_file_info(path)


def test_a_file_without_description_is_not_left(tmp_path):
    path = tmp_path / "t.bin"
    info_path(path).mkdir()
    with pytest.raises(OSError):
        write_token_file(path, range(10), 10)
    assert list(tmp_path.iterdir()) == [info_path(path)]


def test_the_description_is_json(tmp_path):
    write_token_file(tmp_path / "t.bin", [1], 10, "abc")
    assert json.loads((tmp_path / "t.bin.json").read_text()) == {
        "dtype": "uint16",
        "count": 1,
        "vocab_size": 10,
        "tokenizer_sha256": "abc",
        "text_bytes": None,
    }
