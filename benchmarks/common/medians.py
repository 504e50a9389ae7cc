"""Medians of repeated measurements, and ratios of measurements of the same round."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

Answers = Sequence[Mapping[str, Any]]
"""The measurements of one case, one for each round."""


def median_of(answers: Answers, key: str) -> float:
    """Return the median of one quantity over the rounds."""
    return median(answer[key] for answer in answers)


def median_ratio(numerators: Answers, denominators: Answers, key: str) -> float:
    """Return the median over the rounds of the ratio of one quantity, such as a peer's seconds to ours.

    Both measurements of a ratio are of the same round, so a machine that slows down for a while affects both.

    Raises:
        ValueError: the two cases were not measured equally often.
    """
    return median(above[key] / below[key] for above, below in zip(numerators, denominators, strict=True))
