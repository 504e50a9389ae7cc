"""The folder of a run: self-contained, and what every other command takes.

runs/NAME/  config.yaml  environment.json  environment.diff  data.json  metrics.jsonl  log.txt  tokenizer.json
            tokens/*.bin  plots/*  tensorboard/  wandb/  wandb_run.json
            checkpoints/step_00001000/{model.safetensors, optimizer.safetensors, state.json}
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainer.checkpoints.errors import CheckpointError
from trainer.checkpoints.reading import Checkpoint
from trainer.checkpoints.store import CheckpointStore


class RunDirectoryError(ValueError):
    """A folder that is not, or already is, a run."""


@dataclass(frozen=True)
class RunDirectory:
    """The places in a run's folder."""

    path: Path

    @property
    def config(self) -> Path:
        """The effective configuration."""
        return self.path / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions and hardware."""
        return self.path / "environment.json"

    @property
    def environment_diff(self) -> Path:
        """What the code differed in from its commit."""
        return self.path / "environment.diff"

    @property
    def metrics(self) -> Path:
        """One JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def log(self) -> Path:
        """What was said on the console."""
        return self.path / "log.txt"

    @property
    def fingerprint(self) -> Path:
        """What data the run was started on."""
        return self.path / "data.json"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer that the model speaks."""
        return self.path / "tokenizer.json"

    @property
    def tokens(self) -> Path:
        """Token files that were made for this run."""
        return self.path / "tokens"

    @property
    def plots(self) -> Path:
        """Pictures."""
        return self.path / "plots"

    @property
    def checkpoints(self) -> Path:
        """One folder a checkpoint."""
        return self.path / "checkpoints"

    def checkpoint(self, step: int) -> Path:
        """Return the place of the checkpoint of a step."""
        return CheckpointStore(self.checkpoints).path(step)

    def latest_checkpoint(self) -> Path:
        """Return the checkpoint of the highest step, found by looking, but not looked into.

        Raises:
            CheckpointError: there is none.
        """
        steps = CheckpointStore(self.checkpoints).steps()
        if not steps:
            raise CheckpointError(
                f"{self.checkpoints} holds no checkpoint: the run stopped before its first, so start it again"
            )
        return self.checkpoint(steps[-1])

    def latest_good_checkpoint(self) -> tuple[Checkpoint, tuple[str, ...]]:
        """Return the newest checkpoint that is whole, and a message for each newer one that is not.

        Raises:
            CheckpointError: there is none.
        """
        return CheckpointStore(self.checkpoints).latest_good()


def open_run_directory(path: str | os.PathLike[str]) -> RunDirectory:
    """Return the run in a folder.

    Raises:
        RunDirectoryError: the folder is missing or is no run.
    """
    run = RunDirectory(Path(path))
    if not run.config.is_file():
        raise RunDirectoryError(f"{path} is not a run (it has no config.yaml): name a folder such as runs/quickstart")
    return run


@contextmanager
def new_run_directory(path: str | os.PathLike[str]) -> Iterator[RunDirectory]:
    """Make a run's folder, which appears under its name only once the block has filled it without an error.

    Raises:
        RunDirectoryError: there is something of that name already.
    """
    path = Path(path)
    if path.exists():
        raise RunDirectoryError(
            f"{path} already exists: choose another run.directory, continue that run with --resume {path}, or delete it"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    temporary.mkdir()
    try:
        yield RunDirectory(temporary)
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
