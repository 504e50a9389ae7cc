"""Files as streams of bytes, decompressed while they are read, in constant memory.

The end of a name determines the compression: `.gz` (gzip), `.zst` (Zstandard), anything else is read as it is.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from preparation.errors import PreparationError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 20
_BEGINNING_BYTES = 40

OnRead = Callable[[int], None]
"""Called with the number of bytes that were read from a file since the last call, before decompression."""


@contextmanager
def open_bytes(path: Path, on_read: OnRead) -> Iterator[IO[bytes]]:
    """Open a file for reading; compressed files are decompressed.

    Raises:
        PreparationError: the file is damaged, cut short, or not in the format that its name says.
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        raw = io.BufferedReader(_Watched(file, on_read), _BUFFER_BYTES)
        if path.suffix == ".gz":
            with _readable_errors(path), gzip.GzipFile(fileobj=raw) as unzipped:
                yield cast(IO[bytes], unzipped)
        elif path.suffix == ".zst":
            with _readable_errors(path):
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


_ZSTANDARD_INPUT_BYTES = 1 << 14  # little, since a highly compressible input expands many times at once


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    """Replace the errors of the libraries for damaged input."""
    import zstandard

    try:
        yield
    except EOFError:
        raise PreparationError(f"{path} is cut short: its compressed data has no end; fetch or copy it again") from None
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING_BYTES)
        raise PreparationError(
            f"{path} is damaged or not a {path.suffix} file ({error}; it begins with {beginning!r}): "
            "fetch or copy it again"
        ) from None
