"""Documents in JSON lines: a JSON object on each line, with the text in one of its fields."""

import json
from collections.abc import Iterator
from pathlib import Path

from bpe.input_files import OnRead, TextFileError, open_bytes, shown_name

_MAX_LINE_BYTES = 256 << 20
_JSON_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}


def json_documents(path: Path, field: str, on_read: OnRead) -> Iterator[str]:
    """Yield the field of each line. Lines of nothing but white space, null values and empty texts are skipped.

    Args:
        path: the file, which may be compressed.
        field: the field with the text.
        on_read: called as the file is read.

    Raises:
        TextFileError: the file is damaged or not UTF-8, or a line is not a JSON object with such a field.
        OSError: the file cannot be read.
    """
    offset = 0
    with open_bytes(path, on_read) as file:
        number = 0
        while line := file.readline(_MAX_LINE_BYTES):
            number += 1
            if len(line) == _MAX_LINE_BYTES:
                raise TextFileError(
                    f"{path}, line {number}, is longer than {_MAX_LINE_BYTES >> 20} MiB: "
                    "give JSON lines, with one document a line"
                )
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise TextFileError(
                    f"{shown_name(path)}, line {number}, is not UTF-8: byte 0x{line[error.start]:02x} at offset "
                    f"{offset + error.start} ({error.reason}); convert the file to UTF-8 first"
                ) from None
            offset += len(line)
            if not text.isspace():
                document = _document(text, field, f"{path}, line {number}")
                if document:
                    yield document


def _document(line: str, field: str, place: str) -> str | None:
    """Return the text of a line; `place` is what errors call it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TextFileError(f"{place}, is not JSON ({error}): give one JSON object a line") from None
    if not isinstance(row, dict):
        raise TextFileError(f"{place}, is a JSON {_json_type(row)}: give one JSON object a line")
    if field not in row:
        found = ", ".join(map(repr, row)) or "none"
        raise TextFileError(f"{place}, has no field {field!r}, only {found}: name the one with the text (--column)")
    value = row[field]
    if value is not None and not isinstance(value, str):
        raise TextFileError(
            f"{place}: the field {field!r} is a JSON {_json_type(value)}: name one with text (--column)"
        )
    if value is not None and not value.isascii():
        _check_encodable(value, place)
    return value


def _check_encodable(value: str, place: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise TextFileError(
            f"{place}: character {error.start} of the text is the surrogate {value[error.start]!r}, which cannot be "
            "encoded in UTF-8: correct the file"
        ) from None


def _json_type(value: object) -> str:
    return _JSON_TYPES.get(type(value), "number")
