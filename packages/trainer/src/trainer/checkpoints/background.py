"""Checkpoints that are written while training goes on.

Training waits for the copy of the tensors into other memory, and for nothing else, unless the checkpoint before is
still being written. What goes wrong in the background is raised by the next call.
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
from trainer.checkpoints.writing import Contents, take_apart


@dataclass(frozen=True)
class Written:
    """A checkpoint that is on the disk."""

    path: Path
    nbytes: int
    """Size of its tensor files."""
    stall_seconds: float
    """Time that training waited for it."""
    seconds: float
    """Time from the call until it was on the disk."""


class CheckpointWriter:
    """Writes checkpoints into a store, at most one at a time.

    Use it as a context, or call `close`: a checkpoint that is being written is finished then. Only a KeyboardInterrupt,
    which asks to leave at once, does not wait for it: what has been written of it is tidied up by the next session.

    Example::

        with CheckpointWriter(CheckpointStore(run.checkpoints)) as writer:
            for step in range(1, steps + 1):
                ...
                writer.save(model, optimizer, Progress(step, rng=(capture_rng([device]),)))
    """

    def __init__(self, store: CheckpointStore) -> None:
        self._store = store
        self._background = store.config.background
        self._snapshots = Snapshots()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._written: Written | None = None

    @property
    def failed(self) -> bool:
        """Whether a checkpoint could not be written in the background, which `wait` or the next `save` will raise."""
        return self._error is not None

    @property
    def last_written(self) -> Written | None:
        """The last checkpoint that reached the disk."""
        return self._written

    def save(self, model: Module, optimizer: Optimizer | None, progress: Progress) -> None:
        """Write a checkpoint of a model and an optimizer as they are now; see `save_contents`.

        Raises:
            StateError: a state_dict holds something that a checkpoint cannot.
            CheckpointWriteError: the checkpoint before this one could not be written, and this one was not begun.
        """
        self.save_contents(take_apart(model, optimizer, progress))

    def save_contents(self, contents: Contents) -> None:
        """Write a checkpoint of what `take_apart` or `take_states_apart` returned, in the background if so configured.

        Raises:
            StateError: it holds a tensor of a dtype that a checkpoint cannot.
            CheckpointWriteError: the checkpoint before this one could not be written, and this one was not begun.
        """
        started = time.perf_counter()
        self.wait()
        nbytes = contents.nbytes  # refuses what a file has no place for
        if not self._background:
            path = self._store.write(contents)
            seconds = time.perf_counter() - started
            self._written = Written(path, nbytes, seconds, seconds)
            return
        taken = self._snapshots.take(contents)
        stall = time.perf_counter() - started
        self._thread = threading.Thread(
            target=self._write, args=(taken, started, stall), name="checkpoint", daemon=True
        )
        self._thread.start()

    def reserve(self, contents: Contents) -> bool:
        """Take the memory for copies now rather than at the first checkpoint, and make the checkpoint's copy once.

        Returns:
            Whether there is enough; else checkpoints are written in the foreground from now on, without a copy.

        Raises:
            StateError: the contents hold a tensor of a dtype that a checkpoint cannot.
        """
        contents.nbytes  # noqa: B018 refuses what a file has no place for
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
            CheckpointWriteError: the last one could not be written. It is raised once.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def close(self) -> None:
        """Finish what is being written; raises what `wait` does."""
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
        except (OSError, ValueError) as later:  # the error that is on its way out is what happened first
            error.add_note(str(later))

    def _write(self, contents: Contents, started: float, stall: float) -> None:
        try:
            self._snapshots.wait()
            path = self._store.write(contents)
            self._written = Written(path, contents.nbytes, stall, time.perf_counter() - started)
        except BaseException as error:
            self._error = error
