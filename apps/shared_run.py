"""The folder of a run that is prepared by one of several processes, while the others wait for it.

The folder is where all of them must see it, so it also carries the sign that it is being prepared: the first process
touches the unfinished folder every few seconds. The process group, which would report that a process has ended, does
not exist yet: it allows ten minutes between two exchanges, and preparing a large text takes longer.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trainer import RunDirectory

TOUCH_INTERVAL = 5.0
"""Seconds."""
SILENCE_LIMIT = 150.0
"""Seconds. Network file systems show the changes of other machines after up to 60; machines start unequally fast."""


class FolderNotSharedError(ValueError):
    """The run's folder has not appeared, and no process is preparing it."""


@contextmanager
def being_prepared(folder: Path, interval: float = TOUCH_INTERVAL) -> Iterator[None]:
    """Show the processes that wait for a folder that it is still being prepared."""
    done = threading.Event()

    def touch() -> None:
        while not done.wait(interval):
            with suppress(OSError):
                folder.touch()

    thread = threading.Thread(target=touch, name="being prepared", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def wait_for_run(run: RunDirectory, silence_limit: float = SILENCE_LIMIT) -> None:
    """Wait until another process has prepared the folder of a run, however long it takes.

    Raises:
        FolderNotSharedError: for `silence_limit` seconds there was neither the folder nor a sign that it is prepared.
    """
    seen, changed = _signs(run), time.monotonic()
    while not run.config.is_file():
        time.sleep(0.2)
        signs = _signs(run)
        if signs != seen:
            seen, changed = signs, time.monotonic()
        elif time.monotonic() - changed > silence_limit:
            raise FolderNotSharedError(
                f"{run.path} has not appeared on this machine, and for {silence_limit:g} s nothing has shown that the "
                "first process prepares it: read its messages, and choose a run.directory on storage that all "
                "machines share"
            )


def _signs(run: RunDirectory) -> set[tuple[str, int]]:
    """Return name and time of each unfinished folder beside the run's; what killed processes left never changes."""
    signs = set()
    with suppress(OSError):
        for path in run.path.parent.iterdir():
            if path.name.startswith(f".{run.path.name}."):
                with suppress(OSError):
                    signs.add((path.name, path.stat().st_mtime_ns))
    return signs
