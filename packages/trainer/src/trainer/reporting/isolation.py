"""Reporting to something that may fail or hang, without ever holding up or stopping the training."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from trainer.reporting.reporter import Metrics, Reporter

_Job = Callable[[Reporter], None]


class BestEffort(Reporter):
    """Works another reporter in a thread of its own, and leaves it out for good once it fails or hangs.

    That is told once, by a line of warning, always from the thread that reports: the next time something is told after
    the fault, or at the end.

    Args:
        name: what to call it in the warning.
        make: makes the reporter, in the thread, since that may take long too.
        warn: takes the warning.
        patience: how many seconds a single call may take, and all that is left at the end.
        clock: tells seconds.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Reporter],
        warn: Callable[[str], None],
        *,
        patience: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._make = make
        self._warn = warn
        self._patience = patience
        self._clock = clock
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._busy_since: float | None = clock()
        self._fault: str | None = None
        self._left_out = False
        # A daemon, so that one that hangs does not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=f"reporting to {name}", daemon=True)
        self._thread.start()

    def metrics(self, step: int, values: Metrics) -> None:
        """Pass the figures on, later."""
        kept = dict(values)
        self._pass_on(lambda reporter: reporter.metrics(step, kept))

    def message(self, text: str) -> None:
        """Pass the line on, later."""
        self._pass_on(lambda reporter: reporter.message(text))

    def close(self, *, failed: bool) -> None:
        """Wait until all is passed on and closed, but not for ever."""
        self._pass_on(lambda reporter: reporter.close(failed=failed))
        self._jobs.put(None)
        if not self._left_out:
            self._thread.join(self._patience)
            if self._thread.is_alive() and self._fault is None:
                self._fault = f"it was not done {self._patience:.0f} s after the end"
            self._check()

    def leave(self) -> None:
        """Go without waiting: what is not passed on yet may be lost."""
        self._left_out = True
        self._jobs.put(None)

    def _pass_on(self, job: _Job) -> None:
        if not self._left_out:
            self._check()
        if not self._left_out:
            self._jobs.put(job)

    def _check(self) -> None:
        """Leave it out, with a warning, if there is reason to."""
        busy_since = self._busy_since
        fault = self._fault
        if fault is None and busy_since is not None and self._clock() - busy_since > self._patience:
            fault = f"it has not answered for {self._patience:.0f} s"
        if fault is not None:
            self._left_out = True
            self._jobs.put(None)
            self._warn(f"warning: {self._name} is left out from here on ({fault}); metrics.jsonl has everything")

    def _work(self) -> None:
        try:
            reporter = self._make()
            self._busy_since = None
            while (job := self._jobs.get()) is not None:
                self._busy_since = self._clock()
                job(reporter)
                self._busy_since = None
        except BaseException as error:  # even a library that leaves the program must not end this silently
            self._busy_since = None
            self._fault = " ".join(str(error).split()) or type(error).__name__
