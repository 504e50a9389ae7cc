"""What the model's benchmark is made with, and what all its sections do with what they measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import figures
from model_shapes import SHAPES, shrink
from turns import Outcome, take_turns

Row = dict[str, Any]
MODES = ("eager", "compiled")
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    devices: tuple[str, ...]
    modes: tuple[str, ...]
    shapes: tuple[str, ...]
    """Shapes of models, by name, for the sections that measure whole models."""
    rounds: int
    quick: bool
    """Tiny models: to try the benchmark, not to measure."""
    say: Callable[[str], None]

    def modes_of(self, shape: str) -> tuple[str, ...]:
        """Return the modes that a shape is trained in: only the last for the vocabulary that is about memory."""
        return self.modes[-1:] if shape == "base-32k" else self.modes

    def shapes_on(self, device: str) -> list[str]:
        """Return the shapes that are measured on a device."""
        return [name for name in self.shapes if device in SHAPES[name].batch]

    def take_turns(self, device: str, task: str, cases: Sequence[Row], *, steps: int = 1) -> list[Outcome]:
        """Measure cases that are to be compared.

        Args:
            device: where.
            task: of the worker.
            cases: of each what its request says beside this; at least "library" and "mode".
            steps: of a turn, on a CPU; a GPU takes ten times as many.
        """
        many = steps if device == "cpu" else 10 * steps
        common = {"task": task, "device": device, "quick": self.quick, "steps": 2 if self.quick else many}
        requests = [{**common, "warm_up": 0 if device == "cpu" else 3, **case} for case in cases]
        # A CPU's memory holds all models of a comparison; a GPU's is for one alone.
        return take_turns(
            requests,
            self.rounds,
            script=Path(__file__).with_name("model_worker.py"),
            together=device == "cpu",
            say=self.say,
        )


def measured(outcome: Outcome, reference: Outcome) -> Row:
    """Return what every row tells of a measurement, or why it failed.

    Args:
        outcome: what was measured.
        reference: whose seconds are divided by its seconds, round by round.
    """
    if outcome.failed is not None:
        return {"failed": outcome.failed}
    row: Row = {
        "seconds": figures.median_of(outcome.turns, "seconds"),
        "peak_bytes": outcome.end["memory"],
        "turns": outcome.turns,
    }
    if reference.failed is None:
        row["speed_over_reference"] = figures.median_ratio(reference.turns, outcome.turns, "seconds")
    return row


def distance(facts: Mapping[str, Any], others: Mapping[str, Any]) -> float:
    """Return the largest relative difference between two measurements' numbers of the same names."""
    return max(abs(others[name] - value) / max(abs(value), 1e-12) for name, value in facts.items())


def shape_facts(settings: Settings, name: str) -> Row:
    """Describe a shape for the page."""
    shape = shrink(SHAPES[name]) if settings.quick else SHAPES[name]
    return {
        "name": name,
        "parameters": shape.num_parameters,
        "training_flops_per_token": shape.flops_per_token,
        "layers": shape.num_layers,
        "d_model": shape.d_model,
        "d_ff": shape.d_ff,
        "heads": shape.num_heads,
        "context": shape.context_length,
        "vocab_size": shape.vocab_size,
        "tied": shape.tied,
        "batch": dict(shape.batch),
    }
