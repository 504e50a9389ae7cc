"""Files of documents on the command line."""

import gzip
import io
import json

import pytest

from bpe import Tokenizer, open_token_file, read_token_file_info, train_bpe

from ..conftest import END
from ..document_cases import ids_alone
from .conftest import lines

DOCUMENTS = ["to be", "or not", "naïve 狐"] * 30


@pytest.fixture
def documents(folder):
    rows = "".join(json.dumps({"text": document, "n": 3}) + "\n" for document in DOCUMENTS)
    (folder / "a.jsonl").write_text(rows)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    (folder / "text.txt.gz").write_bytes(gzip.compress(b"once upon a time"))


def test_encode_into_a_token_file(run, documents, tokenizer):
    ids = ids_alone(tokenizer, [*DOCUMENTS, *DOCUMENTS, "once upon a time"])
    files = ["a.jsonl", "b.jsonl.gz", "text.txt.gz"]
    code, output, errors = run("encode", "tokenizer.json", *files, "--out", "a.bin", "--separator", END)
    assert (code, output, errors) == (0, f"a.bin: {len(ids):,} ids of uint16\n", "")
    assert open_token_file("a.bin").tolist() == ids
    info = read_token_file_info("a.bin")
    assert (info.column, info.separator) == ("text", END)


def test_encode_onto_standard_output(run, documents, tokenizer):
    ids = ids_alone(tokenizer, [*DOCUMENTS, "once upon a time"])
    assert run("encode", "tokenizer.json", "a.jsonl", "text.txt.gz", "--separator", END) == (0, lines(ids), "")
    ids = ids_alone(tokenizer, DOCUMENTS, "")
    assert run("encode", "tokenizer.json", "b.jsonl.gz", "--separator", "") == (0, lines(ids), "")
    ids = tokenizer.encode("once upon a time")
    assert run("encode", "tokenizer.json", "text.txt.gz") == (0, lines(ids), "")


def test_encode_standard_input_too(run, documents, tokenizer, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"once upon a time")))
    assert run("encode", "tokenizer.json", "-", "a.jsonl", "--separator", END, "--out", "a.bin")[0] == 0
    assert open_token_file("a.bin").tolist() == ids_alone(tokenizer, ["once upon a time", *DOCUMENTS])
    assert read_token_file_info("a.bin").separator == END


def test_count(run, documents, tokenizer):
    for separator in ("", END):
        options = ["--separator", separator] if separator else []
        code, output, _ = run("count", "tokenizer.json", "a.jsonl", *options)
        count = len(ids_alone(tokenizer, DOCUMENTS, separator))
        size = sum(len(f"{document}{separator}".encode()) for document in DOCUMENTS)
        assert code == 0
        assert output.splitlines()[1].split() == [f"{count:,}", f"{size:,}", f"{size / count:.2f}", "a.jsonl"]


def test_train(run, documents):
    code, _, errors = run("train", "a.jsonl", "b.jsonl.gz", "--column", "text", "--vocab-size", 270, "--out", "t.json")
    assert (code, errors) == (0, "")
    expected = Tokenizer(*train_bpe(iter(DOCUMENTS * 2), 270, [END]), [END])
    assert Tokenizer.load("t.json").fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("encode tokenizer.json a.jsonl", "a.jsonl contains documents, and no separator follows each: give one of the"),
        ("encode tokenizer.json a.jsonl --out a.bin", "a.jsonl contains documents, and no separator follows each"),
        ("encode tokenizer.json a.jsonl --out a.bin --separator <s>", "separator is '<s>', not a special token"),
        (
            "encode tokenizer.json a.jsonl --column n --separator <|endoftext|>",
            "line 1: the field 'n' is a JSON number",
        ),
        (
            "encode tokenizer.json text.txt --column text",
            "--column is for JSON lines and parquet, but text.txt is text",
        ),
        ("count tokenizer.json --column text", "but standard input is text: remove it"),
        ("count tokenizer.json a.jsonl --column body", "has no field 'body', only 'text', 'n': name the one with the"),
        ("train a.jsonl --column body --vocab-size 300 --out t.json", "line 1, has no field 'body'"),
        ("inspect tokenizer.json --file a.jsonl", "a.jsonl contains documents: use `bpe count`"),
    ],
)
def test_mistakes(run, documents, arguments, message):
    code, _, errors = run(*arguments.split())
    assert (code, errors.count("\n")) == (2, 1)
    assert message in errors
