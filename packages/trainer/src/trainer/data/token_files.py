"""Token files: mapped into memory, never read whole, never written to."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_CHECKED_AT_ONCE = 1 << 24
_DTYPES: dict[str, np.dtype[Any]] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}


class DataError(ValueError):
    """Data that cannot be trained on."""


@dataclass(frozen=True, eq=False)
class TokenFile:
    """The ids of a token file, and what its description says of them."""

    path: Path
    """The file."""
    tokens: np.ndarray
    """Its ids, one-dimensional, mapped read-only: `uint16` or `uint32`."""
    tokenizer_sha256: str | None = None
    """Fingerprint of the tokenizer that made the ids, if known."""
    text_bytes: int | None = None
    """Bytes of text that the ids stand for, if known."""

    @property
    def bytes_per_token(self) -> float | None:
        """Bytes of text that an id stands for on average; None if that is not known.

        A loss of `x` nats per token is `x / ln 2 / bytes_per_token` bits per byte, whatever the tokenizer.
        """
        return None if self.text_bytes is None else self.text_bytes / len(self.tokens)


def open_token_file(path: str | os.PathLike[str], vocab_size: int) -> TokenFile:
    """Map a token file into memory, read-only, and check once that every id fits the model.

    The file holds little-endian ids and nothing else; `PATH.json` beside it says their dtype (`uint16` or
    `uint32`) and count, and may say more.

    Args:
        path: the token file.
        vocab_size: of the model; every id must be smaller.

    Raises:
        DataError: the file or its description is missing or damaged, or an id is outside the vocabulary.
    """
    path = Path(path)
    dtype, count, tokenizer_sha256, text_bytes = _read_description(path)
    size = path.stat().st_size
    if size != count * dtype.itemsize or count == 0:
        raise DataError(
            f"{path} has {size} bytes, but should have {count} ids of {dtype.itemsize} bytes: encode the text again"
        )
    tokens = np.memmap(path, dtype=dtype, mode="r")
    _check_ids(tokens, vocab_size, path)
    return TokenFile(path, tokens, tokenizer_sha256, text_bytes)


def open_tokens(path: str | os.PathLike[str], vocab_size: int) -> np.ndarray:
    """Return the ids of a token file alone; arguments and errors are those of `open_token_file`."""
    return open_token_file(path, vocab_size).tokens


def check_length(tokens: np.ndarray, context_length: int, name: str | os.PathLike[str]) -> None:
    """Refuse data without a single window.

    Raises:
        DataError: there are not more than `context_length` ids.
    """
    if len(tokens) <= context_length:
        raise DataError(
            f"{name} has {len(tokens)} tokens, but one window takes {context_length} and the one that follows: "
            "give more text, or lower model.context_length"
        )


def _read_description(path: Path) -> tuple[np.dtype[Any], int, str | None, int | None]:
    """Return dtype, count, tokenizer and bytes of text, as far as they are known."""
    description = Path(f"{path}.json")
    for file in (path, description):
        if not file.is_file():
            raise DataError(f"{file} does not exist: a token file has its description beside it; encode the text again")
    try:
        content = json.loads(description.read_text("utf-8"))
        dtype, count = _DTYPES[content["dtype"]], content["count"]
        tokenizer_sha256, text_bytes = content.get("tokenizer_sha256"), content.get("text_bytes")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(f"{description} does not say dtype and count of a token file: encode the text again") from None
    if type(count) is not int or count < 0:
        raise DataError(f"{description} says count = {count!r}, which is no number of ids: encode the text again")
    if not isinstance(tokenizer_sha256, str | None):
        raise DataError(f"{description} says tokenizer_sha256 = {tokenizer_sha256!r}: encode the text again")
    if text_bytes is not None and (type(text_bytes) is not int or text_bytes <= 0 < count):
        raise DataError(f"{description} says text_bytes = {text_bytes!r}: encode the text again")
    return dtype, count, tokenizer_sha256, text_bytes


def _check_ids(tokens: np.ndarray, vocab_size: int, path: Path) -> None:
    for start in range(0, len(tokens), _CHECKED_AT_ONCE):
        part = tokens[start : start + _CHECKED_AT_ONCE]
        if part.max() >= vocab_size:
            place = int(np.argmax(part >= vocab_size))
            raise DataError(
                f"{path} has the id {part[place]} at position {start + place}, but the model's vocabulary is "
                f"{vocab_size}: raise model.vocab_size, or encode the text with the model's tokenizer"
            )
