"""The results of an experiment's members in one compact file, from which the report is made."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experimentation.member import ENVIRONMENT, RUN, finished_result
from experimentation.planning import PlannedMember
from experimentation.results import ExperimentResults, write_experiment_results
from experimentation.table import Experiment
from experimentation.text_sources import Corpora

_OF_THE_RUN = ("gpus", "cuda", "threads")
"""What only a member that has loaded torch knows."""


def collect(
    experiments: Sequence[Experiment],
    planned: Sequence[PlannedMember],
    directory: Path,
    data: Path,
    scale: str,
    corpora: Corpora,
) -> list[str]:
    """Write the results of each experiment that has any, and remove old files of others.

    Args:
        experiments: all experiments.
        planned: all of their members.
        directory: where the members are.
        data: the folder to write `NAME.json` into.
        scale: the name of the scale.
        corpora: the texts that the members have worked on.

    Returns:
        The names of the experiments with results.

    Raises:
        OSError: a file cannot be read or written.
    """
    texts = corpora.describe()
    folders = [each.folder(directory) for each in planned]
    environment = {**merged_environment(folders), "texts": texts}
    written = []
    for experiment in experiments:
        members = [each for each in planned if each.experiment.name == experiment.name]
        results = tuple(result for each in members if (result := finished_result(each, directory)) is not None)
        path = data / f"{experiment.name}.json"
        if results:
            write_experiment_results(ExperimentResults(experiment.name, scale, environment, results), path)
            written.append(experiment.name)
        else:
            path.unlink(missing_ok=True)
    return written


def merged_environment(folders: Iterable[Path]) -> dict[str, Any]:
    """Return machine and versions of members; where they differ, those of the last one that is known.

    Of the code all revisions are listed, since a sweep may have been continued after a change.
    """
    merged: dict[str, Any] = {}
    revisions: dict[str, bool] = {}
    for folder in folders:
        content = _read(folder / ENVIRONMENT)
        git = content.pop("git", None)
        if isinstance(git, Mapping):
            revision = str(git.get("revision"))
            revisions[revision] = revisions.get(revision, False) or bool(git.get("dirty"))
        merged |= content
        sessions = _read(folder / RUN / ENVIRONMENT).get("sessions") or [{}]
        merged |= {name: sessions[-1][name] for name in _OF_THE_RUN if sessions[-1].get(name)}
    if revisions:
        merged["git"] = {"revision": ", ".join(revisions), "dirty": any(revisions.values())}
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
