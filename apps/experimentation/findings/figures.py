"""Single figures of measurements, compared with those reported elsewhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from experimentation.findings.finding import Measurements
from experimentation.results import MemberResult


@dataclass(frozen=True)
class Compared:
    """A figure beside the one reported elsewhere."""

    member: str
    name: str
    measured: float | str | None
    """None if it was not measured."""
    reported: float | str

    def agrees(self, tolerance: float = 0.0) -> bool:
        """Return whether the two are equal: numbers within half a unit of the last digit that was reported.

        Args:
            tolerance: a relative difference that is allowed in addition.
        """
        if self.measured is None or isinstance(self.measured, str) or isinstance(self.reported, str):
            return self.measured == self.reported
        if isinstance(self.measured, int) and isinstance(self.reported, int) and not tolerance:
            return self.measured == self.reported
        allowed = max(0.5 * _last_digit(self.reported), tolerance * abs(self.reported))
        return abs(self.measured - self.reported) <= allowed * (1 + 1e-9)


def compared(measurements: Measurements) -> list[Compared]:
    """Return all figures that were reported elsewhere of members that have a result."""
    pairs = []
    for name, figures in measurements.reported.items():
        for member, figure in figures.items():
            result = result_of(measurements, member)
            if result is not None:
                value = result.values.get(name)
                pairs.append(Compared(member, name, value, figure))
    return pairs


def disagreements(pairs: Sequence[Compared], tolerance: float = 0.0) -> str:
    """Return the figures that do not agree as part of a sentence; empty if all do."""
    wrong = [pair for pair in pairs if not pair.agrees(tolerance)]
    return "; ".join(
        f"{pair.name.replace('_', ' ')} of {pair.member}: {number(pair.measured)}, reported {number(pair.reported)}"
        for pair in wrong
    )


def _last_digit(figure: float) -> float:
    """Return the value of a unit of the last digit of a figure.

    >>> [_last_digit(figure) for figure in (4886, 3.4, 1.33e14)]
    [1.0, 0.1, 1000000000000.0]
    """
    exponent = Decimal(repr(figure)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return 10.0 ** (min(exponent, 0) if isinstance(figure, int) else exponent)


def result_of(measurements: Measurements, member: str) -> MemberResult | None:
    """Return the first result of a member; None if there is none."""
    return next((result for result in measurements.results if result.name == member), None)


def value(result: MemberResult | None, name: str) -> float | None:
    """Return a value as a number; None if it is missing or not a finite number."""
    found = None if result is None else result.values.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return float(found)


def number(figure: float | str | None) -> str:
    """Return a figure as text: whole numbers with all digits, others with four."""
    if figure is None:
        return "not known"
    if isinstance(figure, int) or (isinstance(figure, float) and figure.is_integer() and abs(figure) < 1e15):
        return f"{figure:,.0f}"
    return figure if isinstance(figure, str) else f"{figure:.4g}"
