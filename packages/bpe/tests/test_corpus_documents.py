"""From files of documents, and from iterables of documents, to token files."""

import gzip
import json
import os

import pyarrow
import pyarrow.parquet
import pytest
import zstandard

from bpe import (
    TextFileError,
    TokenFileInfo,
    Tokenizer,
    encode_documents,
    encode_file,
    open_token_file,
)

from .conftest import END, SCRIPTS

PAD = "<|pad|>"
DOCUMENTS = [f"{SCRIPTS[: 7 * k]} {END[: k % 14]}" for k in range(1, 60)]


@pytest.fixture(params=["reference", "compiled"], scope="module")
def engine(request, kernels):
    if request.param == "compiled":
        pytest.importorskip("numba", reason="needs numba")
    return request.param


@pytest.fixture
def encoder(trained, engine):
    return Tokenizer(*trained, [END, PAD], engine=engine)


def json_lines(documents, column="text"):
    return "".join(json.dumps({column: document}) + "\n" for document in documents).encode()


def alone(tokenizer, documents, separator=END):
    """What the ids have to be."""
    ending = [tokenizer.special_tokens[separator]] if separator else []
    return [token_id for document in documents for token_id in (*tokenizer.encode(document), *ending)]


def write(folder, documents):
    """The same documents in all formats."""
    contents = {
        "a.jsonl": json_lines(documents),
        "a.json.gz": gzip.compress(json_lines(documents)),
        "a.ndjson.zst": zstandard.compress(json_lines(documents)),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    pyarrow.parquet.write_table(pyarrow.table({"text": documents}), folder / "a.parquet", row_group_size=50)
    return [folder / name for name in (*contents, "a.parquet")]


def test_all_formats_give_the_ids_of_each_document_alone(encoder, tokenizer, tmp_path):
    expected = alone(encoder, DOCUMENTS)
    num_bytes = sum(len(document.encode()) + len(END) for document in DOCUMENTS)
    for path in write(tmp_path, DOCUMENTS):
        info = encode_file(encoder, path, tmp_path / "ids", separator=END, num_threads=2)
        assert open_token_file(tmp_path / "ids").tolist() == expected
        assert info == TokenFileInfo(
            "uint16", len(expected), encoder.vocab_size, encoder.fingerprint, num_bytes, "text", END
        )
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("".join(f"{d}{PAD}" for d in DOCUMENTS).encode()))
    info = encode_file(encoder, tmp_path / "a.txt.gz", tmp_path / "text")
    assert open_token_file(tmp_path / "text").tolist() == alone(encoder, DOCUMENTS, PAD)
    assert (info.column, info.separator) == (None, None)
    assert info.text_bytes == num_bytes - len(DOCUMENTS) * (len(END) - len(PAD))


def test_nothing_between_documents(encoder, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(json_lines(["th", "e ", "e"]))
    info = encode_file(encoder, tmp_path / "a.jsonl", tmp_path / "ids", separator="")
    assert open_token_file(tmp_path / "ids").tolist() == alone(encoder, ["th", "e ", "e"], "")
    assert (info.separator, info.text_bytes) == ("", 5)


def test_several_files(encoder, tmp_path):
    (tmp_path / "a.txt").write_text("once upon")
    (tmp_path / "b.jsonl").write_bytes(json_lines(["to be", "or not"], "body"))
    (tmp_path / "c.txt").write_text(f"a time{END}")
    paths = [tmp_path / name for name in ("a.txt", "b.jsonl", "c.txt")]
    info = encode_file(encoder, paths, tmp_path / "ids", column="body", separator=END)
    documents = ["once upon", "to be", "or not", "a time"]
    assert open_token_file(tmp_path / "ids").tolist() == alone(encoder, documents)
    assert (info.column, info.separator) == ("body", END)
    assert info.text_bytes == sum(len(document) + len(END) for document in documents)
    info = encode_file(encoder, [paths[0], str(paths[2])], tmp_path / "ids")
    assert open_token_file(tmp_path / "ids").tolist() == encoder.encode("once upon") + encoder.encode(f"a time{END}")
    assert (info.column, info.separator) == (None, None)


def test_documents_with_errors_leave_no_files(encoder, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(json_lines(DOCUMENTS) + b'{"body": "a"}\n')
    mistakes = {
        r"a\.jsonl contains documents, and no separator .* '<\|endoftext\|>', '<\|pad\|>', or ''": {},
        r"separator is '<eos>', not a special token": {"separator": "<eos>"},
        r"a\.jsonl, line 60, has no field 'text', only 'body'": {"separator": END},
        r"column is 3: give the name": {"separator": END, "column": 3},
    }
    for message, options in mistakes.items():
        with pytest.raises(ValueError, match=message):
            encode_file(encoder, tmp_path / "a.jsonl", tmp_path / "ids", num_threads=2, **options)
    (tmp_path / "a.jsonl").write_bytes(json_lines(["", None]))
    with pytest.raises(TextFileError, match=r"there is no text in a\.jsonl"):
        encode_file(encoder, tmp_path / "a.jsonl", tmp_path / "ids", separator=END)
    with pytest.raises(ValueError, match="text_path is an empty list"):
        encode_file(encoder, [], tmp_path / "ids")
    with pytest.raises(ValueError, match=r"item 1 of text_path is of type bytes"):
        encode_file(encoder, [tmp_path / "a.jsonl", b"a"], tmp_path / "ids")
    assert os.listdir(tmp_path) == ["a.jsonl"]


def test_mistakes_in_an_iterable_of_documents(encoder, tmp_path):
    mistakes = {
        "document 1: the text has the surrogate": ["to be", "no\ud800t"],
        "document 1 is of type bytes": ["to be", b"or not"],
        "documents is of type str": "to be",
    }
    for message, documents in mistakes.items():
        with pytest.raises(ValueError, match=message):
            encode_documents(encoder, documents, tmp_path / "ids", separator=END)
    with pytest.raises(ValueError, match="the iterable contains documents, and no separator"):
        encode_documents(encoder, ["to be"], tmp_path / "ids", separator=None)
    assert os.listdir(tmp_path) == []


def test_documents_are_read_as_they_are_encoded(trained, tmp_path, monkeypatch, kernels):
    pytest.importorskip("numba", reason="needs numba")
    monkeypatch.setattr("bpe.corpus.FROM_SOURCE", 1)
    encoder = Tokenizer(*trained, [END], engine="compiled")
    requested = 0

    def documents():
        nonlocal requested
        while requested < 200:
            requested += 1
            yield "to be or not to be " * 50_000
        raise RuntimeError("the end")

    def stops(self, ids):
        raise OSError("stopped")

    monkeypatch.setattr("bpe.token_files.TokenFileWriter.write_array", stops)
    with pytest.raises(OSError, match="stopped"):
        encode_documents(encoder, documents(), tmp_path / "ids", separator=END, num_threads=2)
    assert requested < 20
