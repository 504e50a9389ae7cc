"""What a finding is made from, and what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from experimentation.results import MemberResult

Verdict = Literal["reproduced", "partly reproduced", "not reproduced", "not comparable", "not run"]
"""How a finding relates to what was reported elsewhere; `not comparable` if nothing was or it cannot be compared."""

Reported = Mapping[str, Mapping[str, float | str]]
"""Figures reported elsewhere: the name of a value, and for each member the figure, or a word such as `diverged`."""


@dataclass(frozen=True)
class Measurements:
    """What is known about an experiment at one scale."""

    results: Sequence[MemberResult]
    """One for each member and seed that has come to its end, diverged ones included, in the order of the experiment."""
    scale: str
    """The name of the scale."""
    reported: Reported = field(default_factory=dict)
    """Figures reported elsewhere."""
    seed_deviation: float | None = None
    """Standard deviation of the base run's final validation loss over seeds, in nats per token; None if not known."""

    @property
    def full_size(self) -> bool:
        """Whether the models, texts and lengths are those of the reported figures."""
        return self.scale == "gpu"


@dataclass(frozen=True)
class Table:
    """A table of texts; the first column names the rows."""

    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Dots:
    """Points of a plot that belong together."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Plot:
    """A plot of results against what was varied."""

    x: str
    y: str
    dots: tuple[Dots, ...]
    crosses: tuple[float, ...] = ()
    """Horizontal positions of diverged members, which have no value."""
    scale: Literal["linear", "log", "even"] = "linear"
    """Of the horizontal axis; `even`: values in equal distances, for those among which 0 and small ones are."""
    log_y: bool = False


@dataclass(frozen=True)
class Finding:
    """What an experiment shows, computed from its results."""

    sentence: str
    verdict: Verdict
    evidence: Table = field(default_factory=Table)
    plot: Plot | None = None


def not_run(what: str) -> Finding:
    """Return the finding of an experiment without the results that it needs.

    Args:
        what: says what is missing, as a part of a sentence.
    """
    return Finding(f"{what[0].upper()}{what[1:]}.", "not run")
