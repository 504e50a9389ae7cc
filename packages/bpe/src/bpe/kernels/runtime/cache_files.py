"""Files that are kept for later processes: in which folder they are, and which of them can be trusted.

They are kept in the first of these folders that can be written: the one named by the environment variable
`BPE_CACHE_DIR`, the user's cache folder, `__pycache__` in the package `bpe.kernels`. A file that another user could
have written is ignored, and one that is damaged too, which its checksum shows.
"""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

CHECKSUM_BYTES = 65
"""The length of what `checksum` returns."""

_KERNELS = Path(__file__).parents[1]


def checksum(parts: Sequence[bytes | memoryview]) -> bytes:
    """Return a line with the SHA-256 of the joined parts."""
    h = hashlib.sha256()
    for part in parts:
        h.update(part)
    return h.hexdigest().encode() + b"\n"


def trusted_files(name: str) -> Iterator[BinaryIO]:
    """Yield the files of this name, open, the preferred one first. The caller checks their content."""
    for folder in folders():
        try:
            file = (folder / name).open("rb")
        except OSError:  # it does not exist, or is in a folder that this user may not read
            continue
        with file:
            if is_trusted(os.fstat(file.fileno())):
                yield file


def find_file(name: str) -> Path | None:
    """Return the file of this name that can be read and trusted, or None."""
    return next((path for folder in folders() if _is_usable(path := folder / name)), None)


def write_file(name: str, parts: Sequence[bytes | memoryview]) -> Path | None:
    """Write the joined parts into the first folder where this is possible. The file appears complete or not at all.

    Returns:
        The path of the file, or None if there is no such folder.
    """
    for folder in folders():
        path = folder / name
        temporary = path.with_name(f"{name}.{os.urandom(4).hex()}")
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(parts)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            continue
        return path
    return None


def folders() -> Iterator[Path]:
    """Yield the folders that may contain kept files, the preferred one first."""
    if named := os.environ.get("BPE_CACHE_DIR"):
        yield Path(named)
    if sys.platform == "win32":
        roots = [os.environ.get("LOCALAPPDATA")]
    elif sys.platform == "darwin":
        roots = ["~/Library/Caches"]
    else:
        roots = [os.environ.get("XDG_CACHE_HOME"), "~/.cache"]
    for root in filter(None, roots):
        expanded = Path(os.path.expanduser(root))  # noqa: PTH111 (Path.expanduser raises where there is no home)
        if expanded.is_absolute():
            yield expanded / "bpe-kernels"
    yield _KERNELS / "__pycache__"


def is_trusted(status: os.stat_result) -> bool:
    """Return whether only this user and the administrator can have written a file."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid in (0, os.getuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_usable(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and is_trusted(status) and os.access(path, os.R_OK)
