"""Measurements that take turns, each in a fresh process, which prepares once and is then asked for turn after turn.

A process that has compiled a model for a minute is worth keeping. So all that are to be compared are started, and in
each round each has its turn while the others wait; every other round goes backwards. What is compared is what ran
within one round, seconds apart. Where they cannot be held side by side, as on a GPU, each round starts them anew.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from runs import Answer, Request, WorkerError


class Worker:
    """A process that answers: once when it is ready, once for each turn, and once at its end."""

    def __init__(self, request: Request, script: Path) -> None:
        """Start it; it gets the request (JSON) as its argument and says its answers on its standard output."""
        self._name = f"{request['library']}, {request['mode']}"
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - until the end
        self._process = subprocess.Popen(  # noqa: S603 - our own worker
            [sys.executable, str(script), json.dumps(dict(request))],
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
        """End the process, whatever it is doing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._input, self._output, self._errors):
            with suppress(BrokenPipeError):  # what was to be said to a process that has ended
                stream.close()

    def ready(self) -> Answer:
        """Wait until it is ready and return what it has to say.

        Raises:
            WorkerError: it failed; the last line that it said is the message.
        """
        return self._answer()

    def turn(self) -> Answer:
        """Let it have its turn and return what it measured; raises as `ready` does."""
        with suppress(BrokenPipeError):  # its answer, which does not come, tells why
            self._input.write("turn\n")
            self._input.flush()
        return self._answer()

    def end(self) -> Answer:
        """Let it end and return what it measured of all its turns; raises as `ready` does."""
        with suppress(BrokenPipeError):
            self._input.close()
        return self._answer()

    def _answer(self) -> Answer:
        line = self._output.readline()
        if line:
            answer: Answer = json.loads(line)
            return answer
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines() or [f"exit code {code}"]
        raise WorkerError(f"{self._name}: {said[-1]}")


class Outcome:
    """What one measurement gave."""

    def __init__(self) -> None:
        self.ready: Answer = {}
        """What it said before its first turn."""
        self.turns: list[Answer] = []
        self.end: Answer = {}
        """What it measured of all turns."""
        self.failed: str | None = None
        """Why it did not come to its end."""


def take_turns(
    requests: Sequence[Request],
    rounds: int,
    *,
    script: Path,
    together: bool = True,
    say: Callable[[str], None] = lambda _message: None,
) -> list[Outcome]:
    """Run measurements that are to be compared; one that fails does not stop the others.

    Args:
        requests: each with at least "library" and "mode".
        rounds: turns of each.
        script: the worker.
        together: hold all processes at once; else each turn has a fresh one, alone.
        say: told what is being done.
    """
    outcomes = [Outcome() for _ in requests]
    if together:
        _round(requests, outcomes, rounds, script, say)
    else:
        for number in range(rounds):
            places = range(len(requests)) if number % 2 == 0 else range(len(requests) - 1, -1, -1)
            for place in places:
                if outcomes[place].failed is None:
                    _round([requests[place]], [outcomes[place]], 1, script, say)
    return outcomes


def _round(
    requests: Sequence[Request],
    outcomes: Sequence[Outcome],
    turns: int,
    script: Path,
    say: Callable[[str], None],
) -> None:
    """Let all get ready, give each its turns, and end all."""
    with ExitStack() as stack:
        jobs: list[tuple[Request, Worker, Outcome]] = []

        def ask(request: Request, outcome: Outcome, what: str, call: Callable[[], Answer]) -> Answer:
            if outcome.failed is not None:
                return {}
            say(f"{request['task']}: {request['library']}, {request['mode']}: {what}")
            try:
                return call()
            except WorkerError as error:
                outcome.failed = str(error)
                return {}

        # One after the other: threads of several processes on the same cores wait for each other's time slices.
        for request, outcome in zip(requests, outcomes, strict=True):
            worker = stack.enter_context(Worker(request, script))
            jobs.append((request, worker, outcome))
            outcome.ready = ask(request, outcome, "prepares", worker.ready) or outcome.ready
        time.sleep(0.1 if len(jobs) > 1 else 0)  # threads that wait for work spin a little before they sleep
        for number in range(turns):
            for request, worker, outcome in jobs if number % 2 == 0 else jobs[::-1]:
                answer = ask(request, outcome, f"turn {number + 1} of {turns}", worker.turn)
                outcome.turns += [answer] if answer else []
        for request, worker, outcome in jobs:
            outcome.end = ask(request, outcome, "ends", worker.end) or outcome.end
