"""The checkpoints of a run: one folder per step; the newest intact one is found, and old ones are deleted.

checkpoints/step_00001000/  step_00002000/  …  and, while one is written, replaced or deleted, .step_00003000.1a2b3c4d
"""

import os
import re
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from trainer.checkpoints.errors import CheckpointError, CheckpointWriteError
from trainer.checkpoints.folders import delete_checkpoint, is_checkpoint, saved_steps, step_path, sync_folder
from trainer.checkpoints.format import MODEL_FILE, OPTIMIZER_FILE, Progress
from trainer.checkpoints.reading import Checkpoint, open_checkpoint, read_state
from trainer.checkpoints.writing import Contents, write_checkpoint
from trainer.config import CheckpointConfig

_TEMPORARY = re.compile(r"\.(step_[0-9]{8,18})\.[0-9a-z]+(\.replaced|\.deleted)?")


@dataclass(frozen=True)
class CheckpointStore:
    """The folder that contains a run's checkpoints."""

    folder: Path
    config: CheckpointConfig = field(default_factory=lambda: CheckpointConfig(keep_last=None))

    def path(self, step: int) -> Path:
        """Return the path of the checkpoint of a step, whether it exists or not."""
        return step_path(self.folder, step)

    def steps(self) -> list[int]:
        """Return the steps for which there is a folder, in ascending order; the folders are not read."""
        return saved_steps(self.folder)

    def write(self, contents: Contents) -> Path:
        """Write the checkpoint of a step, then delete those that need not be kept.

        Raises:
            CheckpointWriteError: it cannot be written, and no other is deleted; or an older one cannot be deleted.
            StateError: a tensor has a dtype that a checkpoint cannot store.
        """
        path = self.path(contents.progress.step)
        write_checkpoint(path, contents)
        try:
            self.prune(contents.progress.step)
        except OSError as error:
            raise CheckpointWriteError(
                error.errno,
                f"checkpoint {path} is written, but an older one cannot be deleted: {error.strerror or error}: "
                "check the permissions of its folder, or set checkpoints.keep_last to null",
            ) from None
        return path

    def latest_good(self) -> tuple[Checkpoint, tuple[str, ...]]:
        """Return the newest intact checkpoint, and a message for each newer one that is damaged.

        Raises:
            CheckpointError: there is none.
        """
        messages = []
        for step in reversed(self.steps()):
            try:
                checkpoint = open_checkpoint(self.path(step))
                if checkpoint.progress.step != step:
                    raise CheckpointError(
                        f"{self.path(step)} contains the checkpoint of step {checkpoint.progress.step}"
                    )
            except CheckpointError as error:
                messages.append(f"skipping a damaged checkpoint: {error}")
            else:
                return checkpoint, tuple(messages)
        if messages:
            raise CheckpointError(f"{self.folder} contains no intact checkpoint: {'; '.join(messages)}")
        raise CheckpointError(
            f"{self.folder} contains no checkpoint: the run stopped before its first one, so start it again"
        )

    def recover(self) -> tuple[str, ...]:
        """Clean up after a process that was killed while it wrote or deleted a checkpoint; call it at a run's start.

        Returns:
            A message for each checkpoint that was restored.
        """
        temporary = [path for path in self.folder.glob(".step_*") if _TEMPORARY.fullmatch(path.name)]
        messages = []
        for path in temporary:
            match = _TEMPORARY.fullmatch(path.name)
            if match and match[2] == ".replaced" and not os.path.lexists(path.with_name(match[1])):
                path.replace(path.with_name(match[1]))
                messages.append(f"restored {path.with_name(match[1])}, which was being replaced")
        for path in temporary:
            delete_checkpoint(path)
        return tuple(messages)

    def prune(self, step: int) -> None:
        """Delete the checkpoints up to a step, except the last and the best ones, as configured.

        Damaged ones are kept: they do not count as one of the last, and can be examined. So are those to whose folder
        other files have been added.
        """
        if self.config.keep_last is None:
            return
        intact = {older: progress for older in self.steps() if older <= step and (progress := self._progress(older))}
        last = list(intact)[-self.config.keep_last :]
        losses = sorted(
            (progress.valid_loss, older) for older, progress in intact.items() if progress.valid_loss is not None
        )
        best = [older for _, older in losses[: self.config.keep_best]]
        for older in intact.keys() - {*last, *best}:
            self._remove(older)

    def set_aside_after(self, step: int) -> tuple[str, ...]:
        """Rename the checkpoints after a step, which were skipped when the run was resumed from it.

        The run will write others under their names. They are not deleted, since whatever made them unreadable may be
        temporary.

        Returns:
            A message for each.
        """
        messages = []
        for later in self.steps():
            if later > step:
                path = self.path(later)
                number = next(n for n in count(1) if not os.path.lexists(path.with_name(f"{path.name}.damaged_{n}")))
                renamed = path.replace(path.with_name(f"{path.name}.damaged_{number}"))
                messages.append(f"renamed {path.name} to {renamed.name}: delete it if you do not need it")
        if messages:
            sync_folder(self.folder)
        return tuple(messages)

    def _progress(self, step: int) -> Progress | None:
        """Return the progress in a checkpoint; None if its state.json or the sizes of its files show damage."""
        path = self.path(step)
        try:
            state = read_state(path)
            sizes = {name: (path / name).lstat().st_size for name in (MODEL_FILE, OPTIMIZER_FILE)}
        except (CheckpointError, OSError):
            return None
        if state.files is not None and any(size != state.files[name].size for name, size in sizes.items()):
            return None
        return state.progress

    def _remove(self, step: int) -> None:
        """Delete a checkpoint, which is renamed before its first file is deleted."""
        path = self.path(step)
        if not is_checkpoint(path):
            return
        doomed = path.with_name(f".{path.name}.{os.urandom(4).hex()}.deleted")
        path.replace(doomed)
        sync_folder(self.folder)
        delete_checkpoint(doomed)
