"""Files as text: the documents of all formats as one stream of text with `<|endoftext|>` between them.

| end of the name, before `.gz` or `.zst` | content |
|---|---|
| `.jsonl`, `.ndjson`, `.json` | a JSON object on each line; the text is in one of its fields |
| `.parquet` | a table; the text is in one of its columns |
| anything else | UTF-8 text, with `<|endoftext|>` between documents |

Text is passed on unchanged. A document of the other formats is followed by `<|endoftext|>`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bpe import TextFileError, read_text_stream
from preparation.byte_sources import OnRead, open_bytes
from preparation.corpora import END_OF_TEXT
from preparation.errors import PreparationError

_COMPRESSIONS = (".gz", ".zst")
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_MAX_LINE_BYTES = 256 << 20
_ROWS_AT_ONCE = 1024
_TEXT_BYTES_AT_ONCE = 1 << 16
"""Few: threads take turns at reading, and of large blocks that one allocates and another frees the C library keeps more
and more (twice the memory after a gigabyte of text with 1 MiB)."""
_CHUNK_CHARACTERS = 1 << 18  # documents are joined into chunks of about this length


def format_of(path: Path) -> str:
    """Return the format of a file: `text`, `JSON lines` or `parquet`."""
    name = path.with_suffix("") if path.suffix in _COMPRESSIONS else path
    if name.suffix in _JSON_LINES:
        return "JSON lines"
    return "parquet" if path.suffix == ".parquet" else "text"


def read_files(paths: Sequence[Path], column: str, on_read: OnRead) -> Iterator[str]:
    """Yield the text of several files in chunks. Where a text ends without `<|endoftext|>`, it is added between files.

    Args:
        paths: the files, in order.
        column: the field or column with the text.
        on_read: called with the number of bytes that were read from the files.

    Raises:
        PreparationError: a file is damaged, or has no such column; the message names the place.
        TextFileError: a text is empty, or not UTF-8 (the offset is named).
        OSError: a file cannot be read.
    """
    end = ""
    for path in paths:
        if end.rstrip() and not end.rstrip().endswith(END_OF_TEXT):
            yield END_OF_TEXT
        end = ""
        for chunk in read_file(path, column, on_read):
            yield chunk
            end = (end + chunk[-1000:])[-1000:]


def read_file(path: Path, column: str, on_read: OnRead) -> Iterator[str]:
    """Yield the text of a file in chunks. Arguments and errors are those of `read_files`."""
    kind = format_of(path)
    if kind == "parquet":
        yield from _chunks(_parquet_documents(path, column, on_read))
    elif kind == "JSON lines":
        yield from _chunks(_json_documents(path, column, on_read))
    else:
        with open_bytes(path, on_read) as file:
            yield from read_text_stream(file, _named(path), chunk_bytes=_TEXT_BYTES_AT_ONCE)


def _named(path: Path) -> str:
    """Return what errors with offsets call a file: the offsets count decompressed bytes."""
    return f"{path} (decompressed)" if path.suffix in _COMPRESSIONS else str(path)


def _chunks(documents: Iterable[str]) -> Iterator[str]:
    """Yield documents, each followed by the separator, joined into longer chunks."""
    parts: list[str] = []
    length = 0
    for document in documents:
        parts += [document, END_OF_TEXT]
        length += len(document)
        if length >= _CHUNK_CHARACTERS:
            yield "".join(parts)
            parts, length = [], 0
    if parts:
        yield "".join(parts)


def _json_documents(path: Path, field: str, on_read: OnRead) -> Iterator[str]:
    """Yield the field of each line; lines with nothing but white space and null values are skipped."""
    offset = 0
    with open_bytes(path, on_read) as file:
        number = 0
        while line := file.readline(_MAX_LINE_BYTES):
            number += 1
            if len(line) == _MAX_LINE_BYTES:
                raise PreparationError(
                    f"{path}, line {number}, is longer than {_MAX_LINE_BYTES >> 20} MiB: "
                    "give JSON lines, with one document a line"
                )
            document = _field(path, number, line, offset, field)
            offset += len(line)
            if document:
                yield document


def _field(path: Path, number: int, line: bytes, offset: int, field: str) -> str | None:
    place = f"{path}, line {number}"
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        where = offset + error.start
        raise TextFileError(
            f"{_named(path)}, line {number}, is not UTF-8: byte 0x{line[error.start]:02x} at offset {where} "
            f"({error.reason}); convert the file to UTF-8 first"
        ) from None
    if not text.strip():
        return None
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PreparationError(f"{place}, is not JSON ({error}): give one JSON object a line") from None
    if not isinstance(row, dict):
        raise PreparationError(f"{place}, is a JSON {_json_type(row)}: give one JSON object a line")
    if field not in row:
        found = ", ".join(map(repr, row)) or "none"
        raise PreparationError(f"{place}, has no field {field!r}, only {found}: name the one with the text by --column")
    value = row[field]
    if value is not None and not isinstance(value, str):
        raise PreparationError(
            f"{place}: the field {field!r} is a JSON {_json_type(value)}: name a field with text by --column"
        )
    if value is not None and not value.isascii():
        _check_encodable(value, place)
    return value


def _check_encodable(value: str, place: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise PreparationError(
            f"{place}: character {error.start} of the text is the surrogate {value[error.start]!r}, which cannot be "
            "encoded in UTF-8: correct the file"
        ) from None


def _json_type(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _parquet_documents(path: Path, column: str, on_read: OnRead) -> Iterator[str]:
    """Yield the values of a column; rows without a value are skipped."""
    import pyarrow as arrow  # type: ignore[import-untyped]
    import pyarrow.parquet as parquet  # type: ignore[import-untyped]

    try:
        # Without pre-buffering and with a small buffer the pages of a column are read as they are needed.
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            _check_column(path, file.schema_arrow, column)
            size, rows, done = path.stat().st_size, file.metadata.num_rows, 0
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[column], use_threads=False):
                yield from filter(None, batch.column(0).to_pylist())
                on_read(size * (done + batch.num_rows) // rows - size * done // rows)
                done += batch.num_rows
    except UnicodeDecodeError as error:
        raise PreparationError(
            f"{path}: a text among the rows {done} to {done + _ROWS_AT_ONCE} is not UTF-8 ({error.reason}): "
            "correct the file"
        ) from None
    except (arrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise PreparationError(f"{path} is damaged or not a parquet file ({error}): fetch or copy it again") from None


def _check_column(path: Path, schema: "arrow.Schema", column: str) -> None:  # type: ignore[name-defined]  # noqa: F821
    import pyarrow as arrow

    if column not in schema.names:
        found = ", ".join(schema.names)
        raise PreparationError(f"{path} has no column {column!r}, only {found}: name the one with the text by --column")
    kind = schema.field(column).type
    if not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind) or arrow.types.is_string_view(kind)):
        raise PreparationError(f"{path}: the column {column!r} contains {kind}: name a column with text by --column")
