"""One process for a run: two that train in the same folder would take each other's checkpoints and metrics apart."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class RunInUseError(ValueError):
    """A run that another process is training."""


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a folder while the block runs; the system lets go of it when the process ends, however it ends.

    On Windows, and on network file systems that know no such locks, nothing is held.

    Raises:
        RunInUseError: another process holds it.
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
                f"{folder} is being trained by another process: wait for its end, or take another folder"
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)
