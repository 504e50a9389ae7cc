"""The folder of a run: self-contained, and what every other command is given.

runs/NAME/  config.yaml  environment.json  environment.diff  data.json  metrics.jsonl  log.txt  tokenizer.json
            tokens/*.bin  plots/*  tensorboard/  wandb/  wandb_run.json
            initial_weights/{model.safetensors, …}, if the run was started from given weights
            checkpoints/step_00001000/{model.safetensors, optimizer.safetensors, state.json}

This module does not load torch; `latest_good_checkpoint` does, since it reads tensors.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.checkpoints.errors import CheckpointError
from trainer.checkpoints.folders import saved_steps, step_path

if TYPE_CHECKING:
    from trainer.checkpoints.reading import Checkpoint


class RunDirectoryError(ValueError):
    """A folder is not a run, or there is already something where a new run should be."""


@dataclass(frozen=True)
class RunDirectory:
    """The paths in the folder of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """The effective configuration."""
        return self.path / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions and hardware of each session."""
        return self.path / "environment.json"

    @property
    def environment_diff(self) -> Path:
        """The difference between the code and its commit."""
        return self.path / "environment.diff"

    @property
    def metrics(self) -> Path:
        """The metrics, one JSON object per line."""
        return self.path / "metrics.jsonl"

    @property
    def log(self) -> Path:
        """The messages that were printed on the console."""
        return self.path / "log.txt"

    @property
    def fingerprint(self) -> Path:
        """The fingerprint of the data that the run was started on."""
        return self.path / "data.json"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer of the model."""
        return self.path / "tokenizer.json"

    @property
    def tokens(self) -> Path:
        """The folder of token files that were encoded for this run."""
        return self.path / "tokens"

    @property
    def plots(self) -> Path:
        """The folder of plots."""
        return self.path / "plots"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def initial_weights(self) -> Path:
        """The weights that the run was started from, if they were given: a checkpoint of the model alone."""
        return self.path / "initial_weights"

    def checkpoint(self, step: int) -> Path:
        """Return the path of the checkpoint of a step, whether it exists or not."""
        return step_path(self.checkpoints, step)

    def latest_checkpoint(self) -> Path:
        """Return the path of the checkpoint of the highest step, which may be damaged.

        Raises:
            CheckpointError: there is none.
        """
        steps = saved_steps(self.checkpoints)
        if not steps:
            raise CheckpointError(
                f"{self.checkpoints} contains no checkpoint: the run stopped before its first one, so start it again"
            )
        return self.checkpoint(steps[-1])

    def latest_good_checkpoint(self) -> "tuple[Checkpoint, tuple[str, ...]]":
        """Return the newest intact checkpoint, and a message for each newer one that is damaged.

        Raises:
            CheckpointError: there is none.
        """
        from trainer.checkpoints.store import CheckpointStore

        return CheckpointStore(self.checkpoints).latest_good()


def open_run_directory(path: str | os.PathLike[str]) -> RunDirectory:
    """Return the run in a folder.

    Raises:
        RunDirectoryError: the folder does not exist or is not a run.
    """
    run = RunDirectory(Path(path))
    if not run.config.is_file():
        raise RunDirectoryError(f"{path} is not a run (it has no config.yaml): give a folder such as runs/quickstart")
    return run


@contextmanager
def new_run_directory(path: str | os.PathLike[str]) -> Iterator[RunDirectory]:
    """Create the folder of a run, which appears under its name only when the `with` block ends without an error.

    Raises:
        RunDirectoryError: something with that name exists already, or was created during the block.
    """
    path = Path(path)
    if os.path.lexists(path):
        raise RunDirectoryError(_exists(path))
    missing = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    temporary.mkdir()
    try:
        yield RunDirectory(temporary)
        if os.path.lexists(path):
            raise RunDirectoryError(_exists(path))
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):  # another run may have been created there meanwhile
            for parent in missing:
                parent.rmdir()
        raise


def _exists(path: Path) -> str:
    return f"{path} already exists: choose another run.directory, resume that run with --resume {path}, or delete it"
