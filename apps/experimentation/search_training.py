"""The training of a trial: a member of the kind training, in a process, which is stopped if the trial is pruned.

Trials with equal settings have one folder, also if they are members of an experiment: a finished one is not trained
again, and one that was interrupted resumes.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experimentation.jobs import start_process, stop_processes, why_failed
from experimentation.member import RUN, finished_result
from experimentation.planning import TRAINING, PlannedMember, plan
from experimentation.running import Plan, member_job
from experimentation.scales import Scale
from experimentation.search_space import Search
from experimentation.search_trials import Ended
from experimentation.table import Experiment
from experimentation.text_sources import Corpora
from trainer import RunDirectory, read_metrics


@dataclass(frozen=True)
class Trials:
    """Plans and starts the trainings of a search."""

    search: Search
    where: Plan
    """Directory, scale, texts and device; its members are not used."""
    environments: list[dict[str, str]]
    """Variables of the processes, by the place of a trial."""

    def member(self, settings: Mapping[str, Any]) -> PlannedMember:
        """Return a trial as a member.

        Raises:
            ValueError: the settings are not allowed together.
        """
        return trial_member(self.search, settings, self.where.scale, self.where.corpora)

    def start(self, settings: Mapping[str, Any], place: int) -> "Training":
        """Start to train, or resume, unless it is finished.

        Raises:
            ValueError: the settings are not allowed together.
            OSError: the process cannot be started.
        """
        member = self.member(settings)
        if finished_result(member, self.where.directory) is not None:
            return Training(member, self.where.directory, None)
        job = member_job(self.where, [member])
        return Training(member, self.where.directory, start_process(job, self.environments[place]))


def trial_member(search: Search, settings: Mapping[str, Any], scale: Scale, corpora: Corpora | None) -> PlannedMember:
    """Return the member that trains with some settings of a search.

    Raises:
        ValueError: the settings are not allowed together.
    """
    experiment = Experiment(
        search.name,
        search.title,
        "Which settings give the lowest validation loss?",
        TRAINING,
        finding="",
        members={"trial": settings},
        base=search.base,
        seeds=(search.seed,),
    )
    (member,) = plan([experiment], [experiment], scale, corpora)
    return member


@dataclass(frozen=True)
class Training:
    """The process of a trial."""

    member: PlannedMember
    directory: Path
    process: "subprocess.Popen[bytes] | None"
    """None if it was finished before."""

    def losses(self) -> list[tuple[int, float]]:
        """Return the validation losses that are logged: see `search_trials.Attempt`."""
        entries = read_metrics(RunDirectory(self.member.folder(self.directory) / RUN).metrics)
        return [(entry["step"], entry["valid_loss"]) for entry in entries if entry.get("valid_loss") is not None]

    def ended(self) -> Ended | None:
        """Return how training has ended; the loss of a diverged run is at least that of guessing."""
        code = None if self.process is None else self.process.poll()
        result = finished_result(self.member, self.directory)
        if result is not None:
            loss, guessing = result.values.get("valid_loss"), float(result.values["guessing_loss"])
            self.close()
            if result.status == "diverged" or loss is None:
                return Ended(max(guessing, guessing if loss is None else float(loss)), diverged=True)
            return Ended(float(loss))
        if code is None:
            return None
        folder = self.member.folder(self.directory)
        return Ended(error=f"{why_failed(code) or 'no result'}; its folder is {folder}")

    def stop(self) -> None:
        """Ask the process to save and stop."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def close(self) -> None:
        """Wait until it has stopped; it is killed if that takes too long."""
        if self.process is not None:
            stop_processes([self.process])
