"""The table that `experiments.py list` prints."""

from collections.abc import Sequence
from pathlib import Path

from experimentation.member import finished_result
from experimentation.planning import PlannedMember
from experimentation.scales import Scale
from experimentation.table import Experiment

_HEAD = ("experiment", "members", "finished", "minutes", "title")


def table_lines(
    experiments: Sequence[Experiment], planned: Sequence[PlannedMember], scale: Scale, directory: Path
) -> list[str]:
    """Return the lines of the table.

    The minutes are those that finished members have taken; one that several experiments share counts in each.

    Args:
        experiments: all experiments.
        planned: all of their members.
        scale: the scale.
        directory: where the results are.
    """
    results = {each.fingerprint: finished_result(each, directory) for each in planned}
    rows = [_HEAD]
    for experiment in experiments:
        members = [each for each in planned if each.experiment.name == experiment.name]
        finished = [result for each in members if (result := results[each.fingerprint]) is not None]
        minutes = f"{sum(each.seconds for each in finished) / 60:.1f}" if finished else ""
        rows.append((experiment.name, str(len(members)), str(len(finished)), minutes, experiment.title))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}  {row[4]}".rstrip()
        for row in rows
    ]
    done = sum(result is not None for result in results.values())
    expected = "" if scale.minutes is None else f", about {scale.minutes:g} minutes for all"
    return [*lines, "", f"scale {scale.name}: {scale.title}", f"{len(results)} runs, {done} finished{expected}"]
