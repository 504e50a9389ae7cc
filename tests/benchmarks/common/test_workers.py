"""Measurements in fresh processes, and their order."""

import os
import subprocess
import sys

import pytest

from benchmarks.common.rounds import in_rounds
from benchmarks.common.workers import WorkerError, interleave, run_worker, worker_environment


def test_every_other_round_is_in_reverse_order():
    assert list(in_rounds("ab", 3)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_each_repetition_runs_every_request_once():
    order = []

    def run(request):
        order.append(request["library"])
        return {"turn": len(order)}

    requests = [{"task": "t", "library": name} for name in "abc"]
    answers = interleave(requests, 3, run)
    assert "".join(order) == "abc" + "cba" + "abc"
    assert [[answer["turn"] for answer in one] for one in answers] == [[1, 6, 7], [2, 5, 8], [3, 4, 9]]


def test_a_failed_worker_is_named_with_its_last_line_of_errors():
    request = {"task": "startup", "library": "nobody", "threads": 1, "files": {}, "path": "x"}
    with pytest.raises(WorkerError, match="nobody: KeyError"):
        run_worker(request, "benchmarks.tokenizer.worker")


def test_a_worker_finds_the_benchmarks_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    environment = worker_environment()
    assert environment["PYTHONPATH"].split(os.pathsep)[1:] == [str(tmp_path)]
    command = [sys.executable, "-c", "import benchmarks.common.workers"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
