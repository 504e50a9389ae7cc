"""One process at a time works in a folder."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.1


class FolderLockedError(ValueError):
    """Another process works in the folder."""


@contextmanager
def lock_folder(folder: Path, activity: str, *, wait_seconds: float = 0) -> Iterator[None]:
    """Create a folder if it does not exist, and keep other processes from working in it.

    The system removes the lock when the process ends, however it ends. (On Windows there is no lock.)

    Args:
        folder: the folder.
        activity: what the process does, for the message: `preparing data`.
        wait_seconds: how long to wait for another process to end.

    Raises:
        FolderLockedError: another process has locked it.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    deadline = time.monotonic() + wait_seconds
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise FolderLockedError(
                        f"another process is {activity} in {folder}: wait until it has finished, then run this again"
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
