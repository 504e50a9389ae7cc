"""A lock on the folder of a run: two processes that trained in it would overwrite each other's checkpoints."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class RunInUseError(ValueError):
    """Another process is training the run."""


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Lock a folder during the `with` block; the system releases the lock when the process ends, however it ends.

    On Windows, and on network file systems that do not support such locks, nothing is locked.

    Raises:
        RunInUseError: another process has locked the folder.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunInUseError(
                f"{folder} is being trained by another process: wait until it ends, or use another folder"
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)
