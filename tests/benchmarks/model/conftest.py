"""The tasks of the model's worker, run in this process: importing torch takes longer than all of them."""

from types import SimpleNamespace

import pytest

pytest.importorskip("numpy")
pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture
def prepare(monkeypatch):
    """Prepare a task on a tiny model, not compiled, on the CPU."""
    from benchmarks.model import memory, worker
    from benchmarks.model.memory import Memory

    monkeypatch.setattr(memory, "gc", SimpleNamespace(collect=int))  # slow with the modules of all tests loaded

    def run(task, **request):
        common = {"task": task, "mode": "eager", "shape": "base", "device": "cpu", "quick": True}
        return worker.prepare(common | request, Memory("cpu", "eager"))

    return run


@pytest.fixture
def in_process(monkeypatch, prepare):
    """Run the worker's tasks in this process."""
    from benchmarks.common.resident_workers import Outcome
    from benchmarks.model import settings
    from benchmarks.model.sections.agreement import agree

    def measure_in_rounds(requests, rounds, **_options):
        outcomes = []
        for request in requests:
            facts, measure = prepare(**request)
            outcomes.append(Outcome(facts, [measure() for _ in range(rounds)], {"memory": 1_000_000}))
        return outcomes

    monkeypatch.setattr(settings, "measure_in_rounds", measure_in_rounds)
    agree.cache_clear()
    yield
    agree.cache_clear()


@pytest.fixture
def settings():
    """Settings for tiny models, not compiled, on the CPU."""
    from benchmarks.model.settings import Settings
    from benchmarks.model.shapes import SHAPES

    def make(**more):
        common = {"devices": ("cpu",), "modes": ("eager",), "shapes": tuple(SHAPES), "rounds": 2, "quick": True}
        return Settings(**(common | {"show": lambda _message: None} | more))

    return make
