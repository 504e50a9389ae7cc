"""A file to which text is appended, each piece completely or not at all: for metrics.jsonl and log.txt."""

import os
from contextlib import suppress
from pathlib import Path


class AppendFile:
    """Appends pieces of text; each is passed to the operating system before `append` returns.

    So a process that is killed loses nothing that it has appended. If the disk is full and only part of a piece can be
    written, that part is removed, and the error names the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)

    def append(self, text: str) -> None:
        """Append a piece of text.

        Raises:
            OSError: it cannot be written; the file is unchanged.
        """
        data = text.encode("utf-8")
        end = self._file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(data):  # a raw write may write less, and the next one raise the error
                written += self._file.write(data[written:]) or 0
        except OSError as error:
            with suppress(OSError):  # a device such as /dev/full cannot be truncated
                self._file.truncate(end)
            raise self._named(error) from None

    def sync(self) -> None:
        """Wait until everything appended is on the disk.

        Raises:
            OSError: it cannot be written to the disk.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._named(error) from None

    def close(self) -> None:
        """Close the file; some file systems report a full disk only then.

        Raises:
            OSError: not everything could be written to the disk.
        """
        try:
            self._file.close()
        except OSError as error:
            raise self._named(error) from None

    def _named(self, error: OSError) -> OSError:
        message = f"{error.strerror}, so the run stops: free some space, then resume the run"
        return OSError(error.errno, message, str(self._path))
