"""Reading an untrusted file into plain values, with errors that name the file.

Nothing is executed, and only the file itself is opened. The memory for reading is bounded by limits on the size of the
file and on the number of its values (an empty list is two characters of JSON but 64 bytes in Python). Python's parser
raises an error for JSON that is nested too deeply.
"""

import json
import os
import reprlib
from pathlib import Path
from typing import Any

from bpe.checks import check_path
from bpe.formats.parts import TokenizerFileError
from bpe.read_files import MAX_FILE_BYTES, ReadFile

MAX_JSON_VALUES = 1 << 22
"""The maximum number of values in a JSON file: 4,194,304. The largest in use have some two million."""

_PART_BYTES = 1 << 20

FilePath = str | os.PathLike[str]


def read_bytes(path: FilePath) -> bytes:
    """Read a whole file, unless it is larger than `MAX_FILE_BYTES`."""
    if isinstance(path, ReadFile):
        return path.content
    path = check_path(path, "path", "tokenizers are read from files")
    parts = []
    size = 0
    with Path(path).open("rb") as file:
        while part := file.read(_PART_BYTES):  # until the end, because a pipe or a device has no known size
            parts.append(part)
            size += len(part)
            if size > MAX_FILE_BYTES:
                raise TokenizerFileError(
                    f"{path} has more than {MAX_FILE_BYTES} bytes, too many for a tokenizer: is it the right file?"
                )
    return b"".join(parts)


def read_utf8(path: FilePath) -> str:
    """Read a whole file of UTF-8."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerFileError(
            f"{path} is not UTF-8 (offset {error.start}): it is damaged, or not a tokenizer"
        ) from None


def read_json(path: FilePath) -> Any:
    """Read a whole file of JSON."""
    text = read_utf8(path)
    if sum(map(text.count, "[{,")) > MAX_JSON_VALUES:  # there is one before nearly every value
        raise TokenizerFileError(
            f"{path} has more than {MAX_JSON_VALUES} values, too many for a tokenizer: is it the right file?"
        )
    try:
        return json.loads(text)
    except ValueError as error:  # also for a number with more digits than Python converts
        raise TokenizerFileError(f"{path} is not valid JSON: {error}; it is damaged, or not a tokenizer") from None
    except RecursionError:
        raise TokenizerFileError(f"{path} is nested too deeply to be a tokenizer") from None


def field(content: Any, name: str, kind: type, path: FilePath) -> Any:
    """Return a field of a JSON object, which must exist and have the type `kind`."""
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, kind):
        raise TokenizerFileError(f"{path}: {name!r} is missing or not of type {kind.__name__}: it is not a tokenizer")
    return value


def refuse(condition: bool, path: FilePath, reason: str) -> None:
    """Raise an error for a valid file that this package would not give the same ids for."""
    if condition:
        raise TokenizerFileError(
            f"{path}: {reason}, so its ids could not be reproduced exactly: use the library that it was written for"
        )


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def shown(value: object) -> str:
    """Return `repr(value)`, shortened to fit into an error message, however long or deeply nested the value is.

    >>> shown(["a" * 100, {"b": [1]}])
    "['aaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaaa', {'b': [1]}]"
    """
    text = _short.repr(value)
    return text if len(text) <= 200 else text[:200] + "..."
