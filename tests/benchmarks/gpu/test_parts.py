"""The parts measure what is promised."""

import sys
from types import SimpleNamespace
from typing import get_args

import pytest
import torch

from benchmarks.gpu.bars import BARS
from benchmarks.gpu.parts import PARTS, exactness, first_step, variants
from benchmarks.gpu.parts.trace import gaps
from nn import AttentionBackend
from trainer import TrainConfig


def promised(part):
    """The quantities of a part that a promise is about, and that are known without a GPU."""
    return [(bar.case, bar.quantity) for bar in BARS if bar.part == part and bar.quantity != "mfu"]


def test_promises_are_about_parts():
    assert {bar.part for bar in BARS} <= set(PARTS)


@pytest.mark.parametrize("part", ["step", "whole_run", "generation", "loss", "optimizers"])
def test_a_part_measures_what_is_promised(rows_of, part):
    rows = rows_of(part)
    assert promised(part)
    for case, quantity in promised(part):
        assert rows[case][quantity] > 0
    assert not any("failed" in key for row in rows.values() for key in row)


def test_a_run_is_projected_from_its_pieces(rows_of):
    row = rows_of("whole_run")["run"]
    steps = row["measured_steps"] - 1
    piece = steps * row["step_ms"] / 1e3 + row["evaluation_and_checkpoint_seconds"]
    assert row["projected_seconds"] == pytest.approx(row["start_seconds"] + piece * 9_999 / steps)


def test_our_ids_are_those_of_transformers(rows_of):
    assert {row["ids"] for row in rows_of("generation").values()} == {"equal"}


@pytest.mark.parametrize("part", ["heads", "nanochat"])
def test_other_training_steps(rows_of, part):
    assert rows_of(part)["ours"]["ms"] > 0


def test_the_first_step_is_measured_twice(rows_of, monkeypatch):
    caches = []

    def first_steps(_settings, case, cache):
        caches.append(cache)
        return (
            {"failed": "out of memory"} if len(caches) > 1 else {name: {"seconds": 7.0} for name in ("empty", "warm")}
        )

    monkeypatch.setattr(first_step, "first_steps", first_steps)
    rows = rows_of("first_step")
    assert [rows[case][quantity] for case, quantity in promised("first_step")] == [7.0, 7.0]
    assert rows_of("first_step")["ours"]["failed"] == "out of memory"


def test_losses_in_bfloat16(rows_of, monkeypatch):
    configs = []

    def loss_curve(config, precision):
        configs.append(config)
        return [4.0, 2.0] if precision == "float32" else [4.2, 2.0]

    precision = SimpleNamespace(loss_curve=loss_curve, largest_gap=lambda one, other: max(other) - max(one))
    monkeypatch.setitem(sys.modules, "benchmarks.gpu.precision", precision)
    ((case, quantity),) = promised("bfloat16")
    row = rows_of("bfloat16")[case]
    assert row[quantity] == pytest.approx(0.2)
    assert row["bfloat16_last_loss"] - row["float32_last_loss"] == pytest.approx(0.1)
    assert configs[0] == configs[1]
    assert configs[0].data.train_tokens is not None


def test_attention_by_back_end(rows_of):
    rows = rows_of("attention")
    auto = rows.pop("auto", None)
    assert (auto is not None) == ("auto" in get_args(AttentionBackend))
    for row in rows.values():
        assert min(row[f"{backend}_ms"] for backend in get_args(AttentionBackend)) > 0
    assert "leaderboard, window 128" in rows
    assert "leaderboard, documents" in rows


def test_the_trace_has_kernels_by_time_and_is_kept(rows_of, tmp_path):
    rows = rows_of("trace")
    assert rows.pop("device") == {"case": "device", "skipped": "no GPU"}
    times = [row["ms"] for row in rows.values()]
    assert times == sorted(times, reverse=True)
    assert (tmp_path / "trace.json").exists()


def test_gaps_between_kernels():
    assert gaps([]) == (0, 0, 0)
    assert gaps([(0, 10), (2, 3), (12, 13), (13, 20)]) == (18, 2, 2)  # one inside another, a gap, and none
    assert gaps([(5, 6), (0, 1), (1, 4)]) == (5, 1, 1)  # in any order


def test_a_variant_is_a_changed_setting(rows_of):
    rows = rows_of("variants", variants=("training.compile=auto", "training.fast=yes", "model.num_heads=3"))
    assert rows["training.compile=auto"]["ratio"] > 0
    assert "fast" in rows["training.fast=yes"]["failed"]
    assert "num_heads" in rows["model.num_heads=3"]["failed"]
    assert rows["optimizer.name=muon"]["ms"] > 0


@pytest.mark.parametrize("setting", ["training", "training=1", "steps=1", "training.steps"])
def test_a_variant_of_another_form_is_refused(setting):
    with pytest.raises(ValueError, match="is not a setting"):
        variants.changed(TrainConfig(), setting)
    assert variants.changed(TrainConfig(), "training.steps=7").training.steps == 7
    assert variants.changed(TrainConfig(), "training.compile=off").training.compile == "off"


def test_tests_of_runs_are_counted_and_gradients_need_a_gpu(rows_of, monkeypatch, tmp_path):
    file = tmp_path / "test_some_runs.py"
    file.write_text(
        "def test_good(): pass\ndef test_bad(): assert False\ndef test_none(): import pytest; pytest.skip()\n"
    )
    monkeypatch.setattr(exactness, "_TESTS", file)
    rows = rows_of("exactness")
    assert rows["runs"] == {"case": "runs", "passed": 1, "wrong": 1, "not_run": 1}
    assert rows["runs: test_bad"]["outcome"] == "failed"
    assert rows["compiled, float32"]["skipped"] == "no GPU"
    assert promised("exactness") == [("runs", "wrong"), ("compiled, float32", "differs")]


def test_gradients_of_two_states_are_compared():
    from benchmarks.model.implementations.ours import train_config
    from benchmarks.model.setup import Setup
    from benchmarks.model.shapes import SHAPES, shrink
    from benchmarks.model.weights import draw_tokens

    shape = shrink(SHAPES["base"])
    tokens = draw_tokens(shape, 2, shape.context_length + 1, seed=1)
    expected, found = (exactness.loss_and_gradients(train_config(shape, Setup("cpu", "eager")), tokens) for _ in "ab")
    assert len(expected) == 1 + 21
    assert exactness.difference(expected, found) == 0
    found[3] = found[3] * 1.01
    assert exactness.difference(expected, found) == pytest.approx(0.01, rel=1e-3)
    assert exactness.difference([torch.ones(1)], [torch.full((1,), torch.nan)]) != 0


def test_outcomes_of_tests_are_read():
    lines = [
        "test_cuda_runs.py::test_two_runs[adamw-on] PASSED [ 50%]\n",
        "x::test_b FAILED [100%]\n",
        "= 1 failed =\n",
    ]
    *_, last = exactness.outcome_rows(iter(lines))
    assert last == {"case": "runs", "passed": 1, "wrong": 1, "not_run": 0}
    *_, last = exactness.outcome_rows(iter(["x::test_a PASSED\n", "x::test_b SKIPPED (no GPU)\n"]))
    assert last == {"case": "runs", "passed": 1, "skipped": "1 tests were not run"}
    assert list(exactness.outcome_rows(iter(["No module named pytest\n"]))) == [
        {"case": "runs", "skipped": "No module named pytest"}
    ]
