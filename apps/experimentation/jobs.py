"""A job is a command line that runs one member; a process runs it, here or on another machine."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainer import INTERRUPTED_EXIT_CODE

GRACE_SECONDS = 60.0
"""How long a job that is asked to stop may take to save its work, before it is killed."""

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


@dataclass(frozen=True)
class Job:
    """A command line to run."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    """Variables that are added to those of this process."""
    log: Path
    """The file to which its output is appended."""
    name: str
    """What messages call it."""


@dataclass(frozen=True)
class FailedJob:
    """A job that did not do its work."""

    job: Job
    reason: str
    """Such as `exit code 1`."""


class JobsFailedError(Exception):
    """Some jobs have failed, after all others were done."""

    def __init__(self, failed: Sequence[FailedJob], total: int) -> None:
        """Describe all of them in one line.

        Args:
            failed: the jobs, at least one.
            total: how many jobs there were in all.
        """
        listed = ", ".join(f"{each.job.name} ({each.reason}; see {each.job.log})" for each in failed)
        super().__init__(f"{len(failed)} of {total} jobs have failed: {listed}")
        self.failed = tuple(failed)


def start_process(job: Job, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start the process of a job, in a session of its own: a Ctrl-C in the terminal does not reach it.

    On Linux the process is killed if this thread ends without stopping it, even by SIGKILL.

    Args:
        job: the job; the folder of its log is created.
        environment: further variables; those of the job win.

    Raises:
        OSError: the command or the log cannot be opened.
    """
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own commands
            job.command,
            env={**os.environ, **environment, **job.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_before_start() if sys.platform == "linux" else None,
        )


def _before_start() -> Callable[[], None]:
    """Return what a child does before it runs its command."""
    parent, library = os.getpid(), ctypes.CDLL(None)

    def prepare() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)
        # Slurm announces the end of a job with this signal, to all processes; the one that started this one handles it.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)

    return prepare


def stop_processes(processes: Sequence["subprocess.Popen[bytes]"], grace_seconds: float = GRACE_SECONDS) -> None:
    """Ask processes to stop, with SIGTERM, and wait until they have; those that have not in time are killed.

    Ctrl-C during the wait kills them at once.
    """
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace_seconds
    try:
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
    finally:
        for process in processes:
            if process.poll() is None:
                _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process with all that it has started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group, since it has a session of its own
    process.wait()


def why_failed(exit_code: int) -> str | None:
    """Return why a process that ended with this code has not done its work, or None if it has.

    >>> why_failed(0), why_failed(1), why_failed(75), why_failed(-9)
    (None, 'exit code 1', 'was interrupted', 'killed by SIGKILL')
    """
    if exit_code == 0:
        return None
    if exit_code == INTERRUPTED_EXIT_CODE:
        return "was interrupted"
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
