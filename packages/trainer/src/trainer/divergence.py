"""Signs that a run diverges: steps whose loss or gradient is not finite, and losses that jump."""

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.batches import TrainingBatches


class DivergedError(ValueError):
    """The losses or gradients of a run are not finite, so training on would be useless."""


@dataclass
class SkippedSteps:
    """Counts the steps whose update was skipped, because loss or gradient is not finite.

    One such step can be bad luck, such as an overflow in a rare batch. Several in a row mean that the run has diverged.
    """

    limit: int
    """The run stops after this many skipped steps in a row."""
    count: int = 0
    """Skipped steps of the whole run."""
    in_a_row: list[int] = field(default_factory=list)
    """The latest skipped steps, with no updated step since the first of them."""

    def state(self) -> dict[str, Any]:
        """Return the counts as JSON, for a checkpoint."""
        return {"skipped_steps": self.count, "skipped_in_a_row": list(self.in_a_row)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from the counts that `state` returned; checkpoints of the first format have none.

        Raises:
            ValueError: the state is not one that `state` returns.
        """
        count, in_a_row = state.get("skipped_steps", 0), state.get("skipped_in_a_row", [])
        numbers = [count, *in_a_row] if isinstance(in_a_row, list) else [None]
        if any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError(f"its counts of skipped steps are {count!r} and {in_a_row!r}, not non-negative integers")
        self.count, self.in_a_row = count, list(in_a_row)

    def observe(self, step: int, *, updated: bool) -> None:
        """Record whether the update of a step was made.

        Raises:
            DivergedError: the limit of skipped steps in a row is reached.
        """
        if updated:
            self.in_a_row.clear()
            return
        self.count += 1
        self.in_a_row.append(step)
        if len(self.in_a_row) >= self.limit:
            first, last = self.in_a_row[0], self.in_a_row[-1]
            steps = f"step {first}" if first == last else f"the {self.limit} steps {first} to {last}"
            raise DivergedError(
                f"loss or gradient is not finite (NaN or infinity) at {steps}, so the run has diverged: "
                "lower schedule.max_lr or training.max_grad_norm"
            )


@dataclass
class SpikeDetector:
    """Detects losses that are many standard deviations above the mean of the latest ones.

    It compares once `window` losses are known. Spikes do not count among the latest losses, so that one does not hide
    the next; but after half a window of spikes in a row the loss has a new level, and the detector starts again.
    """

    threshold: float
    """How far above the mean a spike is, in standard deviations."""
    window: int = 50
    """Number of losses that are compared with."""
    recent: deque[float] = field(default_factory=deque)
    """The latest losses that are not spikes."""
    spikes_in_a_row: int = 0
    """Spikes since the last loss that is not one."""

    def observe(self, loss: float) -> bool:
        """Record a loss, and return whether it is a spike."""
        if len(self.recent) == self.window:
            mean = math.fsum(self.recent) / self.window
            deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in self.recent) / self.window)
            if loss > mean + self.threshold * max(deviation, 1e-3 * abs(mean)):
                self.spikes_in_a_row += 1
                if self.spikes_in_a_row >= self.window // 2:
                    self.recent.clear()
                    self.spikes_in_a_row = 0
                return True
            self.recent.popleft()
        self.spikes_in_a_row = 0
        self.recent.append(loss)
        return False


def write_replay_file(path: Path, batches: TrainingBatches, steps: Sequence[int]) -> None:
    """Write where in the training tokens the batches of some steps are, so that they can be examined.

    Raises:
        OSError: the file cannot be written.
    """
    rows = np.arange(batches.batch_size)
    places = {}
    for step in steps:
        files, starts = batches.places(step, rows)
        places[str(step)] = [[int(file), int(start)] for file, start in zip(files, starts, strict=True)]
    names = [str(file) for file in batches.paths]
    content = {"context_length": batches.context_length, "files": names, "file_and_start": places}
    path.write_text(json.dumps(content) + "\n", "utf-8")
