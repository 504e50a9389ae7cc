"""From metrics.jsonl to points: which figures of a run belong to a curve, and where they stand along it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trainer.reporting.metrics_file import read_metrics
from trainer.run.directory import RunDirectory

Axis = Literal["step", "tokens", "time"]
"""What curves go along: updates, tokens, or seconds in the loop."""

_KEYS: dict[Axis, str] = {"step": "step", "tokens": "tokens", "time": "seconds"}


class PlotError(ValueError):
    """A picture that cannot be drawn."""


@dataclass(frozen=True)
class Curve:
    """One metric of one run."""

    run: str
    """What the run is called in the picture."""
    metric: str
    """The name in metrics.jsonl."""
    points: tuple[tuple[float, float], ...]
    """Along the axis, and the figure there, which is NaN where none was known."""


def read_curves(runs: Sequence[RunDirectory], metric: str, by: Axis = "step") -> list[Curve]:
    """Return the curves of a metric, those of one run side by side; one without figures has no points.

    Args:
        runs: whose metrics.jsonl is read.
        metric: a name there, or `loss` for `train_loss` and `valid_loss`.
        by: what the curves go along.

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
    """Return the names of all figures, in the order of their first appearance."""
    return list(dict.fromkeys(name for entry in entries for name in entry if name != "step"))


def points_of(entries: Sequence[dict[str, Any]], metric: str, by: Axis = "step") -> tuple[tuple[float, float], ...]:
    """Return the points of a metric.

    A figure that is null or no finite number is a gap. Where a step comes again, after a run was resumed from before
    it, what was told last counts. An entry that does not say where it stands along the axis gets its place from the
    entries around it, by its step.
    """
    entries = _told_last(entries)
    places = _places(entries, _KEYS[by])
    points = {
        entry["step"]: (place, _number(entry[metric]))
        for entry, place in zip(entries, places, strict=True)
        if metric in entry and not math.isnan(place)
    }
    return tuple(points.values())


def run_labels(paths: Sequence[Path]) -> list[str]:
    """Return short names for folders: their last parts, as many as it takes to tell them apart.

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
    """Say that no run has a metric, and what they have."""
    known = known_metrics(entry for run in runs for entry in read_metrics(run.metrics))
    have = f"there are {', '.join(known)}" if known else "there are no metrics at all yet"
    return f"no run has {' or '.join(metric_names(metric))}: {have}"


def _told_last(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop what a later session told again: going back to a step takes away all that stands from there on."""
    kept: list[dict[str, Any]] = []
    for entry in entries:
        if kept and kept[-1]["step"] > entry["step"]:
            while kept and kept[-1]["step"] >= entry["step"]:
                kept.pop()
        kept.append(entry)
    return kept


def _places(entries: Sequence[dict[str, Any]], key: str) -> list[float]:
    """Return where each entry stands; NaN where nothing tells.

    An entry without a place of its own stands on the straight line, over the steps, between its neighbours' places, or
    beyond the last two.
    """
    own = np.array([_number(entry.get(key)) for entry in entries])
    steps = np.array([float(entry["step"]) for entry in entries])
    known_steps, index = np.unique(steps[~np.isnan(own)], return_index=True)
    known_places = own[~np.isnan(own)][index]
    if len(known_steps) < 2:
        line = np.array([known_places[0] if step in known_steps else math.nan for step in steps])
    else:
        right = np.clip(np.searchsorted(known_steps, steps), 1, len(known_steps) - 1)
        slope = np.diff(known_places) / np.diff(known_steps)
        line = known_places[right - 1] + slope[right - 1] * (steps - known_steps[right - 1])
    places: list[float] = np.where(np.isnan(own), line, own).tolist()
    return places


def _number(value: Any) -> float:
    """Return a figure as a float, NaN if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if math.isfinite(value) else math.nan
