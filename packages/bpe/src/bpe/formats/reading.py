"""Reading a stranger's file into plain values, with errors that name the file.

Nothing is executed and nothing but the file itself is opened. How much memory reading takes is bounded by the size of
the file and, as an empty list is two characters but 64 bytes of Python, by the number of values in it. JSON that is
nested without end is refused by Python's parser.
"""

import json
import os
import reprlib
from pathlib import Path
from typing import Any

from bpe.formats.parts import TokenizerFileError

MAX_FILE_BYTES = 1 << 26
"""The largest tokenizer file that is read: 64 MiB. The largest in use have some 35 MB."""

MAX_JSON_VALUES = 1 << 22
"""The most values in a JSON file: 4,194,304. The largest in use have some two million."""

_PART_BYTES = 1 << 20

FilePath = str | os.PathLike[str]


def read_bytes(path: FilePath) -> bytes:
    """Read a whole file, if it is no larger than any tokenizer file may be."""
    parts = []
    size = 0
    with Path(path).open("rb") as file:
        while part := file.read(_PART_BYTES):  # until the end, as a pipe or a device does not tell its size
            parts.append(part)
            size += len(part)
            if size > MAX_FILE_BYTES:
                raise TokenizerFileError(
                    f"{path} has more than {MAX_FILE_BYTES} bytes, and no tokenizer file has: give the right file"
                )
    return b"".join(parts)


def read_utf8(path: FilePath) -> str:
    """Read a whole file of UTF-8."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerFileError(
            f"{path} is not UTF-8 (offset {error.start}): it is damaged, or no tokenizer"
        ) from None


def read_json(path: FilePath) -> Any:
    """Read a whole file of JSON."""
    text = read_utf8(path)
    if sum(map(text.count, "[{,")) > MAX_JSON_VALUES:  # one stands before nearly every value
        raise TokenizerFileError(
            f"{path} has more than {MAX_JSON_VALUES} values, and no tokenizer file has: give the right file"
        )
    try:
        return json.loads(text)
    except ValueError as error:  # also for a number with more digits than Python converts
        raise TokenizerFileError(f"{path} is not valid JSON: {error}; it is damaged, or no tokenizer") from None
    except RecursionError:
        raise TokenizerFileError(f"{path} is nested too deeply to be a tokenizer") from None


def field(content: Any, name: str, kind: type, path: FilePath) -> Any:
    """Return a field of a JSON object, which must be there and of that kind."""
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, kind):
        raise TokenizerFileError(f"{path}: {name!r} is missing or not of type {kind.__name__}: it is no such tokenizer")
    return value


def refuse(condition: bool, path: FilePath, reason: str) -> None:
    """Refuse a file that is in order, but asks for what would not give the same ids here."""
    if condition:
        raise TokenizerFileError(
            f"{path}: {reason}, so its ids could not be reproduced exactly: use the library that it was made for"
        )


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def shown(value: object) -> str:
    """Return `repr(value)`, shortened to what fits an error message, however long or deep the value is.

    >>> shown(["a" * 100, {"b": [1]}])
    "['aaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaaa', {'b': [1]}]"
    """
    text = _short.repr(value)
    return text if len(text) <= 200 else text[:200] + "..."
