"""One process at a time: so that of several that need the same kernel, such as workers that load data, one compiles it.

A file beside that of the kernel is locked meanwhile. The system releases the lock of a process that ends, however it
ends. Where files cannot be locked, each process compiles its own.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

_LONGEST_WAIT = 300.0
_SECONDS_BETWEEN = 0.1


@contextmanager
def one_process(
    paths: Iterable[Path], waiting: Callable[[], object] = lambda: None, longest_wait: float = _LONGEST_WAIT
) -> Iterator[None]:
    """Lock a file while a `with` block runs, after waiting for a process that has locked it.

    Args:
        paths: where the file may be; the first folder that can be written is chosen.
        waiting: called once, if another process has locked the file.
        longest_wait: seconds after which the block runs in any case.
    """
    file = _first_file(paths) if sys.platform != "win32" else None
    if file is None:
        yield
        return
    with file:
        _lock(file, waiting, longest_wait)
        try:
            yield
        finally:
            with suppress(OSError):
                Path(file.name).unlink()


def _first_file(paths: Iterable[Path]) -> BinaryIO | None:
    for path in paths:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return path.open("ab")
    return None


def _lock(file: BinaryIO, waiting: Callable[[], object], longest_wait: float) -> None:
    end = time.monotonic() + longest_wait
    is_waiting = False
    while time.monotonic() < end:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not is_waiting:
                waiting()
            is_waiting = True
            time.sleep(_SECONDS_BETWEEN)
        except OSError:  # a file system without locks
            return
        else:
            return
