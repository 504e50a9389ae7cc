"""The checkpoints of a run: one folder a step, the newest whole one found by looking, old ones deleted.

checkpoints/step_00001000/  step_00002000/  …  and, while one is written, replaced or deleted, .step_00003000.1a2b3c4d
"""

import os
import re
import shutil
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from trainer.checkpoints.errors import CheckpointError, CheckpointWriteError
from trainer.checkpoints.format import MODEL_FILE, OPTIMIZER_FILE, Progress
from trainer.checkpoints.reading import Checkpoint, open_checkpoint, read_state
from trainer.checkpoints.writing import Contents, sync_folder, write_checkpoint
from trainer.config import CheckpointConfig

_NAME = re.compile(r"step_([0-9]{8,18})")
_LEFT_OVER = re.compile(r"\.(step_[0-9]{8,18})\.[0-9a-z]+(\.replaced|\.deleted)?")


@dataclass(frozen=True)
class CheckpointStore:
    """The folder that a run's checkpoints are in."""

    folder: Path
    config: CheckpointConfig = field(default_factory=lambda: CheckpointConfig(keep_last=None))

    def path(self, step: int) -> Path:
        """Return the place of the checkpoint of a step."""
        return self.folder / f"step_{step:08d}"

    def steps(self) -> list[int]:
        """Return the steps that there is a folder for, in their order, without looking inside."""
        found = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            match = _NAME.fullmatch(path.name)
            if match and path.is_dir() and not path.is_symlink() and path == self.path(int(match[1])):
                found.append(int(match[1]))
        return sorted(found)

    def write(self, contents: Contents) -> Path:
        """Write the checkpoint of its step, then delete those that need not be kept any longer.

        Raises:
            CheckpointWriteError: it cannot be written, and none is deleted then; or one cannot be deleted.
            StateError: it holds a tensor that a checkpoint cannot.
        """
        path = self.path(contents.progress.step)
        write_checkpoint(path, contents)
        try:
            self.prune(contents.progress.step)
        except OSError as error:
            raise CheckpointWriteError(
                error.errno,
                f"checkpoint {path} is written, but an older one cannot be deleted: {error.strerror or error}: "
                "look at the permissions of its folder, or set checkpoints.keep_last to null",
            ) from None
        return path

    def latest_good(self) -> tuple[Checkpoint, tuple[str, ...]]:
        """Return the newest checkpoint that is whole, and a message for each newer one that is not.

        Raises:
            CheckpointError: there is none.
        """
        messages = []
        for step in reversed(self.steps()):
            try:
                checkpoint = open_checkpoint(self.path(step))
                if checkpoint.progress.step != step:
                    raise CheckpointError(f"{self.path(step)} holds the checkpoint of step {checkpoint.progress.step}")
            except CheckpointError as error:
                messages.append(f"passing over a damaged checkpoint: {error}")
            else:
                return checkpoint, tuple(messages)
        if messages:
            raise CheckpointError(f"{self.folder} holds no whole checkpoint: {'; '.join(messages)}")
        raise CheckpointError(f"{self.folder} holds no checkpoint: the run stopped before its first, so start it again")

    def recover(self) -> tuple[str, ...]:
        """Put right what a process left behind that was killed while it wrote or deleted; for the start of a run.

        Returns:
            A message for each checkpoint that was brought back.
        """
        left_over = [path for path in self.folder.glob(".step_*") if _LEFT_OVER.fullmatch(path.name)]
        messages = []
        for path in left_over:
            match = _LEFT_OVER.fullmatch(path.name)
            if match and match[2] == ".replaced" and not os.path.lexists(path.with_name(match[1])):
                path.replace(path.with_name(match[1]))
                messages.append(f"brought back {path.with_name(match[1])}, which was about to be replaced")
        for path in left_over:
            _delete(path)
        return tuple(messages)

    def prune(self, step: int) -> None:
        """Delete the checkpoints up to a step, but for the last, the best, and what is damaged.

        A damaged one is left, as it does not stand in for a whole one, and can be looked at.
        """
        if self.config.keep_last is None:
            return
        whole = {older: progress for older in self.steps() if older <= step and (progress := self._progress(older))}
        last = list(whole)[-self.config.keep_last :]
        losses = sorted(
            (progress.valid_loss, older) for older, progress in whole.items() if progress.valid_loss is not None
        )
        best = [older for _, older in losses[: self.config.keep_best]]
        for older in whole.keys() - {*last, *best}:
            self._remove(older)

    def set_aside_after(self, step: int) -> tuple[str, ...]:
        """Rename the checkpoints after a step, which were passed over when the run went on from it.

        They are in the way of those to come, but not deleted: what could not be read today may be read tomorrow.

        Returns:
            A message for each.
        """
        messages = []
        for later in self.steps():
            if later > step:
                path = self.path(later)
                number = next(n for n in count(1) if not os.path.lexists(path.with_name(f"{path.name}.damaged_{n}")))
                aside = path.replace(path.with_name(f"{path.name}.damaged_{number}"))
                messages.append(f"set aside as {aside.name}, which can be deleted if nothing is to be saved of it")
        if messages:
            sync_folder(self.folder)
        return tuple(messages)

    def _progress(self, step: int) -> Progress | None:
        """Return what a checkpoint says, or None if it is seen at a glance that it is not whole."""
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
        """Delete a checkpoint, which is out of sight before the first of its files goes."""
        path = self.path(step)
        doomed = path.with_name(f".{path.name}.{os.urandom(4).hex()}.deleted")
        path.replace(doomed)
        sync_folder(self.folder)
        _delete(doomed)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
