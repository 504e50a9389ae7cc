"""Curves from metrics.jsonl: the values of a metric and their positions along an axis."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trainer.reporting.metrics_file import read_metrics
from trainer.run.directory import RunDirectory

Axis = Literal["step", "tokens", "time"]
"""The horizontal axis: updates, tokens, or seconds spent in the loop."""

_KEYS: dict[Axis, str] = {"step": "step", "tokens": "tokens", "time": "seconds"}


class PlotError(ValueError):
    """A plot cannot be drawn."""


@dataclass(frozen=True)
class Curve:
    """One metric of one run."""

    run: str
    """The label of the run."""
    metric: str
    """The name in metrics.jsonl."""
    points: tuple[tuple[float, float], ...]
    """Position along the axis and value; NaN if the value is not known."""


def read_curves(runs: Sequence[RunDirectory], metric: str, by: Axis = "step") -> list[Curve]:
    """Return the curves of a metric, grouped by run; a run without such values has a curve without points.

    Args:
        runs: whose metrics.jsonl is read.
        metric: a name there, or `loss` for `train_loss` and `valid_loss`.
        by: the horizontal axis.

    Raises:
        MetricsError: a metrics.jsonl is damaged.
    """
    labels = run_labels([run.path for run in runs])
    entries = [read_metrics(run.metrics) for run in runs]
    return [
        Curve(label, name, points_of(own, name, by))
        for label, own in zip(labels, entries, strict=True)
        for name in metric_names(metric)
    ]


def metric_names(metric: str) -> tuple[str, ...]:
    """Return the names in metrics.jsonl that a metric stands for."""
    return ("train_loss", "valid_loss") if metric == "loss" else (metric,)


def known_metrics(entries: Iterable[dict[str, Any]]) -> list[str]:
    """Return the names of all metrics, in the order of their first appearance."""
    return list(dict.fromkeys(name for entry in entries for name in entry if name != "step"))


def points_of(entries: Sequence[dict[str, Any]], metric: str, by: Axis = "step") -> tuple[tuple[float, float], ...]:
    """Return the points of a metric.

    A value that is null or not finite is a gap. If a step occurs again, because the run was resumed from an earlier
    step, its last value counts. The position of an entry that does not contain it is interpolated from the neighbouring
    entries, by its step.
    """
    entries = _last_reported(entries)
    positions = _positions(entries, _KEYS[by])
    points = {
        entry["step"]: (position, _number(entry[metric]))
        for entry, position in zip(entries, positions, strict=True)
        if metric in entry and not math.isnan(position)
    }
    return tuple(points.values())


def run_labels(paths: Sequence[Path]) -> list[str]:
    """Return short labels for folders: as many of the last parts of their paths as make them different.

    >>> run_labels([Path("/runs/a"), Path("/runs/b")])
    ['a', 'b']
    >>> run_labels([Path("/runs/1/a"), Path("/runs/2/a"), Path("/runs/b")])
    ['1/a', '2/a', 'b']
    """
    absolute = [path.resolve().parts for path in paths]
    labels = []
    for own in absolute:
        others = [parts for parts in absolute if parts != own]
        length = next(n for n in range(1, len(own) + 1) if n == len(own) or all(o[-n:] != own[-n:] for o in others))
        labels.append("/".join(part.strip("/") for part in own[-length:]))
    return labels


def missing_metric(runs: Sequence[RunDirectory], metric: str) -> str:
    """Return the message that no run has a metric, with the metrics that they have."""
    known = known_metrics(entry for run in runs for entry in read_metrics(run.metrics))
    have = f"choose one of {', '.join(known)}" if known else "no metrics have been reported yet"
    return f"no run has {' or '.join(metric_names(metric))}: {have}"


def _last_reported(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop the entries that a later session replaced: those from the step on to which it went back."""
    kept: list[dict[str, Any]] = []
    for entry in entries:
        if kept and kept[-1]["step"] > entry["step"]:
            while kept and kept[-1]["step"] >= entry["step"]:
                kept.pop()
        kept.append(entry)
    return kept


def _positions(entries: Sequence[dict[str, Any]], key: str) -> list[float]:
    """Return the position of each entry along an axis; NaN if it cannot be determined.

    The position of an entry that does not contain it is linearly interpolated over the steps, or extrapolated from the
    first or last two.
    """
    own = np.array([_number(entry.get(key)) for entry in entries])
    steps = np.array([float(entry["step"]) for entry in entries])
    known_steps, index = np.unique(steps[~np.isnan(own)], return_index=True)
    known_positions = own[~np.isnan(own)][index]
    if len(known_steps) < 2:
        line = np.array([known_positions[0] if step in known_steps else math.nan for step in steps])
    else:
        right = np.clip(np.searchsorted(known_steps, steps), 1, len(known_steps) - 1)
        slope = np.diff(known_positions) / np.diff(known_steps)
        line = known_positions[right - 1] + slope[right - 1] * (steps - known_steps[right - 1])
    positions: list[float] = np.where(np.isnan(own), line, own).tolist()
    return positions


def _number(value: Any) -> float:
    """Return a value as a float; NaN if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if math.isfinite(value) else math.nan
