"""When a run is saved, and what is done if that fails.

A checkpoint that cannot be written, on a disk that is full for a moment, say, is told of and tried once more, at the
next step; a run that is at its end tries at once. If that fails too, the run stops: it would go on for nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trainer.checkpoints.background import CheckpointWriter, Written
from trainer.checkpoints.errors import CheckpointWriteError
from trainer.checkpoints.format import Progress
from trainer.train_state import Session


@dataclass
class Saver:
    """Saves a session; every process must take part in each call."""

    session: Session
    writer: CheckpointWriter
    tell: Callable[[str], None]
    """Takes a line for people."""
    _try_again: bool = False
    _failed_after: tuple[Written | None] | None = None

    @property
    def failed(self) -> bool:
        """Whether the last checkpoint of this process could not be written, and is to be tried once more."""
        return self._try_again or self.writer.failed

    def reserve(self, progress: Progress) -> None:
        """Take the memory that saving needs now, and not at the first checkpoint."""
        contents = self.session.contents(progress)
        if contents is not None and not self.writer.reserve(contents):
            self.tell("there is no memory for a copy of model and optimizer, so training waits while one is written")

    def save(self, progress: Progress) -> None:
        """Write a checkpoint, in the background if so configured.

        Raises:
            CheckpointWriteError: it could not be written, or the one before, and neither could the one before that.
        """
        try:
            self.writer.wait()
        except CheckpointWriteError as error:
            self._bear(error)
        contents = self.session.contents(progress)
        self._try_again = False
        if contents is None:
            return
        try:
            self.writer.save_contents(contents)
        except CheckpointWriteError as error:
            self._bear(error)
            self._try_again = True

    def finish(self, progress: Progress) -> None:
        """Write a checkpoint, and wait until it is on the disk; try again at once if it cannot be written.

        Raises:
            CheckpointWriteError: it could not be written either time.
        """
        self.save(progress)
        if any(self.session.world.max(float(not self._arrived()))):
            self.save(progress)
            self.writer.wait()

    def _arrived(self) -> bool:
        try:
            self.writer.wait()
        except CheckpointWriteError as error:
            self._bear(error)
            return False
        return not self._try_again

    def _bear(self, error: CheckpointWriteError) -> None:
        if self._failed_after is not None and self._failed_after[0] is self.writer.last_written:
            raise error
        self._failed_after = (self.writer.last_written,)
        self.tell(f"{error}; it is tried once more")
