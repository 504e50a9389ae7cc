"""Cases of one process take turns, and one that fails does not stop the others."""

import pytest

from benchmarks.gpu import alternation


class Worker:
    """Prepares cases that count their measurements; "late" fails in the second round, "never" when it is prepared."""

    def __init__(self):
        self.turns = []

    def prepare(self, case, memory):
        memory.begin()
        if case["library"] == "never":
            raise RuntimeError("out of memory\nand more")

        def measure():
            self.turns.append(case["library"])
            if case["library"] == "late" and self.turns.count("late") == 3:
                raise ValueError("too late")
            return {"seconds": 1.0}

        return {"prepared": case["library"]}, measure


def test_turns_and_failures(monkeypatch):
    worker = Worker()
    monkeypatch.setattr(alternation, "prepare", worker.prepare)
    cases = {name: {"library": name, "device": "cpu", "mode": "eager"} for name in ("one", "never", "late")}
    outcomes = alternation.alternate(cases, 3)
    assert worker.turns == ["one", "late", "one", "late", "late", "one", "one"]
    assert outcomes["one"].failed is None
    assert outcomes["one"].prepared == {"prepared": "one"}
    assert outcomes["one"].total["memory"] >= 0
    assert len(outcomes["one"].rounds) == 3
    assert outcomes["never"].failed == "RuntimeError: out of memory"
    assert outcomes["late"].failed == "ValueError: too late"
    assert len(outcomes["late"].rounds) == 1


def test_the_first_line_of_a_long_message():
    assert alternation.one_line(KeyError("x")) == "KeyError: 'x'"
    assert len(alternation.one_line(ValueError("long" * 100))) == pytest.approx(212)
