"""The formats by name; the documents of each, and the errors of files that have none."""

import gzip
import json
import re

import pyarrow
import pyarrow.parquet
import pytest
import zstandard

from bpe import TextFileError, file_format, read_documents
from bpe.document_files import about_text_bytes, total_size

from .test_input_files import COMPRESSIONS, without_package

DOCUMENTS = [f"Document {k}: naïve café, 狐 and 👍. " + "word " * (k % 50) for k in range(400)]
LINES = "".join(json.dumps({"id": k, "text": document}) + "\n" for k, document in enumerate(DOCUMENTS))


def read(path, *column):
    counted = []
    documents = list(read_documents(path, *column, on_read=counted.append))
    assert sum(counted) == path.stat().st_size
    return documents


@pytest.mark.parametrize("ending", COMPRESSIONS)
def test_json_lines(tmp_path, ending):
    for name, text in (("a.jsonl", LINES), ("a.ndjson", f"\n{LINES}\n"), ("a.json", LINES.rstrip())):
        path = tmp_path / f"{name}{ending}"
        path.write_bytes(COMPRESSIONS[ending](text.encode()))
        assert read(path) == DOCUMENTS


@pytest.mark.parametrize("kind", [pyarrow.string(), pyarrow.large_string()])
def test_parquet(tmp_path, kind):
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"number": range(len(DOCUMENTS)), "content": pyarrow.array(DOCUMENTS, kind)})
    pyarrow.parquet.write_table(table, path, row_group_size=150)
    assert read(path, "content") == DOCUMENTS


def test_missing_values_and_empty_documents_are_skipped(tmp_path):
    rows = ["a", None, "", "b"]
    pyarrow.parquet.write_table(pyarrow.table({"text": rows}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    assert read(tmp_path / "a.parquet") == read(tmp_path / "a.jsonl") == ["a", "b"]


def test_a_page_or_part_of_a_file_instead_of_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": DOCUMENTS}), path)
    whole = path.read_bytes()
    for data in (b"<!DOCTYPE html><html>Log in</html>", whole[: len(whole) // 2], b""):
        path.write_bytes(data)
        with pytest.raises(TextFileError, match=r"a\.parquet is damaged or not a parquet file"):
            read(path)


def test_parquet_with_bytes_that_are_not_utf8(tmp_path):
    path = tmp_path / "a.parquet"
    column = pyarrow.array([b"ok", b"caf\xe9 au lait"], pyarrow.binary())
    text = pyarrow.StringArray.from_buffers(2, *column.buffers()[1:])
    pyarrow.parquet.write_table(pyarrow.table({"text": text}), path)
    with pytest.raises(TextFileError, match=r"a\.parquet: a text among the rows 0 to 256 is not UTF-8"):
        read(path)


def test_parquet_without_the_column(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "content": ["a", "b"], "raw": [b"\xff", b"b"]}), path)
    mistakes = {
        "text": "a.parquet has no column 'text', only id, content, raw: name the one with the text (--column)",
        "id": "the column 'id' contains int64: name one with text",
        "raw": "the column 'raw' contains binary: name one with text",
    }
    for column, message in mistakes.items():
        with pytest.raises(TextFileError, match=re.escape(message)):
            read(path, column)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('["a"]', "is a JSON array: give one JSON object a line"),
        ('"a"', "is a JSON string"),
        ("{'text': 'a'}", "is not JSON"),
        ('{"text": "a"', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"id": 3, "body": "a"}', r"has no field 'text', only 'id', 'body': name the one with the text \(--column\)"),
        ('{"text": 3}', "the field 'text' is a JSON number"),
        ('{"text": ["a"]}', "the field 'text' is a JSON array"),
        ('{"text": "a\\ud800"}', "character 1 of the text is the surrogate"),
    ],
)
def test_json_lines_that_are_wrong(tmp_path, line, message):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(f'{{"text": "a"}}\n\n{line}\n{{"text": "b"}}\n'.encode()))
    with pytest.raises(TextFileError, match=rf"a\.jsonl\.gz, line 3[,:] {message}"):
        read(path)


def test_a_line_without_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr("bpe.json_lines._MAX_LINE_BYTES", 1 << 20)
    (tmp_path / "a.jsonl").write_bytes(b"a" * (3 << 20))
    with pytest.raises(TextFileError, match="line 1, is longer than 1 MiB: give JSON lines"):
        read(tmp_path / "a.jsonl")


@pytest.mark.parametrize("ending", COMPRESSIONS)
def test_json_lines_that_are_not_utf8(tmp_path, ending):
    at = r" \(decompressed\)" if ending else ""
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(COMPRESSIONS[ending](b'{"text": "a"}\n{"text": "caf\xe9"}\n'))
    with pytest.raises(TextFileError, match=rf"a\.jsonl{ending}{at}, line 2, is not UTF-8: byte 0xe9 at offset 27 "):
        read(path)


def test_formats():
    formats = {
        "text": ["a.txt", "a", "a.gz", "a.csv", "jsonl"],
        "JSON lines": ["a.jsonl.zst", "a.json", "b/a.ndjson.gz"],
        "parquet": ["a.parquet"],
    }
    for name, paths in formats.items():
        assert {file_format(path) for path in paths} == {name}
    with pytest.raises(TextFileError, match=r"a\.parquet\.gz: a parquet file is compressed inside; decompress it"):
        file_format("a.parquet.gz")


def test_what_has_no_documents(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(ValueError, match=r"a\.txt is a text, .*: call read_text"):
        read_documents(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match="documents in memory can be used as they are"):
        read_documents(tmp_path / "none.parquet")


def test_pyarrow_is_an_extra(tmp_path, monkeypatch):
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "a.parquet")
    without_package(monkeypatch, "pyarrow")
    with pytest.raises(TextFileError, match=r"a\.parquet needs pyarrow: .* its extra, bpe\[parquet\]"):
        read(tmp_path / "a.parquet")


def test_sizes(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a" * 100)
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(LINES.encode()))
    sizes = [path.stat().st_size for path in (tmp_path / "a.txt", tmp_path / "a.jsonl.zst")]
    assert total_size([tmp_path / "a.txt", tmp_path / "a.jsonl.zst"]) == sum(sizes)
    assert about_text_bytes(tmp_path / "a.txt") == 100
    assert about_text_bytes(tmp_path / "a.jsonl.zst") > sizes[1]
