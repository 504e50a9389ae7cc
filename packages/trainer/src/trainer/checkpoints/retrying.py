"""Saving a run, and a second attempt if a checkpoint cannot be written, for example because the disk is full.

The failure is logged, and the checkpoint is written again at the next step, or at once at the end of the run. If the
second attempt fails too, the run stops, since it could not be resumed from where it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trainer.checkpoints.background import CheckpointWriter, Written
from trainer.checkpoints.errors import CheckpointWriteError
from trainer.checkpoints.format import Progress
from trainer.checkpoints.writing import Contents
from trainer.runtime.distributed import World


@dataclass
class Saver:
    """Saves a run; every process must make the same calls."""

    contents: Callable[[Progress], Contents | None]
    """Returns what to save, in the main process; None in the others."""
    world: World
    writer: CheckpointWriter
    """`writer.failed`: the checkpoint before could not be written in the background; call `save` at the next step."""
    log: Callable[[str], None]
    """Logs a message."""
    try_again: bool = False
    """The last call of `save` failed in this process; call it again at the next step."""
    _failed_after: tuple[Written | None] | None = None

    def reserve(self, progress: Progress) -> None:
        """Allocate the memory that saving needs now, rather than at the first checkpoint."""
        contents = self.contents(progress)
        if contents is not None and not self.writer.reserve(contents):
            self.log(
                "not enough memory for a copy of the model and the optimizer: "
                "training will wait while a checkpoint is written"
            )

    def save(self, progress: Progress) -> None:
        """Write a checkpoint, in the background if configured.

        Raises:
            CheckpointWriteError: two attempts failed, without a checkpoint between them that was written.
        """
        try:
            self.writer.wait()
        except CheckpointWriteError as error:
            self._record_failure(error)
        contents = self.contents(progress)
        self.try_again = False
        if contents is None:
            return
        try:
            self.writer.save_contents(contents)
        except CheckpointWriteError as error:
            self._record_failure(error)
            self.try_again = True

    def finish(self, progress: Progress) -> None:
        """Write a checkpoint and wait until it is on the disk; try again at once if it cannot be written.

        Raises:
            CheckpointWriteError: both attempts failed.
        """
        self.save(progress)
        if any(self.world.max(float(not self._is_written()))):
            self.save(progress)
            self.writer.wait()

    def _is_written(self) -> bool:
        try:
            self.writer.wait()
        except CheckpointWriteError as error:
            self._record_failure(error)
            return False
        return not self.try_again

    def _record_failure(self, error: CheckpointWriteError) -> None:
        if self._failed_after is not None and self._failed_after[0] is self.writer.last_written:
            raise error
        self._failed_after = (self.writer.last_written,)
        self.log(f"{error}; trying once more")
