"""The formats as one text, and which documents are held out."""

import gzip
import json

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given, settings, strategies as st

from bpe import TextFileError
from preparation.readers import read_file, read_files
from preparation.selection import is_held_out, select_documents, take_bytes

END = "<|endoftext|>"
DOCUMENTS = [f"Document {k}: naïve café, 狐 and 👍. " + "word " * (k % 50) for k in range(400)]
TEXT = "".join(f"{document}{END}" for document in DOCUMENTS)
LINES = "".join(json.dumps({"id": k, "text": document}) + "\n" for k, document in enumerate(DOCUMENTS))


def read(path, column="text"):
    counted = []
    text = "".join(read_file(path, column, counted.append))
    assert sum(counted) == path.stat().st_size
    return text


def test_all_formats_are_the_same_text(tmp_path):
    contents = {
        "a.txt": TEXT.encode(),
        "unnamed": TEXT.encode(),
        "a.txt.gz": gzip.compress(TEXT.encode()),
        "a.txt.zst": zstandard.compress(TEXT.encode()),
        "a.jsonl": LINES.encode(),
        "a.ndjson.zst": zstandard.compress(LINES.encode()),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert read(tmp_path / name) == TEXT
    pyarrow.parquet.write_table(pyarrow.table({"content": DOCUMENTS}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", "content") == TEXT


def test_missing_values_and_empty_documents_are_skipped(tmp_path):
    rows = ["a", None, "", "b"]
    pyarrow.parquet.write_table(pyarrow.table({"text": rows}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    assert read(tmp_path / "a.parquet") == read(tmp_path / "a.jsonl") == f"a{END}b{END}"


def test_the_option_for_the_column_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"body": "a"}')
    with pytest.raises(TextFileError, match=r"has no field 'text', only 'body': .* \(--column\)"):
        read(tmp_path / "a.jsonl")


def test_files_are_separated_documents(tmp_path):
    contents = ["one\n", f"two\n{END}\n", "three", f"four{END}"]
    paths = [tmp_path / f"{k}.txt" for k in range(4)]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content)
    joined = "".join(read_files(paths, "text", lambda count: None))
    assert joined == f"one\n{END}two\n{END}\nthree{END}four{END}"


pieces = st.lists(st.sampled_from(["a", "bc ", "\n", END, "<|end", "oftext|>", "word " * 300, "狐"]), max_size=30)


@settings(deadline=None)
@given(parts=pieces, size=st.integers(1, 2000), share=st.sampled_from([0.1, 0.5, 0.9]))
def test_every_document_is_on_one_side(parts, size, share):
    text = "".join(parts)
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    sides = {held_out: "".join(select_documents(chunks, share, held_out=held_out)) for held_out in (True, False)}
    documents = [document for document in text.split(END) if document.strip()]
    for held_out, side in sides.items():
        expected = [document for document in documents if is_held_out(document, share) == held_out]
        assert [document for document in side.split(END) if document] == expected


def test_the_share_of_documents():
    documents = [f"document {k}" for k in range(20_000)]
    assert 0.009 < sum(is_held_out(document, 0.01) for document in documents) / 20_000 < 0.011
    # It is part of what prepared data means: it must not change.
    assert [k for k in range(1000) if is_held_out(f"document {k}", 0.01)] == [609, 665, 773, 860, 870, 873, 954, 989]


def test_memory_does_not_grow_with_a_document():
    longest = 0
    for part in select_documents(("word " * 200 for _ in range(1000)), 0.999999, held_out=True):
        longest = max(longest, len(part))
    assert 1000 <= longest < 3000


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_taking_bytes(size):
    text = f"狐one{END}two{END}three"
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    whole = len(text.encode())
    for limit in range(whole + 2):
        taken = "".join(take_bytes(chunks, limit))
        assert text.startswith(taken)
        assert len(taken.encode()) <= limit
        if size == 1000 and 19 <= limit < whole:
            assert taken.endswith(END)
    assert "".join(take_bytes(chunks, None)) == "".join(take_bytes(chunks, whole)) == text
