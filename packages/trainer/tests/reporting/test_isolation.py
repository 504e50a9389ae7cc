"""A reporter fails or hangs in each of its methods; training must not notice."""

import threading
import time

import pytest

from trainer.reporting.isolation import BestEffort
from trainer.reporting.reporter import Reporter


class Recorder(Reporter):
    def __init__(self, fails_at=None, error=None):
        self.received = []
        self.fails_at = fails_at
        self.error = error or ConnectionError("the network\nis down")

    def _take(self, what):
        if what == self.fails_at:
            raise self.error
        self.received.append(what)

    def metrics(self, step, values):
        self._take((step, dict(values)))

    def message(self, text):
        self._take(text)

    def close(self, *, failed):
        self._take("failed" if failed else "closed")


def test_everything_is_reported_in_order_by_another_thread():
    threads, warnings = [], []

    class Observed(Recorder):
        def _take(self, what):
            threads.append(threading.current_thread())
            super()._take(what)

    inner = Observed()
    reporter = BestEffort("X", lambda: inner, warnings.append)
    values = {"train_loss": 1.0}
    reporter.metrics(1, values)
    values["train_loss"] = 2.0  # later changes are not reported
    reporter.message("hello")
    reporter.sync()
    reporter.close(failed=True)
    assert inner.received == [(1, {"train_loss": 1.0}), "hello", "failed"]
    assert threading.main_thread() not in threads
    assert warnings == []


@pytest.mark.parametrize("error", [ConnectionError("the network\nis down"), SystemExit(1), RuntimeError()])
@pytest.mark.parametrize("place", ["make", (2, {}), "closed"])
def test_a_failure_gives_one_warning(place, error):
    warnings = []
    inner = Recorder(place, error)

    def make():
        if place == "make":
            raise error
        return inner

    reporter = BestEffort("X", make, warnings.append)
    for step in range(1, 5):
        reporter.metrics(step, {})
    reporter.close(failed=False)
    reason = " ".join(str(error).split()) or type(error).__name__
    assert warnings == [f"warning: reporting to X has stopped ({reason}); metrics.jsonl contains all metrics"]
    before = {"make": 0, "closed": 4}.get(str(place), 1)
    assert inner.received == [(step, {}) for step in range(1, before + 1)]


def test_a_reporter_that_hangs_delays_nothing():
    now, warnings = [0.0], []
    started, release = threading.Event(), threading.Event()

    class Hangs(Recorder):
        def metrics(self, step, values):
            started.set()
            release.wait()
            super().metrics(step, values)

    inner = Hangs()
    reporter = BestEffort("X", lambda: inner, warnings.append, patience=60.0, clock=lambda: now[0])
    reporter.metrics(1, {})
    assert started.wait(60)
    now[0] = 59.0
    reporter.metrics(2, {})
    assert warnings == []
    now[0] = 61.0
    reporter.metrics(3, {})
    reporter.metrics(4, {})
    reporter.close(failed=False)  # without waiting
    assert warnings == [
        "warning: reporting to X has stopped (no response for 60 s); metrics.jsonl contains all metrics"
    ]
    assert inner.received == []
    release.set()


def test_a_reporter_that_is_slow_to_start_delays_nothing():
    now, warnings, release = [0.0], [], threading.Event()

    def make():
        release.wait()
        return Recorder()

    reporter = BestEffort("X", make, warnings.append, patience=60.0, clock=lambda: now[0])
    reporter.metrics(1, {})
    now[0] = 61.0
    reporter.message("hello")
    assert len(warnings) == 1
    release.set()


def test_closing_does_not_wait_forever():
    warnings, release = [], threading.Event()

    class Hangs(Recorder):
        def close(self, *, failed):
            release.wait()

    reporter = BestEffort("X", Hangs, warnings.append, patience=0.05)
    reporter.close(failed=False)
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: reporting to X has stopped (")
    release.set()


def test_abandoning_does_not_wait():
    begun, never = threading.Event(), threading.Event()

    class Hangs(Recorder):
        def metrics(self, step, values):
            begun.set()
            never.wait(60)

    warnings = []
    reporter = BestEffort("X", Hangs, warnings.append)
    reporter.metrics(1, {})
    assert begun.wait(60)
    started = time.monotonic()
    reporter.abandon()
    assert time.monotonic() - started < 30
    reporter.metrics(2, {})  # has no effect
    assert warnings == []
    never.set()
