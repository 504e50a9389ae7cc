"""Worker processes that are prepared once and measure one round at a time."""

import pytest

from benchmarks.common import resident_workers
from benchmarks.common.resident_workers import measure_in_rounds

WORKER = """
import json, os, pathlib, sys
request = json.loads(sys.argv[1])
log = pathlib.Path(request["log"])
def note(what):
    with log.open("a") as file:
        file.write(request["library"] + what + " ")
if request["library"] == "b" and request["fails"] == "start":
    sys.exit("out of luck")
note("+")
print(json.dumps({"pid": os.getpid()}), flush=True)
count = 0
for line in sys.stdin:
    count += 1
    if request["library"] == "b" and request["fails"] == "round":
        raise SystemExit("out of breath")
    note(str(count))
    print(json.dumps({"seconds": count}), flush=True)
note("-")
print(json.dumps({"memory": 5}), flush=True)
"""


@pytest.fixture
def measure(tmp_path, monkeypatch):
    (tmp_path / "logging_worker.py").write_text(WORKER, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(fails=None, **more):
        requests = [
            {"task": "t", "library": name, "mode": "m", "log": str(tmp_path / "log"), "fails": fails} for name in "abc"
        ]
        outcomes = measure_in_rounds(requests, module="logging_worker", **more)
        return outcomes, (tmp_path / "log").read_text("utf-8").split()

    return run


def test_all_are_prepared_before_the_first_round(measure):
    outcomes, log = measure(rounds=3)
    assert log[:3] == ["a+", "b+", "c+"]
    assert " ".join(log[3:]) == "a1 b1 c1 c2 b2 a2 a3 b3 c3 a- b- c-"
    for outcome in outcomes:
        assert outcome.failed is None
        assert [answer["seconds"] for answer in outcome.rounds] == [1, 2, 3]
        assert outcome.total == {"memory": 5}


def test_alone_each_measurement_has_a_fresh_process(measure):
    outcomes, log = measure(rounds=2, together=False)
    assert " ".join(log) == "a+ a1 a- b+ b1 b- c+ c1 c- c+ c1 c- b+ b1 b- a+ a1 a-"
    assert [len(outcome.rounds) for outcome in outcomes] == [2, 2, 2]


@pytest.mark.parametrize(("fails", "reason"), [("start", "b, m: out of luck"), ("round", "b, m: out of breath")])
@pytest.mark.parametrize("together", [True, False])
def test_a_failure_is_named_and_does_not_stop_the_others(measure, monkeypatch, fails, reason, together):
    monkeypatch.setattr(resident_workers.time, "sleep", lambda _seconds: None)
    outcomes, _log = measure(fails, rounds=2, together=together)
    assert [outcome.failed for outcome in outcomes] == [None, reason, None]
    assert [len(outcome.rounds) for outcome in outcomes] == [2, 0, 2]
