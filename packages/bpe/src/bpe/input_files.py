"""Files as streams of bytes, decompressed while they are read, in constant memory.

The end of a name determines the compression: `.gz` (gzip), `.zst` (Zstandard), anything else is read as it is.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

OnRead = Callable[[int], None]
"""Called with the number of bytes that were read from a file since the last call, before decompression."""

_COMPRESSIONS = (".gz", ".zst")
_BUFFER_BYTES = 1 << 20
_ZSTANDARD_INPUT_BYTES = 1 << 14  # little, since a highly compressible input expands many times at once
_BEGINNING_BYTES = 40


class TextFileError(ValueError):
    """A file of text that cannot be used: it is empty, not UTF-8, damaged, or has no such column."""


def is_compressed(path: Path) -> bool:
    """Return whether the name of a file says that it is compressed."""
    return path.suffix in _COMPRESSIONS


def without_compression(path: Path) -> Path:
    """Return the path without the end of its name that says how it is compressed, which determines the format."""
    return path.with_suffix("") if is_compressed(path) else path


def shown_name(path: Path) -> str:
    """Return what errors with offsets call a file: the offsets count decompressed bytes."""
    return f"{path} (decompressed)" if is_compressed(path) else str(path)


def ignore_read(num_bytes: int) -> None:
    """Be called with the number of bytes that were read, where nobody wants to know."""
    del num_bytes


def missing_package(path: Path, package: str, extra: str) -> TextFileError:
    """Return the error for a file that cannot be read without a package that is not installed."""
    return TextFileError(f"reading {path} needs {package}: install the package with its extra, bpe[{extra}]")


@contextmanager
def open_bytes(path: Path, on_read: OnRead = ignore_read) -> Iterator[IO[bytes]]:
    """Open a file for reading; compressed files are decompressed.

    Args:
        path: the file.
        on_read: called as the file is read.

    Raises:
        TextFileError: the file is damaged, cut short, or not in the format that its name says; or the package that
            decompresses it is not installed.
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        raw = io.BufferedReader(_Watched(file, on_read), _BUFFER_BYTES)
        if path.suffix == ".gz":
            import gzip
            import zlib

            with _readable_errors(path, gzip.BadGzipFile, zlib.error), gzip.GzipFile(fileobj=raw) as unzipped:
                yield cast(IO[bytes], unzipped)
        elif path.suffix == ".zst":
            try:
                import zstandard
            except ImportError:
                raise missing_package(path, "zstandard", "zstd") from None
            with _readable_errors(path, zstandard.ZstdError):
                yield io.BufferedReader(_Zstandard(raw), _BUFFER_BYTES)
        else:
            yield raw


class _Watched(io.RawIOBase):
    """A file whose reads are reported."""

    def __init__(self, file: io.FileIO, on_read: OnRead) -> None:
        self._file = file
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        count = self._file.readinto(buffer) or 0
        self._on_read(count)
        return count


class _Zstandard(io.RawIOBase):
    """The decompressed bytes of a Zstandard file, which may consist of several frames.

    The `stream_reader` of the library ends without an error where a file is cut short, so its lower level is used.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._output = self._decompress()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        while not self._rest:
            output = next(self._output, None)
            if output is None:
                return 0
            self._rest = memoryview(output)
        count = min(len(target), len(self._rest))
        target[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def _decompress(self) -> Iterator[bytes]:
        import zstandard

        frame = None
        while data := self._file.read(_ZSTANDARD_INPUT_BYTES):
            while data:
                if frame is None:
                    frame = zstandard.ZstdDecompressor().decompressobj()
                yield frame.decompress(data)
                data = frame.unused_data if frame.eof else b""
                if frame.eof:
                    frame = None
        if frame is not None:
            raise EOFError


@contextmanager
def _readable_errors(path: Path, *damaged: type[Exception]) -> Iterator[None]:
    """Replace the errors of a library for damaged input."""
    try:
        yield
    except EOFError:
        raise TextFileError(f"{path} is cut short: its compressed data has no end; fetch or copy it again") from None
    except damaged as error:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING_BYTES)
        raise TextFileError(
            f"{path} is damaged or not a {path.suffix} file ({error}; it begins with {beginning!r}): "
            "fetch or copy it again"
        ) from None
