import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from trainer import read_metrics
from trainer.reporting.metrics_file import MetricsError, MetricsFile, rewind_metrics

FIGURES = {"train_loss": 2.5, "tokens_per_second": 1234.0}


def write(path, *entries):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_metrics_are_one_json_object_per_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for step in (1, 2):
        file = MetricsFile(path)  # appends, as a resumed run does
        file.metrics(step, FIGURES)
        assert json.loads(path.read_text().splitlines()[-1]) == {"step": step, **FIGURES}  # before it is closed
        file.sync()
        file.close(failed=False)
    assert [entry["step"] for entry in read_metrics(path)] == [1, 2]


def test_unknown_and_non_finite_values_are_null(tmp_path):
    file = MetricsFile(tmp_path / "metrics.jsonl")
    file.metrics(1, {"valid_perplexity": float("inf"), "train_loss": float("nan"), "mfu": None})
    file.close(failed=False)
    assert read_metrics(tmp_path / "metrics.jsonl") == [
        {"step": 1, "valid_perplexity": None, "train_loss": None, "mfu": None}
    ]


@given(cut=st.integers(0, 60), start=st.sampled_from(["", '{"step": 1}\n']))
def test_an_incomplete_last_line_is_ignored_and_then_removed(tmp_path_factory, cut, start):
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    line = json.dumps({"step": 2, **FIGURES}) + "\n"
    path.write_text(start + line[:cut])
    whole = cut >= len(line) - 1  # without its line end it is still an entry
    before = [1] * bool(start) + [2] * whole
    assert [entry["step"] for entry in read_metrics(path)] == before
    file = MetricsFile(path)
    file.metrics(3, FIGURES)
    file.close(failed=False)
    assert [entry["step"] for entry in read_metrics(path)] == [*before, 3]


def test_a_missing_file_has_no_entries(tmp_path):
    assert read_metrics(tmp_path / "none.jsonl") == []
    assert rewind_metrics(tmp_path / "none.jsonl", 3) == []


@pytest.mark.parametrize("damage", ["{", "[1]", '{"loss": 1}', '{"step": "one"}', '{"step": true}', "", "\0\0"])
def test_damage_before_the_last_line_is_an_error(tmp_path, damage):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1}}\n{damage}\n{{"step": 2}}\n')
    with pytest.raises(MetricsError, match=r"metrics\.jsonl: line 2 is not a JSON object with a step: correct"):
        read_metrics(path)
    path.write_text(f'{{"step": 1}}\n{damage}\n')
    assert read_metrics(path) == [{"step": 1}]


@pytest.mark.parametrize(("step", "kept"), [(0, []), (1, [1, 1]), (2, [1, 1]), (3, [1, 1, 3]), (9, [1, 1, 3, 5])])
def test_entries_after_a_step_are_removed(tmp_path, step, kept):
    path = tmp_path / "metrics.jsonl"
    entries = [{"step": 1}, {"step": 1, "valid_loss": 2.0}, {"step": 3}, {"step": 5}]
    write(path, *entries)
    assert [entry["step"] for entry in rewind_metrics(path, step)] == kept
    assert read_metrics(path) == entries[: len(kept)]


def test_a_kill_loses_no_line(tmp_path):
    """Each line is passed to the operating system before the call returns."""
    path = tmp_path / "metrics.jsonl"
    program = (
        "import os, signal, sys; from pathlib import Path; from trainer.reporting.metrics_file import MetricsFile\n"
        "file = MetricsFile(Path(sys.argv[1]))\n"
        "for step in range(100): file.metrics(step, {'train_loss': 1.0})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [entry["step"] for entry in read_metrics(path)] == list(range(100))


def test_an_evaluation_that_was_not_saved_is_removed(tmp_path):
    path = tmp_path / "metrics.jsonl"
    entries = [{"step": 1, "train_loss": 2.0}, {"step": 2, "train_loss": 1.5}, {"step": 2, "valid_loss": 1.6}]
    write(path, *entries, {"step": 3, "train_loss": 1.0})
    assert rewind_metrics(path, 2) == entries == read_metrics(path)
    assert rewind_metrics(path, 2, evaluated=False) == entries[:2] == read_metrics(path)


@pytest.mark.parametrize("damage", ["{", "\0\0\0", '{"loss": 1}'])
def test_a_damaged_last_line_is_removed(tmp_path, damage):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1}}\n{damage}\n')
    file = MetricsFile(path)
    file.metrics(2, FIGURES)
    file.close(failed=False)
    assert [entry["step"] for entry in read_metrics(path)] == [1, 2]
