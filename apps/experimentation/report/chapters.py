"""The results of all experiments at a scale, each with what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import stdev
from typing import Any

from experimentation.findings import Finding, Measurements, find, losses_of
from experimentation.results import ExperimentResults, read_experiment_results
from experimentation.scales import read_scale
from experimentation.table import Experiment, read_experiments

_SEEDS = "seeds"
"""The experiment whose spread over seeds the others use."""


@dataclass(frozen=True)
class Chapter:
    """An experiment, its results, and what it shows."""

    name: str
    title: str
    question: str
    kind: str
    members: tuple[str, ...]
    """The names of all members, also those without a result."""
    source: str
    """Where the figures reported elsewhere are from; empty if there are none."""
    measurements: Measurements
    finding: Finding


@dataclass(frozen=True)
class Collection:
    """All that a report is made from."""

    scale: str
    scale_title: str
    chapters: tuple[Chapter, ...]
    environments: tuple[Mapping[str, Any], ...]
    """Of each file of results."""
    seconds: Mapping[str, float]
    """For each member, by its fingerprint; one that several experiments share counts once."""
    diverged: int
    missing: int
    """Members, each with each of its seeds, that have no result."""


def read_collection(data: Path, configs: Path) -> Collection:
    """Read all results in a folder, and find what each experiment shows.

    Args:
        data: the folder with a file of results, `NAME.json`, for each experiment that was run.
        configs: the folder with the files that describe the experiments.

    Raises:
        ValueError: there are no results, they are damaged, or from different scales.
        OSError: a file cannot be read.
    """
    files = [read_experiment_results(path) for path in sorted(data.glob("*.json"))]
    if not files:
        raise ValueError(f"{data} has no results: run experiments first, with experiments.py run")
    scales = sorted({each.scale for each in files})
    if len(scales) > 1:
        raise ValueError(f"{data} has results of the scales {' and '.join(scales)}: a report is of one scale")
    experiments = read_experiments(configs, scales[0])
    known = {each.experiment: each for each in files}
    if unknown := sorted(set(known) - {experiment.name for experiment in experiments}):
        raise ValueError(f"{data} has results of {unknown[0]}, which is not in {configs}: remove the file")
    deviation = _deviation(known.get(_SEEDS))
    chapters = tuple(_chapter(each, scales[0], known.get(each.name), deviation) for each in experiments)
    results = {result.fingerprint: result for each in files for result in each.members}
    expected = sum(len(experiment.runs()) for experiment in experiments)
    return Collection(
        scales[0],
        read_scale(scales[0], configs).title,
        chapters,
        tuple(each.environment for each in files),
        {fingerprint: result.seconds for fingerprint, result in results.items()},
        sum(result.status == "diverged" for result in results.values()),
        expected - sum(len(each.members) for each in files),
    )


def _chapter(experiment: Experiment, scale: str, results: ExperimentResults | None, deviation: float | None) -> Chapter:
    reported = {name: figures for name, figures in experiment.reported.items() if isinstance(figures, Mapping)}
    members = () if results is None else results.members
    measurements = Measurements(members, scale, reported, deviation)
    return Chapter(
        experiment.name,
        experiment.title,
        experiment.question,
        experiment.kind,
        tuple(experiment.members),
        str(experiment.reported.get("source", "")),
        measurements,
        find(experiment.finding, measurements),
    )


def _deviation(seeds: ExperimentResults | None) -> float | None:
    """Return the standard deviation of the base run over seeds; None if it has fewer than two results."""
    members = losses_of(seeds.members) if seeds is not None else []
    return stdev(members[0].losses) if members and len(members[0].losses) > 1 else None
