"""Worker processes that are prepared once and then measure one round at a time.

Preparing can take a minute, such as compiling a model. So all cases that are to be compared are prepared first, each in
its own process; in each round one process after the other measures while the others wait. Measurements of the same
round are seconds apart. Where the processes cannot exist at the same time, as on a GPU, each measurement gets a fresh
process instead.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from benchmarks.common.rounds import in_rounds
from benchmarks.common.workers import Answer, Request, WorkerError, failure, worker_command, worker_environment


class ResidentWorker:
    """A process that answers once when it is prepared, once for each round, and once at its end."""

    def __init__(self, request: Request, module: str) -> None:
        """Start the process with a request that has at least "library" and "mode"."""
        self._name = f"{request['library']}, {request['mode']}"
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed at exit
        self._process = subprocess.Popen(  # noqa: S603 - our own worker
            worker_command(module, request),
            env=worker_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill the process if it is still running."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._input, self._output, self._errors):
            with suppress(BrokenPipeError):  # unsent requests to a process that has ended
                stream.close()

    def prepare(self) -> Answer:
        """Wait until the process is prepared and return what it found out while preparing.

        Raises:
            WorkerError: it failed; the message is the last line that it wrote to standard error.
        """
        return self._read_answer()

    def measure(self) -> Answer:
        """Let the process measure one round and return the measurement; raises as `prepare` does."""
        with suppress(BrokenPipeError):  # the process has ended: reading its answer reports why
            self._input.write("measure\n")
            self._input.flush()
        return self._read_answer()

    def finish(self) -> Answer:
        """Let the process end and return what it measured over all rounds; raises as `prepare` does."""
        with suppress(BrokenPipeError):
            self._input.close()
        return self._read_answer()

    def _read_answer(self) -> Answer:
        line = self._output.readline()
        if line:
            answer: Answer = json.loads(line)
            return answer
        exit_code = self._process.wait()
        self._errors.seek(0)
        raise failure(self._name, self._errors.read(), exit_code)


@dataclass
class Outcome:
    """What was measured of one case."""

    prepared: Answer = field(default_factory=dict)
    """The facts that were found out while preparing."""
    rounds: list[Answer] = field(default_factory=list)
    """One measurement for each round."""
    total: Answer = field(default_factory=dict)
    """What was measured over all rounds."""
    failed: str | None = None
    """Why the case could not be measured, if it could not."""


@dataclass
class _Case:
    """A request, its outcome so far, and the process that measures it."""

    request: Request
    outcome: Outcome
    worker: ResidentWorker

    def call(self, step: str, function: Callable[[], Answer], show: Callable[[str], None]) -> Answer:
        """Call the worker, or do nothing if it has failed before; a failure is recorded and returns nothing."""
        if self.outcome.failed is not None:
            return {}
        show(f"{self.request['task']}: {self.request['library']}, {self.request['mode']}: {step}")
        try:
            return function()
        except WorkerError as error:
            self.outcome.failed = str(error)
            return {}


def measure_in_rounds(
    requests: Sequence[Request],
    rounds: int,
    *,
    module: str,
    together: bool = True,
    show: Callable[[str], None] = lambda _message: None,
) -> list[Outcome]:
    """Measure cases that are to be compared; if one fails, the others are measured nevertheless.

    Args:
        requests: at least "task", "library" and "mode" each.
        rounds: measurements of each case.
        module: the worker.
        together: keep the processes of all cases for all rounds; otherwise each measurement has a fresh process, alone.
        show: receives progress messages.

    Returns:
        The outcome of each request.
    """
    outcomes = [Outcome() for _ in requests]
    if together:
        _measure_together(requests, outcomes, rounds, module, show)
    else:
        for _, (request, outcome) in in_rounds(list(zip(requests, outcomes, strict=True)), rounds):
            if outcome.failed is None:
                _measure_together([request], [outcome], 1, module, show)
    return outcomes


def _measure_together(
    requests: Sequence[Request],
    outcomes: Sequence[Outcome],
    rounds: int,
    module: str,
    show: Callable[[str], None],
) -> None:
    """Prepare all cases, measure each in every round, and end all processes."""
    with ExitStack() as stack:
        cases: list[_Case] = []
        # One after the other: the threads of several processes on the same cores wait for each other.
        for request, outcome in zip(requests, outcomes, strict=True):
            case = _Case(request, outcome, stack.enter_context(ResidentWorker(request, module)))
            outcome.prepared = case.call("prepare", case.worker.prepare, show) or outcome.prepared
            cases.append(case)
        time.sleep(0.1 if len(cases) > 1 else 0)  # idle threads spin for a moment before they sleep
        for number, case in in_rounds(cases, rounds):
            answer = case.call(f"round {number + 1} of {rounds}", case.worker.measure, show)
            case.outcome.rounds += [answer] if answer else []
        for case in cases:
            case.outcome.total = case.call("finish", case.worker.finish, show) or case.outcome.total
