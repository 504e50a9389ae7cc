"""One process at a time works in a folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from preparation.errors import PreparationError


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Create a folder if it does not exist, and keep other processes from preparing data in it.

    The system removes the lock when the process ends, however it ends. (On Windows there is no lock.)

    Raises:
        PreparationError: another process has locked it.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PreparationError(
                f"another process is preparing data in {folder}: wait until it has finished, then run this again"
            ) from None
        yield
    finally:
        os.close(descriptor)
