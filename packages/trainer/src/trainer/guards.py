"""Watching a run: gradients that are no numbers, and losses that jump."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class DivergedError(ValueError):
    """The run has left the numbers, and going on would be worth nothing."""


@dataclass
class NonFiniteGuard:
    """Counts updates that were left out because loss or gradient was no number, and stops after some in a row.

    One such step can be bad luck, such as an overflow in a rare batch; several in a row are a run that has diverged.
    """

    limit: int
    """Steps in a row after which the run stops."""
    skipped: int = 0
    """Steps left out in the whole run."""
    in_a_row: list[int] = field(default_factory=list)
    """The latest such steps, without one between them that went well."""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as JSON."""
        return {"skipped_steps": self.skipped, "skipped_in_a_row": list(self.in_a_row)}

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned.

        Raises:
            ValueError: it is no such state.
        """
        skipped, in_a_row = state.get("skipped_steps", 0), state.get("skipped_in_a_row", [])
        numbers = [skipped, *in_a_row] if isinstance(in_a_row, list) else [None]
        if any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError("it tells of skipped steps in another way than here")
        self.skipped, self.in_a_row = skipped, list(in_a_row)

    def saw(self, step: int, *, finite: bool) -> None:
        """Take note of a step.

        Raises:
            DivergedError: too many steps in a row had no finite loss and gradient.
        """
        if finite:
            self.in_a_row.clear()
            return
        self.skipped += 1
        self.in_a_row.append(step)
        if len(self.in_a_row) >= self.limit:
            first, last = self.in_a_row[0], self.in_a_row[-1]
            steps = f"step {first}" if first == last else f"the {self.limit} steps {first} to {last}"
            raise DivergedError(
                f"loss or gradient is not a finite number at {steps}, so the run has diverged: "
                "lower schedule.max_lr or training.max_grad_norm"
            )


@dataclass
class SpikeDetector:
    """Says when a loss stands out: above the mean of the latest by so many of their standard deviations.

    It needs `window` losses before it judges, and spikes do not enter its memory, so that one does not hide the next.
    But where half a window of them come one after the other, that is the new level, and it begins anew.
    """

    threshold: float
    """Standard deviations."""
    window: int = 50
    """How many losses it remembers."""
    recent: deque[float] = field(default_factory=deque)
    """The latest losses that were no spikes."""
    spikes_in_a_row: int = 0
    """Since the last that was none."""

    def saw(self, loss: float) -> bool:
        """Take note of a loss, and say whether it is a spike."""
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
