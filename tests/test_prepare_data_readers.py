"""Reading the formats as streams, what is wrong with damaged files, and which documents are held out."""

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given, settings, strategies as st

from preparation.errors import PreparationError
from preparation.readers import format_of, read_file, read_files
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


def compress(data, ending):
    return {"": lambda: data, ".gz": lambda: gzip.compress(data), ".zst": lambda: zstandard.compress(data)}[ending]()


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_text_and_json_lines(tmp_path, ending):
    for name, text in (("a.txt", TEXT), ("a.jsonl", LINES), ("a.ndjson", f"\n{LINES}\n"), ("unnamed", TEXT)):
        path = tmp_path / f"{name}{ending}"
        path.write_bytes(compress(text.encode(), ending))
        assert read(path) == TEXT


@pytest.mark.parametrize("kind", [pyarrow.string(), pyarrow.large_string()])
def test_parquet(tmp_path, kind):
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"number": range(len(DOCUMENTS)), "content": pyarrow.array(DOCUMENTS, kind)})
    pyarrow.parquet.write_table(table, path, row_group_size=150)
    assert read(path, "content") == TEXT


def test_missing_values_and_empty_documents_are_skipped(tmp_path):
    rows = ["a", None, "", "b"]
    pyarrow.parquet.write_table(pyarrow.table({"text": rows}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    assert read(tmp_path / "a.parquet") == read(tmp_path / "a.jsonl") == f"a{END}b{END}"


def test_compressed_files_of_several_parts(tmp_path):
    """As `cat a.gz b.gz` makes them."""
    for ending, compressed in ((".gz", gzip.compress), (".zst", zstandard.compress)):
        path = tmp_path / f"a.txt{ending}"
        path.write_bytes(compressed(TEXT[:5000].encode()) + compressed(b"") + compressed(TEXT[5000:].encode()))
        assert read(path) == TEXT


def test_files_are_separated_documents(tmp_path):
    contents = ["one\n", f"two\n{END}\n", "three", f"four{END}"]
    paths = [tmp_path / f"{k}.txt" for k in range(4)]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content)
    joined = "".join(read_files(paths, "text", lambda count: None))
    assert joined == f"one\n{END}two\n{END}\nthree{END}four{END}"


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_compressed_file_that_is_cut_short_or_is_something_else(tmp_path, ending):
    path = tmp_path / f"a.txt{ending}"
    data = compress(TEXT.encode(), ending)
    for length in (len(data) - 1, len(data) // 2, 30):
        path.write_bytes(data[:length])
        with pytest.raises(PreparationError, match=rf"a\.txt{ending} is cut short"):
            read(path)
    path.write_bytes(b"<!DOCTYPE html><html>Log in</html>")
    with pytest.raises(PreparationError, match=rf"is damaged or not a {ending} file .*begins with b'<!DOCTYPE html>"):
        read(path)
    if ending == ".gz":  # has a checksum
        path.write_bytes(data[:-6] + bytes([data[-6] ^ 1]) + data[-5:])
        with pytest.raises(PreparationError, match="is damaged"):
            read(path)


def test_a_page_or_part_of_a_file_instead_of_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": DOCUMENTS}), path)
    whole = path.read_bytes()
    for data in (b"<!DOCTYPE html><html>Log in</html>", whole[: len(whole) // 2], b""):
        path.write_bytes(data)
        with pytest.raises(PreparationError, match=r"a\.parquet is damaged or not a parquet file"):
            read(path)
    with pytest.raises(FileNotFoundError):
        "".join(read_file(tmp_path / "none.parquet", "text", lambda count: None))


def test_parquet_without_the_column(tmp_path):
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"id": [1, 2], "content": ["a", "b"], "raw": [b"\xff", b"b"]})
    pyarrow.parquet.write_table(table, path)
    mistakes = {
        "text": r"a\.parquet has no column 'text', only id, content, raw: name the one with the text by --column",
        "id": "the column 'id' contains int64: name a column with text by --column",
    }
    for column, message in mistakes.items():
        with pytest.raises(PreparationError, match=message):
            read(path, column)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('["a"]', "is a JSON array: give one JSON object a line"),
        ('"a"', "is a JSON string"),
        ("{'text': 'a'}", "is not JSON"),
        ('{"text": "a"', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"id": 3, "body": "a"}', "has no field 'text', only 'id', 'body': name the one with the text by --column"),
        ('{"text": 3}', "the field 'text' is a JSON number"),
        ('{"text": ["a"]}', "the field 'text' is a JSON array"),
        ('{"text": "a\\ud800"}', "character 1 of the text is the surrogate"),
    ],
)
def test_json_lines_that_are_wrong(tmp_path, line, message):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(f'{{"text": "a"}}\n\n{line}\n{{"text": "b"}}\n'.encode()))
    with pytest.raises(PreparationError, match=rf"a\.jsonl\.gz, line 3[,:] {message}"):
        read(path)


def test_a_line_without_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr("preparation.readers._MAX_LINE_BYTES", 1 << 20)
    (tmp_path / "a.jsonl").write_bytes(b"a" * (3 << 20))
    with pytest.raises(PreparationError, match="line 1, is longer than 1 MiB: give JSON lines"):
        read(tmp_path / "a.jsonl")


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_bytes_that_are_not_utf8(tmp_path, ending):
    at = r" \(decompressed\)" if ending else ""
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(compress(b"caf\xe9 au lait", ending))
    with pytest.raises(ValueError, match=rf"a\.txt{ending}{at} is not UTF-8: byte 0xe9 at offset 3 "):
        read(path)
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(compress(b'{"text": "a"}\n{"text": "caf\xe9"}\n', ending))
    with pytest.raises(ValueError, match=rf"a\.jsonl{ending}{at}, line 2, is not UTF-8: byte 0xe9 at offset 27 "):
        read(path)


def test_formats():
    names = ["a.txt", "a", "a.gz", "a.jsonl.zst", "a.json", "a.parquet"]
    assert [format_of(Path(name)) for name in names] == [
        "text",
        "text",
        "text",
        "JSON lines",
        "JSON lines",
        "parquet",
    ]


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
