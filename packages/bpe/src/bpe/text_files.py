"""Reading text files in chunks, and writing files that appear complete or not at all."""

import codecs
import errno
import glob
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bpe.checks import check_input_path
from bpe.input_files import (
    OnRead,
    TextFileError as TextFileError,
    ignore_read,
    open_bytes,
    shown_name,
)

if sys.platform != "win32":
    import fcntl

_CHUNK_BYTES = 1 << 20
STREAM_BYTES = 1 << 16
"""How many bytes to read at once where several threads take turns at reading. Of larger blocks, which one thread
allocates and another frees, the C library keeps more and more: twice the memory after a gigabyte of text with 1 MiB."""
_LEFT_SECONDS = 60  # a younger temporary file may belong to a process that is about to lock or to rename it


def read_text(
    path: str | os.PathLike[str], *, chunk_bytes: int = _CHUNK_BYTES, on_read: OnRead = ignore_read
) -> Iterator[str]:
    """Yield the text of a UTF-8 file in chunks. Line ends are not changed.

    Args:
        path: the file. `.gz` and `.zst` are decompressed (the latter needs the extra `bpe[zstd]`).
        chunk_bytes: how many bytes to read at once.
        on_read: called with the number of bytes of the file (before decompression) that were read since the last call.

    Raises:
        TextFileError: the file is empty or damaged, or has a byte that is not UTF-8 (its offset is named).
        ValueError: `path` is not a path.
        OSError: the file cannot be read.
    """
    checked = check_input_path(path, "path", "a text in memory can be used as it is")
    with open_bytes(checked, on_read) as file:
        yield from read_text_stream(file, shown_name(checked), chunk_bytes=chunk_bytes)


def read_text_stream(
    file: IO[bytes], name: str | os.PathLike[str], *, chunk_bytes: int = _CHUNK_BYTES
) -> Iterator[str]:
    """Yield the text of an open UTF-8 file, as `read_text` does.

    Args:
        file: the file, such as a compressed one that is decompressed while it is read.
        name: what errors call it.
        chunk_bytes: how many bytes to read at once.

    Raises:
        TextFileError: the file is empty, or has a byte that is not UTF-8 (its offset is named).
        OSError: the file cannot be read.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    while chunk := file.read(chunk_bytes):
        yield _decode(decoder, chunk, offset, name)
        offset += len(chunk)
    if offset == 0:
        raise empty_error(name)
    _decode(decoder, b"", offset, name)


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, offset: int, path: str | os.PathLike[str]) -> str:
    """Decode the bytes at `offset` of the file; no bytes mean the end of the file."""
    held_back = len(decoder.getstate()[0])
    try:
        return decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        raise utf8_error(path, error.object, offset - held_back) from error


def utf8_length(text: str) -> int:
    """Return the number of bytes of a text in UTF-8.

    Raises:
        UnicodeEncodeError: the text contains a surrogate.
    """
    return len(text) if text.isascii() else len(text.encode())


def empty_error(path: str | os.PathLike[str]) -> TextFileError:
    """Return the error for a file without any text."""
    return TextFileError(f"{path} is empty: give a file with text in it")


def utf8_error(path: str | os.PathLike[str], data: bytes, offset: int) -> TextFileError:
    """Return the error for bytes of a file, from `offset` on, that are not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return TextFileError(
            f"{path} is not UTF-8: byte 0x{data[error.start]:02x} at offset {offset + error.start} ({error.reason}); "
            "convert the file to UTF-8 first"
        )
    return TextFileError(f"{path} changed while it was read: do not change it meanwhile, and try again")


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears under its name only once it is complete.

    The bytes are written to a temporary file in the same folder, which is synced and renamed; after an error it is
    removed. If the process is killed, the temporary file remains, and the next process that writes the same file
    removes it.

    Raises:
        OSError: the folder does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder: create it first", str(path.parent))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder: give the name of a file", str(path))
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with temporary.open("xb") as file:
            _lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"{os.strerror(error.errno)}: free some space, or write to another disk"
            raise OSError(error.errno, reason, str(path)) from error
        raise


def _lock(file: IO[bytes]) -> bool:
    """Lock a temporary file, so that it counts as in use; return whether this succeeded (always False on Windows)."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has locked it, or the file system has no locks
        return False
    return True


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files of `path` that no process is writing any more."""
    ours = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{8}")
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if ours.fullmatch(leftover.name):
            with suppress(OSError), leftover.open("rb") as file:
                if time.time() - os.fstat(file.fileno()).st_mtime > _LEFT_SECONDS and _lock(file):
                    leftover.unlink()
