"""Token files: memory-mapped read-only, so that a file may be larger than memory."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.joined_tokens import Tokens

_CHECKED_AT_ONCE = 1 << 24
_ENCODE_AGAIN = "encode the text again"
DTYPES: dict[str, np.dtype[Any]] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}


class DataError(ValueError):
    """The data is missing, damaged, or does not match the model or the configuration."""


@dataclass(frozen=True)
class Shard:
    """One of the files of a data set, as its manifest states it."""

    name: str
    """The path of the file, relative to the folder of the manifest."""
    count: int
    """Number of ids."""
    sha256: str
    """SHA-256 of the file in hexadecimal digits."""


@dataclass(frozen=True, eq=False)
class TokenFile:
    """The ids of a token file, or of several shards, and the content of the JSON description or the manifest."""

    path: Path
    """The token file, or the manifest."""
    tokens: Tokens
    """Its ids, one-dimensional and memory-mapped read-only: `uint16` or `uint32`."""
    tokenizer_sha256: str | None = None
    """SHA-256 of the tokenizer that encoded the text; None if it is not known."""
    text_bytes: int | None = None
    """Size of the encoded text in bytes; None if it is not known."""
    shards: tuple[Shard, ...] = ()
    """The shards of a manifest, in order; empty for a token file."""

    @property
    def bytes_per_token(self) -> float | None:
        """Mean number of bytes of text per id; None if it is not known.

        A loss of `x` nats per token is `x / ln 2 / bytes_per_token` bits per byte, for any tokenizer.
        """
        return None if self.text_bytes is None else self.text_bytes / len(self.tokens)


def open_token_file(path: str | os.PathLike[str], vocab_size: int) -> TokenFile:
    """Memory-map a token file read-only, and check that every id is in the model's vocabulary.

    The file contains little-endian ids and nothing else; `PATH.json` states their `dtype` (`uint16` or `uint32`) and
    `count`, and optionally `tokenizer_sha256` and `text_bytes`. What else it states, such as the `column` and the
    `separator` of documents, makes no difference here.

    Args:
        path: the token file.
        vocab_size: vocabulary size of the model; every id must be smaller.

    Raises:
        DataError: the file or its description is missing or damaged, or contains an id outside the vocabulary.
    """
    path = Path(path)
    dtype, count, tokenizer_sha256, text_bytes = _read_description(path)
    return TokenFile(path, _map_ids(path, dtype, count, vocab_size), tokenizer_sha256, text_bytes)


def open_tokens(path: str | os.PathLike[str], vocab_size: int) -> np.ndarray:
    """Return the ids of a token file; arguments and errors are those of `open_token_file`."""
    path = Path(path)
    dtype, count, _, _ = _read_description(path)
    return _map_ids(path, dtype, count, vocab_size)


def _map_ids(path: Path, dtype: np.dtype[Any], count: int, vocab_size: int) -> np.ndarray:
    """Memory-map a token file and check its size and its ids."""
    size = path.stat().st_size
    if size != count * dtype.itemsize or count == 0:
        raise DataError(
            f"{path} has {size} bytes, but {path.name}.json states {count} ids of {dtype.itemsize} bytes: "
            f"{_ENCODE_AGAIN}"
        )
    tokens = np.memmap(path, dtype=dtype, mode="r")
    check_ids(tokens, vocab_size, path)
    return tokens


def check_length(tokens: Tokens, context_length: int, name: str | os.PathLike[str]) -> None:
    """Refuse data that is shorter than one window and its last target.

    Raises:
        DataError: there are fewer than `context_length + 1` ids.
    """
    if len(tokens) <= context_length:
        raise DataError(
            f"{name} has {len(tokens)} tokens, but a window of context length {context_length} needs at least "
            f"{context_length + 1}: use more text, or lower model.context_length"
        )


def _read_description(path: Path) -> tuple[np.dtype[Any], int, str | None, int | None]:
    """Return dtype, count, the tokenizer's hash and the size of the text; the last two are None if not stated."""
    description = Path(f"{path}.json")
    for file in (path, description):
        if not file.is_file():
            raise DataError(f"{file} does not exist: a token file needs {description.name} next to it; {_ENCODE_AGAIN}")
    try:
        content = json.loads(description.read_text("utf-8"))
        dtype, count = DTYPES[content["dtype"]], content["count"]
        tokenizer_sha256, text_bytes = content.get("tokenizer_sha256"), content.get("text_bytes")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(f"{description} does not state dtype and count of a token file: {_ENCODE_AGAIN}") from None
    if type(count) is not int or count < 0:
        raise DataError(f"{description} has count = {count!r}, which is not a number of ids: {_ENCODE_AGAIN}")
    if not isinstance(tokenizer_sha256, str | None):
        raise DataError(f"{description} has tokenizer_sha256 = {tokenizer_sha256!r}, not a string: {_ENCODE_AGAIN}")
    if text_bytes is not None and (type(text_bytes) is not int or text_bytes <= 0 < count):
        raise DataError(f"{description} has text_bytes = {text_bytes!r}, not a positive integer: {_ENCODE_AGAIN}")
    return dtype, count, tokenizer_sha256, text_bytes


def check_ids(tokens: np.ndarray, vocab_size: int, path: Path, first: int = 0) -> None:
    """Refuse ids outside the vocabulary.

    Args:
        tokens: ids of a file.
        vocab_size: vocabulary size of the model.
        path: the file, for the error.
        first: the position of the first of them in the file, for the error.

    Raises:
        DataError: an id is `vocab_size` or more.
    """
    for start in range(0, len(tokens), _CHECKED_AT_ONCE):
        chunk = tokens[start : start + _CHECKED_AT_ONCE]
        if chunk.max() >= vocab_size:
            place = int(np.argmax(chunk >= vocab_size))
            raise DataError(
                f"{path} has the id {chunk[place]} at position {first + start + place}, but the model's vocabulary has "
                f"{vocab_size} entries: raise model.vocab_size, or encode the text with the model's tokenizer"
            )
