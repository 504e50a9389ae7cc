"""Checkpoints written by a thread while training continues.

Training waits until the tensors have been copied to other memory, and, if the previous checkpoint is still being
written, for that. An error in the thread is raised by the next call.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from torch.nn import Module
from torch.optim import Optimizer

from trainer.checkpoints.format import Progress
from trainer.checkpoints.snapshot import Snapshots
from trainer.checkpoints.store import CheckpointStore
from trainer.checkpoints.writing import Contents, contents_of


@dataclass(frozen=True)
class Written:
    """A checkpoint that is on the disk."""

    path: Path
    nbytes: int
    """Size of its tensor files."""
    stall_seconds: float
    """Time for which training waited."""
    seconds: float
    """Time from the call until the checkpoint was on the disk."""


class CheckpointWriter:
    """Writes checkpoints into a store, at most one at a time.

    Use it as a context manager, or call `close`: then a checkpoint that is being written is finished first. Only after
    a KeyboardInterrupt it is not: the files written so far are removed at the start of the next session.

    Attributes:
        failed: whether a checkpoint could not be written in the background; the next `wait` or `save` raises the error.
        last_written: the last checkpoint that reached the disk; None before the first.

    Example::

        with CheckpointWriter(CheckpointStore(run.checkpoints)) as writer:
            for step in range(1, steps + 1):
                ...
                writer.save(model, optimizer, Progress(step, rng=(capture_rng([device]),)))
    """

    def __init__(self, store: CheckpointStore) -> None:
        self.failed = False
        self.last_written: Written | None = None
        self._store = store
        self._background = store.config.background
        self._snapshots = Snapshots()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def save(self, model: Module, optimizer: Optimizer | None, progress: Progress) -> None:
        """Write a checkpoint of a model and an optimizer as they are now; see `save_contents`.

        Raises:
            StateError: a state_dict contains something that a checkpoint cannot store.
            CheckpointWriteError: the previous checkpoint could not be written, and this one was not started.
        """
        self.save_contents(contents_of(model, optimizer, progress))

    def save_contents(self, contents: Contents) -> None:
        """Write a checkpoint of what `contents_of` or `contents_of_states` returned, in the background if configured.

        Raises:
            StateError: a tensor has a dtype that a checkpoint cannot store.
            CheckpointWriteError: the previous checkpoint could not be written, and this one was not started.
        """
        started = time.perf_counter()
        self.wait()
        nbytes = contents.nbytes  # raises StateError here rather than in the thread
        if not self._background:
            path = self._store.write(contents)
            seconds = time.perf_counter() - started
            self.last_written = Written(path, nbytes, seconds, seconds)
            return
        copied = self._snapshots.take(contents)
        stall = time.perf_counter() - started
        self._thread = threading.Thread(
            target=self._write, args=(copied, started, stall), name="checkpoint", daemon=True
        )
        self._thread.start()

    def reserve(self, contents: Contents) -> bool:
        """Allocate the memory for the copies now, by making them once, rather than at the first checkpoint.

        Returns:
            Whether there is enough memory. If not, checkpoints are written in the foreground, without a copy.

        Raises:
            StateError: a tensor has a dtype that a checkpoint cannot store.
        """
        contents.nbytes  # noqa: B018 raises StateError
        if not self._background:
            return True
        try:
            self._snapshots.take(contents)
            self._snapshots.wait()
        except (MemoryError, RuntimeError):
            self._snapshots = Snapshots()
            self._background = False
        return self._background

    def wait(self) -> None:
        """Wait until no checkpoint is being written.

        Raises:
            CheckpointWriteError: the last one could not be written. The error is raised once.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            error, self._error, self.failed = self._error, None, False
            raise error

    def close(self) -> None:
        """Finish the checkpoint that is being written; raises the errors of `wait`."""
        self.wait()

    def __enter__(self) -> "CheckpointWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            return
        if error is None:
            self.close()
            return
        try:
            self.close()
        except (OSError, ValueError) as later:  # the error that ended the block came first
            error.add_note(str(later))

    def _write(self, contents: Contents, started: float, stall: float) -> None:
        try:
            self._snapshots.wait()
            path = self._store.write(contents)
            self.last_written = Written(path, contents.nbytes, stall, time.perf_counter() - started)
        except BaseException as error:
            self._error = error
            self.failed = True
