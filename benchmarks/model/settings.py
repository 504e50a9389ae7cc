"""What the model's benchmark measures, and what all sections do with their measurements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.common.resident_workers import Outcome, measure_in_rounds
from benchmarks.model.shapes import SHAPES, Shape, find_shape

Row = dict[str, Any]
LIBRARIES = ("ours", "plain", "transformers")
PEERS = LIBRARIES[1:]
OTHER_MODEL = "nanochat-style"
"""A peer whose model is another one, of equal arithmetic: its speed is compared, not its results."""
TRAINED = {"cpu": LIBRARIES, "cuda": (*LIBRARIES, OTHER_MODEL)}
"""Whose training step is measured, by device."""
_COMPILED_ONLY = ("base-32k", "leaderboard", "leaderboard-10-heads")
MODES = ("eager", "compiled")
DEVICES = ("cpu", "cuda")
WORKER = "benchmarks.model.worker"


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    devices: tuple[str, ...]
    modes: tuple[str, ...]
    shapes: tuple[str, ...]
    """Names of shapes, for the sections that measure whole models."""
    rounds: int
    quick: bool
    """Tiny models, to test the benchmark."""
    show: Callable[[str], None]
    """Receives progress messages."""

    def shape(self, name: str) -> Shape:
        """Return the shape of a name, or a tiny one with `quick`."""
        return find_shape(name, quick=self.quick)

    def modes_of(self, shape: str) -> tuple[str, ...]:
        """Return the modes that a shape is trained in: only the last one for those that fill the memory otherwise."""
        return self.modes[-1:] if shape in _COMPILED_ONLY else self.modes

    def shapes_on(self, device: str) -> list[str]:
        """Return the shapes that are measured on a device."""
        return [name for name in self.shapes if device in SHAPES[name].batch]

    def measure(self, device: str, task: str, cases: Sequence[Row], *, steps: int = 1) -> list[Outcome]:
        """Measure cases that are compared with each other.

        Args:
            device: where.
            task: of the worker.
            cases: what the request of each contains besides the common entries; at least "library" and "mode".
            steps: of one measurement on a CPU; on a GPU ten times as many.
        """
        many = steps if device == "cpu" else 10 * steps
        common = {"task": task, "device": device, "quick": self.quick, "steps": 2 if self.quick else many}
        requests = [{**common, "warm_up": 0 if device == "cpu" else 3, **case} for case in cases]
        # The memory of a CPU has room for all models of a comparison; a GPU's may have room for only one.
        together = device == "cpu"
        return measure_in_rounds(requests, self.rounds, module=WORKER, together=together, show=self.show)


def measured(outcome: Outcome, reference: Outcome) -> Row:
    """Return the quantities that every row contains, or why the case failed.

    Args:
        outcome: of the case.
        reference: the case whose seconds are divided by those of this one, round by round.
    """
    if outcome.failed is not None:
        return {"failed": outcome.failed}
    row: Row = {
        "seconds": median_of(outcome.rounds, "seconds"),
        "peak_bytes": outcome.total["memory"],
        "turns": outcome.rounds,
    }
    if reference.failed is None:
        row["speed_over_reference"] = median_ratio(reference.rounds, outcome.rounds, "seconds")
    return row


def distance(expected: Mapping[str, Any], found: Mapping[str, Any]) -> float:
    """Return the largest relative difference between numbers of the same names."""
    return max(abs(found[name] - value) / max(abs(value), 1e-12) for name, value in expected.items())
