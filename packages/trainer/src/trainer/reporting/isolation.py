"""Reporting to a service that may fail or hang, without delaying or stopping the training."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from trainer.reporting.reporter import Metrics, Reporter

_Job = Callable[[Reporter], None]


class BestEffort(Reporter):
    """Runs another reporter in a thread, and stops using it once it fails or hangs.

    Then one warning is issued, always in the thread that reports: by the next call after the failure, or by `close`.

    Args:
        name: name of the service, for the warning.
        make: creates the reporter; called in the thread, since it may take long too.
        warn: called with the warning.
        patience: seconds that a single call may take, and that `close` waits for all remaining calls.
        clock: returns the time in seconds.
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
        self._failure: str | None = None
        self._disabled = False
        # A daemon, so that a reporter that hangs does not keep the process alive.
        self._thread = threading.Thread(target=self._work, name=f"reporting to {name}", daemon=True)
        self._thread.start()

    def metrics(self, step: int, values: Metrics) -> None:
        """Queue the metrics of a step."""
        copied = dict(values)
        self._submit(lambda reporter: reporter.metrics(step, copied))

    def message(self, text: str) -> None:
        """Queue a message."""
        self._submit(lambda reporter: reporter.message(text))

    def close(self, *, failed: bool) -> None:
        """Wait until everything is reported and the reporter is closed, but no longer than `patience`."""
        self._submit(lambda reporter: reporter.close(failed=failed))
        self._jobs.put(None)
        if not self._disabled:
            self._thread.join(self._patience)
            if self._thread.is_alive() and self._failure is None:
                self._failure = f"it had not finished {self._patience:.0f} s after the end of the run"
            self._check()

    def abandon(self) -> None:
        """Stop without waiting; what is still in the queue may be lost."""
        self._disabled = True
        self._jobs.put(None)

    def _submit(self, job: _Job) -> None:
        if not self._disabled:
            self._check()
        if not self._disabled:
            self._jobs.put(job)

    def _check(self) -> None:
        """Disable the reporter, with a warning, if it has failed or hangs."""
        busy_since = self._busy_since
        failure = self._failure
        if failure is None and busy_since is not None and self._clock() - busy_since > self._patience:
            failure = f"no response for {self._patience:.0f} s"
        if failure is not None:
            self._disabled = True
            self._jobs.put(None)
            self._warn(
                f"warning: reporting to {self._name} has stopped ({failure}); metrics.jsonl contains all metrics"
            )

    def _work(self) -> None:
        try:
            reporter = self._make()
            self._busy_since = None
            while (job := self._jobs.get()) is not None:
                self._busy_since = self._clock()
                job(reporter)
                self._busy_since = None
        except BaseException as error:  # also SystemExit, with which a library could end the thread silently
            self._busy_since = None
            self._failure = " ".join(str(error).split()) or type(error).__name__
