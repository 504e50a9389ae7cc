"""The trainer's benchmark on a tiny model, in this process: importing torch takes longer than all of it."""

import json

import pytest

pytest.importorskip("numpy")
pytest.importorskip("torch")


@pytest.fixture
def in_process(monkeypatch):
    """Run the worker's tasks in this process; requests and answers are still JSON."""
    from benchmarks.trainer import settings, worker

    def run_worker(request, module):
        assert module == worker.__name__
        return json.loads(json.dumps(worker.measure(json.loads(json.dumps(request)))))

    monkeypatch.setattr(settings, "run_worker", run_worker)


@pytest.fixture
def settings(tmp_path):
    """Settings for a tiny model."""
    from benchmarks.trainer.settings import Settings

    def make(**more):
        common = {"steps": 4, "rounds": 2, "folder": tmp_path, "quick": True, "show": lambda _message: None}
        return Settings(**(common | more))

    return make


@pytest.fixture
def measured(section_head):
    """Return the results of one section."""

    def make(name, **more):
        model = {
            "parameters": 22_696_448,
            "num_layers": 4,
            "d_model": 512,
            "d_ff": 1344,
            "num_heads": 16,
            "vocab_size": 10_000,
            "context_length": 256,
        }
        facts = {"threads": 2, "quick": False, "batch_size": 16, "model": model}
        return {"schema": 1, "sections": {name: {**section_head, **facts, **more}}}

    return make
