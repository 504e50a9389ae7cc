"""Jobs on a cluster with Slurm, submitted as one array through submitit.

A Slurm job that reaches its time limit is submitted again: its command is stopped before, saves its work, and continues
from there. The folder of the jobs must be on a file system that all machines see.
"""

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from experimentation.executors import stopped
from experimentation.jobs import (
    GRACE_SECONDS,
    FailedJob,
    Job,
    JobsFailedError,
    start_process,
    stop_processes,
    why_failed,
)
from trainer import INTERRUPTED_EXIT_CODE, TrainingInterrupted
from trainer.runtime import Interruption

if TYPE_CHECKING:
    import subprocess

    import submitit

_APPLICATIONS = Path(__file__).resolve().parents[1]
_NOTICE_SECONDS = 150
"""How long before the time limit Slurm announces it: more than the time in which a job that is asked to stop stops."""
_KILL_WAIT_SECONDS = 40
"""More than the time that Slurm leaves a job which it ends, between SIGTERM and SIGKILL: 30 unless configured."""


@dataclass(frozen=True)
class SlurmOptions:
    """What each job asks Slurm for."""

    minutes: int = 240
    """The time limit."""
    partition: str | None = None
    account: str | None = None
    gpus: int = 1
    cpus: int = 4
    memory_gb: int | None = None
    """None: as much as the partition gives by default."""
    max_resubmissions: int = 10
    """How often a job that reaches the time limit is submitted again."""

    def __post_init__(self) -> None:
        for name, least in (("minutes", 5), ("gpus", 0), ("cpus", 1), ("max_resubmissions", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} of Slurm jobs is {getattr(self, name)}: give at least {least}")
        if self.memory_gb is not None and self.memory_gb < 1:
            raise ValueError(f"memory_gb of Slurm jobs is {self.memory_gb}: give at least 1")


@dataclass(frozen=True)
class SlurmExecutor:
    """Runs jobs as Slurm jobs."""

    folder: Path
    """Where submitit stores its scripts and logs."""
    options: SlurmOptions
    parallel: int = 256
    """Jobs at a time, as far as the cluster has room for them."""
    cluster: Literal["slurm", "local"] = "slurm"
    """local: submitit's own processes on this machine, all at a time, to try it without a cluster."""
    poll_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.cluster == "slurm" and shutil.which("sbatch") is None:
            raise ValueError(
                "this machine has no Slurm (no program sbatch): start from a machine that has, or run locally"
            )

    def run(self, jobs: Sequence[Job], on_done: Callable[[Job], None]) -> None:
        """Run all jobs: see `executors.Executor.run`. Ctrl-C or SIGTERM cancels those that are not done."""
        if not jobs:
            return
        tasks = [CommandTask(job, self.options.cpus) for job in jobs]
        done, failed = 0, list[FailedJob]()
        with Interruption() as interruption:
            waiting = list(zip(jobs, self._submitter().submit_array(tasks), strict=True))
            try:
                while waiting:
                    if interruption.requested:
                        raise TrainingInterrupted(stopped(interruption.requested, done, len(jobs)))
                    for each in [each for each in waiting if each[1].done()]:
                        waiting.remove(each)
                        job, submitted = each
                        if reason := _why_failed(submitted):
                            failed.append(FailedJob(job, reason))
                        else:
                            done += 1
                            on_done(job)
                    time.sleep(self.poll_seconds)
            finally:
                self._cancel([submitted for _, submitted in waiting])
        if failed:
            raise JobsFailedError(failed, len(jobs))

    def _cancel(self, submitted: Sequence["submitit.Job[int]"]) -> None:
        """Cancel jobs. Slurm ends them on its own; processes of this machine are waited for."""
        for each in submitted:
            each.cancel(check=False)
        while self.cluster == "local" and not all(each.done() for each in submitted):
            time.sleep(self.poll_seconds)

    def _submitter(self) -> "submitit.AutoExecutor":
        """Return submitit's executor, with the options in its words."""
        import submitit

        options, own = self.options, self.cluster
        arguments = {f"{own}_python": _python(), f"{own}_max_num_timeout": options.max_resubmissions}
        executor = submitit.AutoExecutor(self.folder, self.cluster, **arguments)
        executor.update_parameters(
            name="experiments",
            timeout_min=options.minutes,
            gpus_per_node=options.gpus,
            cpus_per_task=options.cpus,
            mem_gb=options.memory_gb,
            slurm_partition=options.partition,
            slurm_account=options.account,
            slurm_array_parallelism=self.parallel,
            slurm_signal_delay_s=_NOTICE_SECONDS,
        )
        return executor


class CommandTask:
    """The command of a job, as submitit runs it on the machine of a Slurm job."""

    def __init__(self, job: Job, threads: int) -> None:
        """Prepare it.

        Args:
            job: what to run.
            threads: threads on the CPU.
        """
        self._job, self._threads = job, threads
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> int:
        """Run the command, and return its exit code."""
        self._process = process = start_process(self._job, {"OMP_NUM_THREADS": str(self._threads)})
        try:
            # Not process.wait(), whose lock `checkpoint`, which interrupts this line, would wait for.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        except BaseException:
            stop_processes([process], GRACE_SECONDS)
            raise
        exit_code = process.wait()
        if exit_code == INTERRUPTED_EXIT_CODE:  # Slurm has asked all processes to stop: let it decide what follows
            time.sleep(_KILL_WAIT_SECONDS)
        return exit_code

    def checkpoint(self) -> "submitit.helpers.DelayedSubmission":
        """Stop the command, and return what to submit instead: called by submitit before the time limit."""
        import submitit

        if self._process is not None:
            stop_processes([self._process], GRACE_SECONDS)
        return submitit.helpers.DelayedSubmission(CommandTask(self._job, self._threads))


def _why_failed(submitted: "submitit.Job[int]") -> str | None:
    """Return why a job that has ended has not done its work, or None if it has."""
    if submitted.exception() is None:
        return why_failed(submitted.result())
    return f"Slurm job {submitted.job_id} was ended, see {submitted.paths.stderr}"


def _python() -> str:
    """Return the shell command with which a job starts Python so that it finds this module."""
    path = os.pathsep.join([str(_APPLICATIONS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return shlex.join(["env", f"PYTHONPATH={path}", sys.executable])
