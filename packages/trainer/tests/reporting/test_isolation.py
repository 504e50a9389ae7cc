"""Faults of a reporter at every place, none of which may reach the training."""

import threading
import time

import pytest

from trainer.reporting.isolation import BestEffort
from trainer.reporting.reporter import Reporter


class Recorder(Reporter):
    def __init__(self, fails_at=None, error=None):
        self.told = []
        self.fails_at = fails_at
        self.error = error or ConnectionError("the network\nis down")

    def _take(self, what):
        if what == self.fails_at:
            raise self.error
        self.told.append(what)

    def metrics(self, step, values):
        self._take((step, dict(values)))

    def message(self, text):
        self._take(text)

    def close(self, *, failed):
        self._take("failed" if failed else "closed")


def test_all_is_passed_on_in_order_by_another_thread():
    threads, warnings = [], []

    class Asks(Recorder):
        def _take(self, what):
            threads.append(threading.current_thread())
            super()._take(what)

    inner = Asks()
    reporter = BestEffort("it", lambda: inner, warnings.append)
    values = {"train_loss": 1.0}
    reporter.metrics(1, values)
    values["train_loss"] = 2.0  # what was told is what it was then
    reporter.message("hello")
    reporter.sync()
    reporter.close(failed=True)
    assert inner.told == [(1, {"train_loss": 1.0}), "hello", "failed"]
    assert threading.main_thread() not in threads
    assert warnings == []


@pytest.mark.parametrize("error", [ConnectionError("the network\nis down"), SystemExit(1), RuntimeError()])
@pytest.mark.parametrize("place", ["make", (2, {}), "closed"])
def test_a_fault_anywhere_is_one_warning(place, error):
    warnings = []
    inner = Recorder(place, error)

    def make():
        if place == "make":
            raise error
        return inner

    reporter = BestEffort("it", make, warnings.append)
    for step in range(1, 5):
        reporter.metrics(step, {})
    reporter.close(failed=False)
    reason = " ".join(str(error).split()) or type(error).__name__
    assert warnings == [f"warning: it is left out from here on ({reason}); metrics.jsonl has everything"]
    before = {"make": 0, "closed": 4}.get(str(place), 1)
    assert inner.told == [(step, {}) for step in range(1, before + 1)]


def test_one_that_hangs_holds_nothing_up():
    now, warnings = [0.0], []
    started, release = threading.Event(), threading.Event()

    class Hangs(Recorder):
        def metrics(self, step, values):
            started.set()
            release.wait()
            super().metrics(step, values)

    inner = Hangs()
    reporter = BestEffort("it", lambda: inner, warnings.append, patience=60.0, clock=lambda: now[0])
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
        "warning: it is left out from here on (it has not answered for 60 s); metrics.jsonl has everything"
    ]
    assert inner.told == []
    release.set()


def test_one_that_is_slow_to_start_holds_nothing_up():
    now, warnings, release = [0.0], [], threading.Event()

    def make():
        release.wait()
        return Recorder()

    reporter = BestEffort("it", make, warnings.append, patience=60.0, clock=lambda: now[0])
    reporter.metrics(1, {})
    now[0] = 61.0
    reporter.message("hello")
    assert len(warnings) == 1
    release.set()


def test_one_that_hangs_at_the_end_is_not_waited_for_for_ever():
    warnings, release = [], threading.Event()

    class Hangs(Recorder):
        def close(self, *, failed):
            release.wait()

    reporter = BestEffort("it", Hangs, warnings.append, patience=0.05)
    reporter.close(failed=False)
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: it is left out from here on (it ")
    release.set()


def test_leaving_waits_for_nobody():
    begun, never = threading.Event(), threading.Event()

    class Hangs(Recorder):
        def metrics(self, step, values):
            begun.set()
            never.wait(60)

    warnings = []
    reporter = BestEffort("it", Hangs, warnings.append)
    reporter.metrics(1, {})
    assert begun.wait(60)
    started = time.monotonic()
    reporter.leave()
    assert time.monotonic() - started < 30
    reporter.metrics(2, {})  # leads nowhere
    assert warnings == []
    never.set()
