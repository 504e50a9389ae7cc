"""The final losses of members, each over its seeds, and whether a difference is larger than chance explains."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from experimentation.findings.finding import Measurements
from experimentation.results import MemberResult

VISIBLE = 2.0
"""A difference counts if it exceeds its standard error by this factor, about the 5 % level of a normal distribution."""


@dataclass(frozen=True)
class MemberLosses:
    """A member over its seeds."""

    name: str
    settings: Mapping[str, Any]
    """What it adds to the settings of the scale."""
    losses: tuple[float, ...]
    """Final validation losses of the seeds that did not diverge, in nats per token."""
    diverged: tuple[int | None, ...]
    """For each seed that diverged the step, if it is known."""
    results: tuple[MemberResult, ...]

    @property
    def mean(self) -> float:
        """The mean of the losses; infinity if a seed diverged, since such a member is worse than any other."""
        return fmean(self.losses) if self.losses and not self.diverged else math.inf

    @property
    def deviation(self) -> float | None:
        """The standard deviation over seeds; None with fewer than two."""
        return stdev(self.losses) if len(self.losses) > 1 else None

    def value(self, name: str) -> float | None:
        """Return the mean over seeds of a value; None if it is missing in one of them."""
        values = [result.values.get(name) for result in self.results]
        numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        return fmean(numbers) if values and len(numbers) == len(values) else None

    def shown(self) -> str:
        """Return the losses as text.

        `3.412`, `3.412 ± 0.010 (3 seeds)`, `diverged at step 40`, or `3.412; diverged (1 of 2 seeds)`.
        """
        seeds = len(self.losses) + len(self.diverged)
        spread = "" if self.deviation is None else f" ± {self.deviation:.3f}"
        if not self.diverged:
            return f"{fmean(self.losses):.3f}{spread}" + (f" ({seeds} seeds)" if seeds > 1 else "")
        steps = [step for step in self.diverged if step is not None]
        at = f" at step {min(steps):,}" if steps else ""
        if not self.losses:
            return f"diverged{at}" + (f" ({seeds} seeds)" if seeds > 1 else "")
        return f"{fmean(self.losses):.3f}{spread}; diverged{at} ({len(self.diverged)} of {seeds} seeds)"


def losses_of(results: Iterable[MemberResult]) -> list[MemberLosses]:
    """Return the members in the order of their first result."""
    seeds: dict[str, list[MemberResult]] = {}
    for result in results:
        seeds.setdefault(result.name, []).append(result)
    return [_member(name, own) for name, own in seeds.items()]


def _member(name: str, results: Sequence[MemberResult]) -> MemberLosses:
    finished = [result for result in results if result.status == "finished" and math.isfinite(final_loss(result))]
    failed = [result for result in results if result not in finished]
    steps = [result.values.get("diverged_at_step") for result in failed]
    return MemberLosses(
        name,
        results[0].settings,
        tuple(final_loss(result) for result in finished),
        tuple(int(step) if isinstance(step, int | float) else None for step in steps),
        tuple(results),
    )


def final_loss(result: MemberResult) -> float:
    """Return the final validation loss in nats per token; NaN if there is none."""
    value = result.values.get("valid_loss")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


@dataclass(frozen=True)
class Difference:
    """By how much a member's mean loss exceeds another's."""

    value: float
    """In nats per token; infinite if one of the two diverged."""
    error: float | None
    """Its standard error, from the spread over seeds; None if that is not known."""

    @property
    def visible(self) -> bool:
        """Whether it is larger than chance explains; a difference whose error is not known counts."""
        return self.error is None or abs(self.value) > VISIBLE * self.error

    def shown(self) -> str:
        """Return its size, with its standard error if that is known: `0.123 nats (standard error 0.010)`."""
        error = "a single seed, spread not known" if self.error is None else f"standard error {self.error:.3f}"
        return f"{abs(self.value):.3f} nats ({error})"


def difference(member: MemberLosses, reference: MemberLosses, measurements: Measurements) -> Difference:
    """Return by how much a member's mean exceeds that of another, with the standard error of the difference.

    The deviation over seeds is pooled over the members of the experiment that have several; if there are none, it is
    that of the base run.
    """
    if math.isinf(member.mean) or math.isinf(reference.mean):
        value = 0.0 if member.mean == reference.mean else member.mean - reference.mean
        return Difference(value, None)
    deviation = pooled_deviation(losses_of(measurements.results))
    deviation = measurements.seed_deviation if deviation is None else deviation
    if deviation is None:
        return Difference(member.mean - reference.mean, None)
    return Difference(
        member.mean - reference.mean, deviation * math.sqrt(1 / len(member.losses) + 1 / len(reference.losses))
    )


def pooled_deviation(members: Sequence[MemberLosses]) -> float | None:
    """Return the standard deviation over seeds, pooled over members; None if no member has several seeds."""
    several = [(member.deviation, len(member.losses) - 1) for member in members if member.deviation is not None]
    freedom = sum(count for _, count in several)
    if not freedom:
        return None
    return math.sqrt(sum(deviation**2 * count for deviation, count in several if deviation is not None) / freedom)


def base_member(members: Sequence[MemberLosses]) -> MemberLosses | None:
    """Return the member with the settings of the scale; None if there is none."""
    return next((member for member in members if not member.settings), None)


def setting(member: MemberLosses, key: str) -> float | None:
    """Return a numeric setting of a member, else the number that is its name, else None."""
    value = member.settings.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        return float(member.name)
    except ValueError:
        return None


def listed(words: Sequence[str]) -> str:
    """Return words as an enumeration.

    >>> [listed(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])]
    ['a', 'a and b', 'a, b and c']
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
