"""Parts of the script for GPUs, run in this process, on the CPU and with tiny models."""

import importlib
from types import SimpleNamespace

import pytest

pytest.importorskip("numpy")
pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture
def request_of(tmp_path):
    """Return the request of a part."""
    from benchmarks.gpu.request import Request

    return lambda part, **more: Request(part, "cpu", tiny=True, folder=str(tmp_path), **more)


@pytest.fixture
def rows_of(request_of, monkeypatch):
    """Run a part and return its rows by case."""
    from benchmarks.model import memory

    monkeypatch.setattr(memory, "gc", SimpleNamespace(collect=int))  # slow with the modules of all tests loaded

    def run(part, **more):
        measure = importlib.import_module(f"benchmarks.gpu.parts.{part}").measure
        return {row["case"]: row for row in measure(request_of(part, **more))}

    return run
