"""What the trainer's benchmark measures."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.workers import Answer, run_worker

Row = dict[str, Any]
WORKER = "benchmarks.trainer.worker"


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    steps: int
    """Pairs of training steps, one of the trainer and one of the plain loop."""
    rounds: int
    """Measurements of each loader and of each way to save, for which there is one more round that does not count."""
    folder: Path
    """Where temporary files go; its disk is the one that checkpoints are written to."""
    quick: bool
    """A tiny model and little data, to test the benchmark."""
    show: Callable[[str], None]
    """Receives progress messages."""

    def __post_init__(self) -> None:
        for name in ("steps", "rounds"):
            if getattr(self, name) < 2:
                raise ValueError(f"--{name} is {getattr(self, name)}: it must be at least 2 for a median")
        if not self.folder.is_dir():
            raise ValueError(f"--folder is {self.folder}, which is not a folder: create it, or pass another one")

    @property
    def batch_size(self) -> int:
        """Sequences of a batch."""
        return 2 if self.quick else 16

    @property
    def tokens(self) -> int:
        """Ids of the file that the loaders read."""
        return 20_000 if self.quick else 50_000_000

    @property
    def batches(self) -> int:
        """Batches of one measurement of a loader."""
        return 5 if self.quick else 1_000

    def run(self, task: str) -> Answer:
        """Run a task of the worker in a fresh process with a temporary folder; raises `WorkerError` if it fails."""
        self.show(f"measuring: {task}")
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="trainer-benchmark-") as scratch:
            request = {
                "task": task,
                "library": task,
                "steps": self.steps,
                "rounds": self.rounds,
                "quick": self.quick,
                "batch_size": self.batch_size,
                "tokens": self.tokens,
                "batches": self.batches,
                "scratch": scratch,
            }
            return run_worker(request, WORKER)
