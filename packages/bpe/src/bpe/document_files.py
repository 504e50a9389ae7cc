"""Files of text in the formats that people have.

| end of the name, before `.gz` or `.zst` | format | content |
|---|---|---|
| `.jsonl`, `.ndjson`, `.json` | JSON lines | a JSON object on each line; a document is the text in one of its fields |
| `.parquet` | parquet | a table; a document is the text in one of its columns |
| anything else | text | UTF-8 text |
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from bpe.checks import check_input_path
from bpe.input_files import OnRead, TextFileError, ignore_read, is_compressed, without_compression
from bpe.json_lines import json_documents
from bpe.parquet_files import parquet_documents

FileFormat = Literal["text", "JSON lines", "parquet"]
"""What a file contains, by its name."""

DEFAULT_COLUMN = "text"
"""The field or column with the text that most data sets have."""

_JSON_LINES = (".jsonl", ".ndjson", ".json")
_EXPANSION = 3  # how much longer a text is than its compressed form, about


def file_format(path: str | os.PathLike[str]) -> FileFormat:
    """Return the format of a file, which the end of its name determines.

    Raises:
        TextFileError: a parquet file is compressed as a whole, so that it cannot be read as a stream.

    >>> file_format("books.jsonl.zst"), file_format("books.parquet"), file_format("books.txt.gz")
    ('JSON lines', 'parquet', 'text')
    """
    name = without_compression(Path(path))
    if name.suffix in _JSON_LINES:
        return "JSON lines"
    if name.suffix != ".parquet":
        return "text"
    if name != Path(path):
        raise TextFileError(f"{path}: a parquet file is compressed inside; decompress it to {name.name}")
    return "parquet"


def is_plain_text(path: Path) -> bool:
    """Return whether a file is text that is not compressed."""
    return file_format(path) == "text" and not is_compressed(path)


def read_documents(
    path: str | os.PathLike[str], column: str = DEFAULT_COLUMN, *, on_read: OnRead = ignore_read
) -> Iterator[str]:
    """Yield the documents of a file of JSON lines or parquet, in memory that does not grow with the size of the file.

    Rows without a text, and with an empty one, are skipped.

    Args:
        path: the file. JSON lines may be compressed (`.gz`, `.zst`).
        column: the field or column with the text.
        on_read: called with the number of bytes of the file (before decompression) that were read since the last call.

    Raises:
        TextFileError: the file is damaged or has no such column; the message names the line or the rows. Or a package
            that is needed to read it is not installed.
        ValueError: the file is neither JSON lines nor parquet, by its name.
        OSError: the file cannot be read.
    """
    checked = check_input_path(path, "path", "documents in memory can be used as they are")
    kind = file_format(checked)
    if kind == "text":
        raise ValueError(
            f"{path} is a text, which is not divided into documents: call read_text, or give a file of JSON lines "
            "(.jsonl, .ndjson, .json; also .gz and .zst of them) or .parquet"
        )
    return (json_documents if kind == "JSON lines" else parquet_documents)(checked, column, on_read)


def check_column(column: object) -> None:
    """Raise an error if `column` is not the name of a column.

    Raises:
        ValueError: it is not a string.
    """
    if not isinstance(column, str):
        raise ValueError(f"column is {column!r}: give the name of the field or column with the text, as a str")


def total_size(paths: list[Path]) -> int | None:
    """Return the total size of files in bytes, or None if one of them, such as a pipe, has no size."""
    statuses = [path.stat() for path in paths]
    if not all(stat.S_ISREG(status.st_mode) for status in statuses):
        return None
    return sum(status.st_size for status in statuses)


def about_text_bytes(path: Path) -> int:
    """Return about how many bytes of text a file contains; 0 for what has no size, such as a pipe."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        return 0
    return status.st_size * (_EXPANSION if is_compressed(path) or file_format(path) == "parquet" else 1)
