"""Where jobs run: `LocalExecutor` runs them in processes of this machine; `slurm` has one for clusters."""

import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from experimentation.jobs import (
    GRACE_SECONDS,
    FailedJob,
    Job,
    JobsFailedError,
    start_process,
    stop_processes,
    why_failed,
)
from experimentation.scales import Scale
from trainer import TrainingInterrupted
from trainer.run import describe_system
from trainer.runtime import Interruption

__all__ = ["Executor", "FailedJob", "Job", "JobsFailedError", "LocalExecutor", "local_executor", "visible_gpus"]

OnDone = Callable[[Job], None]

_POLL_SECONDS = 0.05


class Executor(Protocol):
    """Runs jobs, several at a time."""

    @property
    def parallel(self) -> int:
        """How many."""
        ...

    def run(self, jobs: Sequence[Job], on_done: OnDone) -> None:
        """Run all jobs, the first ones first; when one fails, the others go on.

        Ctrl-C or SIGTERM stops the jobs that run, which save their work, and starts no others.

        Args:
            jobs: the jobs.
            on_done: called with each job that has done its work, when it has.

        Raises:
            JobsFailedError: at the end, if jobs have failed.
            TrainingInterrupted: this process was asked to stop.
        """
        ...


@dataclass(frozen=True)
class LocalExecutor:
    """Runs jobs in processes of this machine."""

    parallel: int = 1
    """Jobs at a time."""
    gpus: tuple[str, ...] = ()
    """The GPUs, as in CUDA_VISIBLE_DEVICES. Each job gets one; with more jobs than GPUs at a time, some share one."""
    threads: int = 1
    """Threads of each job on the CPU."""
    grace_seconds: float = GRACE_SECONDS
    """How long jobs that are asked to stop may take."""

    def __post_init__(self) -> None:
        for name in ("parallel", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give at least 1")

    def run(self, jobs: Sequence[Job], on_done: OnDone) -> None:
        """Run all jobs: see `Executor.run`."""
        slots = deque(self.environments())
        waiting, running, done, failed = deque(jobs), list[_Running](), 0, list[FailedJob]()
        with Interruption() as interruption:
            try:
                while waiting or running:
                    if interruption.requested:
                        raise TrainingInterrupted(stopped(interruption.requested, done, len(jobs)))
                    while waiting and slots:
                        running.append(_Running.start(waiting.popleft(), slots.popleft()))
                    ended = [each for each in running if each.process.poll() is not None]
                    for each in ended:
                        running.remove(each)
                        slots.append(each.slot)
                        if reason := why_failed(each.process.returncode):
                            failed.append(FailedJob(each.job, reason))
                        else:
                            done += 1
                            on_done(each.job)
                    if not ended:
                        time.sleep(_POLL_SECONDS)
            finally:
                stop_processes([each.process for each in running], self.grace_seconds)
        if failed:
            raise JobsFailedError(failed, len(jobs))

    def environments(self) -> list[dict[str, str]]:
        """Return the variables of each of the jobs that run at a time."""
        variables = {"OMP_NUM_THREADS": str(self.threads)}
        if not self.gpus:
            return [variables] * self.parallel
        return [
            {**variables, "CUDA_VISIBLE_DEVICES": self.gpus[number % len(self.gpus)]} for number in range(self.parallel)
        ]


@dataclass(frozen=True)
class _Running:
    job: Job
    slot: dict[str, str] = field(repr=False)
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, job: Job, slot: dict[str, str]) -> "_Running":
        return cls(job, slot, start_process(job, slot))


def local_executor(scale: Scale, parallel: int | None, device: str) -> LocalExecutor:
    """Return an executor with as many jobs at once as the scale says, or one for each GPU if there are more.

    Args:
        scale: the scale.
        parallel: another number of jobs at once.
        device: as `run.device` of a run's configuration.
    """
    gpus = () if device == "cpu" else visible_gpus()
    jobs = parallel or max(scale.parallel, len(gpus))
    return LocalExecutor(jobs, gpus, scale.threads or max(1, (describe_system()["usable_cpus"] or 1) // jobs))


def stopped(request: str, done: int, total: int) -> str:
    """Return the message for jobs that were stopped: by which signal, and what is done."""
    return f"{request}: {done} of {total} jobs are done; start the same command again to continue"


def visible_gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the NVIDIA GPUs that this process may use, as in CUDA_VISIBLE_DEVICES; torch is not loaded.

    Args:
        environment: the environment variables; if CUDA_VISIBLE_DEVICES is among them, it decides.
    """
    if (named := environment.get("CUDA_VISIBLE_DEVICES")) is not None:
        return tuple(each.strip() for each in named.split(",") if each.strip() not in ("", "-1"))
    program = shutil.which("nvidia-smi", path=environment.get("PATH"))
    if program is None:
        return ()
    query = [program, "--query-gpu=index", "--format=csv,noheader"]
    listed = subprocess.run(query, capture_output=True, text=True, check=False)  # noqa: S603 - nvidia-smi alone
    return tuple(listed.stdout.split()) if listed.returncode == 0 else ()
