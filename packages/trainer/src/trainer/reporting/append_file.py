"""A file that only grows, each piece whole or not there: what metrics.jsonl and log.txt are written with."""

import os
from contextlib import suppress
from pathlib import Path


class AppendFile:
    """Appends pieces of text, each handed to the operating system before `append` returns.

    So a process that is killed loses nothing that it had written. Where the disk is full, a piece that found room for
    its first half only is taken back, and the error names the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)

    def append(self, text: str) -> None:
        """Add a piece.

        Raises:
            OSError: it cannot be written; the file is then as it was before.
        """
        data = text.encode("utf-8")
        end = self._file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(
                data
            ):  # a raw write may take less than it was given, and say why only when called again
                written += self._file.write(data[written:]) or 0
        except OSError as error:
            with suppress(OSError):  # /dev/full cannot be cut, and has nothing to be cut
                self._file.truncate(end)
            raise self._named(error) from None

    def sync(self) -> None:
        """Wait until all that was appended would survive a power cut.

        Raises:
            OSError: the disk did not take it.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._named(error) from None

    def close(self) -> None:
        """Close the file; some file systems tell of a full disk only now.

        Raises:
            OSError: the disk did not take all of it.
        """
        try:
            self._file.close()
        except OSError as error:
            raise self._named(error) from None

    def _named(self, error: OSError) -> OSError:
        return OSError(error.errno, f"{error.strerror}, so the run stops: make room, then resume it", str(self._path))
