"""Running the members that have no result yet, each as a job of its own.

Members whose run others use come first; those that measure time come last, one at a time. What was interrupted is
resumed, and what is finished is not run again.
"""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from command import say
from experimentation.executors import Executor, Job, JobsFailedError
from experimentation.member import ERROR, RUN, finished_result, write_order
from experimentation.planning import TRAINING, PlannedMember
from experimentation.results import MemberResult
from experimentation.scales import Scale
from experimentation.text_sources import Corpora
from experimentation.training_settings import read_training
from experimentation.workspace import WandbMode
from nn.accounting import training_flops

_COMMAND = Path(__file__).resolve().parents[1] / "experiments.py"
_LOG = "log.txt"


@dataclass(frozen=True)
class Plan:
    """What is to be run, and how."""

    members: Sequence[PlannedMember]
    directory: Path
    scale: Scale
    corpora: Corpora
    device: str = "auto"
    wandb_mode: WandbMode = "disabled"


def missing_members(members: Sequence[PlannedMember], directory: Path) -> list[PlannedMember]:
    """Return the members without a result, and those that they use, each once."""
    needed = [used for each in members for used in (each.uses, each) if used is not None]
    unique = {each.fingerprint: each for each in reversed(needed)}  # the first one of its kind gives the name
    ordered = [unique[fingerprint] for fingerprint in dict.fromkeys(each.fingerprint for each in needed)]
    missing = {each.fingerprint for each in ordered if finished_result(each, directory) is None}
    # The run of a member that was finished before may be needed only by members that are finished too.
    return [each for each in ordered if each.fingerprint in missing]


def run_missing(plan: Plan, executor: Executor, show: Callable[[str], None] = say) -> list[str]:
    """Run all members without a result.

    Args:
        plan: the members.
        executor: where they run.
        show: prints a line.

    Returns:
        A line for each member that has failed, with the last line of its log. A diverged one has a result, so it has
        not failed.

    Raises:
        OSError: a file cannot be written.
        TrainingInterrupted: the process was asked to stop; the members have saved what they did.
    """
    missing = missing_members(plan.members, plan.directory)
    used = {each.uses.fingerprint for each in missing if each.uses is not None}
    alone = [each for each in missing if each.experiment.alone]
    others = [each for each in missing if not each.experiment.alone]
    stages = [
        [each for each in others if each.uses is None],
        [each for each in others if each.uses is not None],
        *([each] for each in alone),
    ]
    stages[0].sort(key=lambda each: each.fingerprint not in used)  # what others wait for comes first
    progress = Progress({each.fingerprint: weight(each, plan.scale) for each in missing}, show)
    for stage in filter(None, stages):
        _run_stage(plan, [each for each in stage if _can_run(each, plan.directory)], executor, progress)
    return [_failure(each, plan.directory) for each in missing if finished_result(each, plan.directory) is None]


def _run_stage(plan: Plan, members: Sequence[PlannedMember], executor: Executor, progress: "Progress") -> None:
    jobs: list[Job] = []
    members_of: dict[Path, Sequence[PlannedMember]] = {}
    for start in range(0, len(members), plan.scale.members_per_job):
        batch = members[start : start + plan.scale.members_per_job]
        jobs.append(member_job(plan, batch))
        members_of[jobs[-1].log] = batch

    def on_done(job: Job) -> None:
        for member in members_of[job.log]:
            if (result := finished_result(member, plan.directory)) is not None:
                progress.done(member, result)

    with suppress(JobsFailedError):  # members without a result are reported at the end, together
        executor.run(jobs, on_done)
    for member in members:  # finished ones of a job in which another has failed
        if member.fingerprint not in progress.finished and (result := finished_result(member, plan.directory)):
            progress.done(member, result)


def member_job(plan: Plan, members: Sequence[PlannedMember]) -> Job:
    """Return the job that runs some members one after another; its log is in the folder of the first."""
    folders = [
        write_order(each, plan.directory, plan.corpora, plan.scale, plan.device, plan.wandb_mode) for each in members
    ]
    more = f" and {len(members) - 1} more" if len(members) > 1 else ""
    limits_threads = plan.scale.threads is not None and not members[0].experiment.alone
    return Job(
        (sys.executable, str(_COMMAND), "member", *map(str, folders)),
        {"OMP_NUM_THREADS": str(plan.scale.threads)} if limits_threads else {},
        folders[0] / _LOG,
        f"{members[0].title}{more}",
    )


def _can_run(member: PlannedMember, directory: Path) -> bool:
    """Return whether the run that a member uses is there: it may have failed."""
    return member.uses is None or (member.uses.folder(directory) / RUN / "checkpoints").is_dir()


def _failure(member: PlannedMember, directory: Path) -> str:
    """Return what is known about a member that has failed."""
    if not _can_run(member, directory):
        return f"{member.title} was not run, because it uses a run that has failed"
    folder = member.folder(directory)
    log = folder / _LOG
    for path in (folder / ERROR, log):
        if path.is_file() and (lines := path.read_text("utf-8", errors="replace").strip().splitlines()):
            return f"{member.title} has failed: {lines[-1]} (log: {log})"
    return f"{member.title} was not run, because its process ended before (its folder is {folder})"


def weight(member: PlannedMember, scale: Scale) -> float:
    """Return about how long a member takes relative to others: its FLOPs, if it trains."""
    if member.kind != TRAINING:
        return 0.0
    config = read_training(member.settings, scale).config
    return float(training_flops(config.model).total * config.training.num_rows(config.training.steps))


@dataclass
class Progress:
    """Prints a line for each member that is finished, with the time that the others will take."""

    weights: dict[str, float]
    """Of the members that are to be run, by fingerprint."""
    show: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    finished: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        # Each member takes some time to start, whatever it does.
        least = max(self.weights.values(), default=0.0) / 20 or 1.0
        self.weights = {fingerprint: max(weight, least) for fingerprint, weight in self.weights.items()}

    def done(self, member: PlannedMember, result: MemberResult) -> None:
        """Print what a member has given."""
        self.finished.add(member.fingerprint)
        count, total = len(self.finished), len(self.weights)
        left = f", about {_duration(self.seconds_left())} left" if count < total else ""
        self.show(f"[{count}/{total}] {member.title}: {_summary(result)}{left}")

    def seconds_left(self) -> float:
        """Estimate the time until all are finished, as if the rest went on at the same speed."""
        share = sum(self.weights[each] for each in self.finished) / sum(self.weights.values())
        return (time.monotonic() - self.started) * (1 - share) / share


def _summary(result: MemberResult) -> str:
    loss = result.values.get("valid_loss")
    parts = [str(result.status)] if loss is None else []
    if result.status == "diverged":
        parts = [f"diverged at step {result.values.get('diverged_at_step')}"]
    parts += [f"validation loss {loss:.4f}"] if isinstance(loss, float) else []
    return f"{', '.join(parts)}, {_duration(result.seconds)}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
