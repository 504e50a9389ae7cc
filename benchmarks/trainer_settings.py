"""What the trainer's benchmark is made with; loaded before torch, so that mistakes are told at once."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs import Answer, run_worker

Row = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    steps: int
    """Pairs of training steps that count, one of the trainer and one of the plain loop."""
    rounds: int
    """Turns of each loader, and of each way to save; there the first of all does not count."""
    folder: Path
    """Where temporary files go: its disk is what checkpoints are measured on."""
    quick: bool
    """A tiny model and little data: to try the benchmark, not to measure."""
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        for name in ("steps", "rounds"):
            if getattr(self, name) < 2:
                raise ValueError(f"--{name} is {getattr(self, name)}: it must be at least 2, as medians are taken")
        if not self.folder.is_dir():
            raise ValueError(f"--folder is {self.folder}, which is no folder: make it, or name another one")

    @property
    def batch_size(self) -> int:
        """Rows of a batch."""
        return 2 if self.quick else 16

    @property
    def tokens(self) -> int:
        """Ids of the file that the loaders read."""
        return 20_000 if self.quick else 50_000_000

    @property
    def batches(self) -> int:
        """Batches of a loader's turn."""
        return 5 if self.quick else 1_000

    def run(self, task: str) -> Answer:
        """Carry out a task of the worker in a process of its own, which has one folder for all its files.

        Raises:
            WorkerError: it failed.
        """
        self.say(f"measuring: {task}")
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
            return run_worker(request, "trainer_worker.py")
