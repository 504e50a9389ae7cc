"""Files whose content was read already, to be given wherever a path is expected."""

import os
import stat
from pathlib import Path

MAX_FILE_BYTES = 1 << 26
"""The maximum size of a tokenizer file: 64 MiB. The largest in use have some 35 MB."""


class ReadFile(os.PathLike[str]):
    """A file and its content. Functions that read files with `bpe.formats.reading` do not read it again."""

    def __init__(self, path: str | os.PathLike[str], content: bytes) -> None:
        """Wrap the path of the file and its content."""
        self._path = os.fspath(path)
        self.content = content

    def __fspath__(self) -> str:
        """Return the path."""
        return self._path

    def __str__(self) -> str:
        """Return the path."""
        return self._path


def read_regular_file(path: str | os.PathLike[str]) -> ReadFile | None:
    """Read a file if it is a regular one that is not larger than `MAX_FILE_BYTES`; otherwise return None."""
    try:
        status = os.stat(path)  # noqa: PTH116 (it may be something that Path does not take)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            return None
        with Path(path).open("rb") as file:
            content = file.read(status.st_size + 1)
    except (OSError, TypeError, ValueError):
        return None
    return ReadFile(path, content) if len(content) == status.st_size else None  # else it is changing
