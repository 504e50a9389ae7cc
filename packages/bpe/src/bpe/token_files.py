"""Token files: the ids of a corpus as one flat little-endian array, with a JSON file beside it.

`corpus.bin` contains only ids: `uint16` if the vocabulary has at most 65,536 entries, else `uint32`.
`corpus.bin.json` describes them: dtype, count, vocabulary size, the fingerprint of the tokenizer, and the number of
bytes of text that was encoded, which is needed to convert a loss per token to bits per byte. Of documents it also has
the column that they were read from, and the separator that follows each of them.
"""

import json
import os
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Literal

from bpe.text_files import whole_file

if TYPE_CHECKING:
    import numpy

_CHUNK_IDS = 1 << 16
_ITEM_BYTES = {"uint16": 2, "uint32": 4}
_TYPECODES = {"uint16": "H", "uint32": "I"}
_FOR_DOCUMENTS = ("column", "separator")


class TokenFileError(ValueError):
    """A token file that is damaged, or ids that do not fit it."""


@dataclass(frozen=True)
class TokenFileInfo:
    """The content of the JSON file beside a token file."""

    dtype: str
    """`uint16` or `uint32`, little-endian."""
    count: int
    """Number of ids."""
    vocab_size: int
    """All ids are smaller than this."""
    tokenizer_sha256: str | None
    """`Tokenizer.fingerprint` of the tokenizer that gave the ids, if known."""
    text_bytes: int | None = None
    """Bytes of UTF-8 text that was encoded, with the separators, if known; older files do not have it."""
    column: str | None = None
    """The field or column that documents were read from; None for text."""
    separator: str | None = None
    """The special token that follows each document, or "" for nothing; None if the text was encoded as it was."""

    @property
    def bytes_per_token(self) -> float | None:
        """The average number of bytes of text per id; None if it is not known."""
        return self.text_bytes / self.count if self.text_bytes is not None and self.count else None

    def __post_init__(self) -> None:
        """Check the types, because the JSON file may have been edited."""
        is_valid = (
            self.dtype in _ITEM_BYTES
            and type(self.count) is int
            and type(self.vocab_size) is int
            and isinstance(self.tokenizer_sha256, str | None)
            and (self.text_bytes is None or (type(self.text_bytes) is int and self.text_bytes >= 0))
            and isinstance(self.column, str | None)
            and isinstance(self.separator, str | None)
        )
        if not is_valid:
            raise TokenFileError(f"{self} does not describe a token file")

    def as_json(self) -> dict[str, object]:
        """Return the content of the JSON file. Column and separator are there only if they were used."""
        return {key: value for key, value in asdict(self).items() if value is not None or key not in _FOR_DOCUMENTS}


def id_dtype(vocab_size: int) -> Literal["uint16", "uint32"]:
    """Return the dtype for the ids of a vocabulary: `uint16` for up to 65,536 entries, else `uint32`."""
    return "uint16" if vocab_size <= 65_536 else "uint32"


def import_numpy() -> ModuleType:
    """Import numpy, which most of this package does not need, and return it.

    Raises:
        ImportError: it is not installed; the message names the extra to install.
    """
    try:
        import numpy
    except ImportError as error:
        raise ImportError("arrays need numpy: install the package with its extra, bpe[numpy]") from error
    return numpy


def info_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of the JSON file that belongs to the token file `path`."""
    return Path(f"{os.fspath(path)}.json")


class TokenFileWriter:
    """Writes the ids of a token file; see `open_token_file_writer`."""

    def __init__(self, file: IO[bytes], vocab_size: int) -> None:
        self._file = file
        self.vocab_size = vocab_size
        self.dtype = id_dtype(vocab_size)
        self.count = 0
        self.last_id: int | None = None
        """The id that was written last."""
        self.text_bytes: int | None = None
        """For the description; the caller, which has read the text, sets it before the block ends."""

    def write(self, ids: Sequence[int]) -> None:
        """Append some ids.

        Raises:
            TokenFileError: an id is not in `range(vocab_size)`.
        """
        if min(ids) < 0 or max(ids) >= self.vocab_size:
            place, wrong = next((i, token) for i, token in enumerate(ids) if not 0 <= token < self.vocab_size)
            raise TokenFileError(
                f"id {wrong} at position {self.count + place} is outside the vocabulary of {self.vocab_size}"
            )
        values = array(_TYPECODES[self.dtype], ids)
        if sys.byteorder == "big":
            values.byteswap()
        self._file.write(values.tobytes())
        self.count += len(ids)
        self.last_id = ids[-1]

    def write_stream(self, ids: Iterable[int]) -> None:
        """Append ids from an iterable, in constant memory.

        Raises:
            TokenFileError: an id is not in `range(vocab_size)`.
        """
        stream = iter(ids)
        while chunk := list(islice(stream, _CHUNK_IDS)):
            self.write(chunk)

    def write_array(self, ids: "numpy.ndarray") -> None:
        """Append an array of ids of the file's dtype, which must be in the vocabulary."""
        self._file.write(ids.astype(ids.dtype.newbyteorder("<"), copy=False).data)
        self.count += ids.size
        if ids.size:
            self.last_id = int(ids[-1])


@contextmanager
def open_token_file_writer(
    path: str | os.PathLike[str],
    vocab_size: int,
    tokenizer_sha256: str | None,
    *,
    column: str | None = None,
    separator: str | None = None,
) -> Iterator[TokenFileWriter]:
    """Open a token file for writing. It and its description appear only when the block has ended without an error.

    Arguments besides the path are those of the description, `TokenFileInfo`.

    Raises:
        TokenFileError: `vocab_size` is too large for ids of 32 bits.
        OSError: a file cannot be written.
    """
    if not 1 <= vocab_size <= 2**32:
        raise TokenFileError(f"vocab_size is {vocab_size}; token files allow 1 to {2**32}")
    with whole_file(path) as file:
        writer = TokenFileWriter(file, vocab_size)
        yield writer
        info = TokenFileInfo(
            writer.dtype, writer.count, vocab_size, tokenizer_sha256, writer.text_bytes, column, separator
        )
        file.flush()
        os.fsync(file.fileno())  # now, so that a full disk is noticed while the old pair is still complete
        # There is no description until the new one is complete, so that an old and a new file are never a pair.
        info_path(path).unlink(missing_ok=True)
    try:
        with whole_file(info_path(path)) as description:
            description.write((json.dumps(info.as_json(), indent=2) + "\n").encode())
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def write_token_file(
    path: str | os.PathLike[str],
    ids: Iterable[int],
    vocab_size: int,
    tokenizer_sha256: str | None = None,
    text_bytes: int | None = None,
) -> TokenFileInfo:
    """Write ids from an iterable. Both files appear only when they are complete.

    Args:
        path: the token file; its description is written beside it.
        ids: all ids.
        vocab_size: all ids must be smaller.
        tokenizer_sha256: `Tokenizer.fingerprint` of the tokenizer that gave them, if known.
        text_bytes: the number of bytes of UTF-8 text that was encoded, if known.

    Raises:
        TokenFileError: an id is not in `range(vocab_size)`, or `text_bytes` is negative.
        OSError: the file cannot be written.
    """
    with open_token_file_writer(path, vocab_size, tokenizer_sha256) as writer:
        writer.text_bytes = text_bytes
        writer.write_stream(ids)
    return read_token_file_info(path)


def read_token_file_info(path: str | os.PathLike[str]) -> TokenFileInfo:
    """Read the JSON file beside a token file, and check that the token file has the size that it states.

    Raises:
        TokenFileError: a file is missing, the JSON file is damaged, or the sizes disagree.
        OSError: a file cannot be read.
    """
    for file in (Path(path), info_path(path)):
        if not file.is_file():
            raise TokenFileError(f"{file} does not exist: a token file has its description beside it; encode the text")
    try:
        info = TokenFileInfo(**json.loads(info_path(path).read_text("utf-8")))
        expected = info.count * _ITEM_BYTES[info.dtype]
    except (ValueError, TypeError, RecursionError) as error:
        raise TokenFileError(
            f"{info_path(path)} does not describe a token file: {error!r}; encode the text again"
        ) from None
    size = Path(path).stat().st_size
    if size != expected:
        raise TokenFileError(
            f"{path} has {size} bytes, but {info.count} ids of {info.dtype} take {expected}: encode the text again"
        )
    return info


def read_token_ids(path: str | os.PathLike[str]) -> Iterator["array[int]"]:
    """Yield the ids of a token file in arrays of up to 65,536, in constant memory and without numpy.

    Raises:
        TokenFileError: the file or its description is missing or damaged.
        OSError: the file cannot be read.
    """
    info = read_token_file_info(path)
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK_IDS * _ITEM_BYTES[info.dtype]):
            ids = array(_TYPECODES[info.dtype], chunk)
            if sys.byteorder == "big":
                ids.byteswap()
            yield ids


def open_token_file(path: str | os.PathLike[str]) -> "numpy.ndarray":
    """Map a token file into memory, read-only: a one-dimensional array of its dtype. Needs numpy.

    Raises:
        TokenFileError: the file or its description is missing or damaged.
        ImportError: numpy is missing.
    """
    np = import_numpy()
    info = read_token_file_info(path)
    dtype = np.dtype(info.dtype).newbyteorder("<")
    if info.count == 0:  # an empty file cannot be mapped
        return np.empty(0, dtype)
    return np.memmap(path, dtype=dtype, mode="r")
