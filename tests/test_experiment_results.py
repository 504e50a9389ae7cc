"""Files of results: written whole, read back, compact for the report."""

import json
import math

import pytest

from experimentation.results import (
    ExperimentResults,
    MemberResult,
    ResultError,
    compact,
    read_experiment_results,
    read_result,
    write_experiment_results,
    write_result,
)

CURVE = {
    "step": list(range(1, 121)),
    "seconds": [n / 7 for n in range(1, 121)],
    "value": [1 / n for n in range(1, 121)],
}
RESULT = MemberResult(
    "1e-3",
    0,
    "training",
    "abc",
    {"schedule.max_lr": 1e-3},
    "finished",
    {"valid_loss": 1.23456789, "flops": 3_506_703_564_800},
    {"valid_loss": CURVE},
    [{"n": 1_635_537_600, "share": 0.123456789}],
    [{"title": "a sample", "text": "naïve"}],
    71.23456789,
)


def test_a_result_is_read_back(tmp_path):
    write_result(RESULT, tmp_path / "result.json")
    assert read_result(tmp_path / "result.json") == RESULT
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("content", ["", '{"format": 1}', '{"format": 2}', "[]"])
def test_a_damaged_result_is_none(tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    assert read_result(tmp_path / "result.json") is None
    assert read_result(tmp_path / "missing.json") is None


def test_what_is_not_finite_becomes_null(tmp_path):
    diverged = MemberResult("x", 0, "training", "f", {}, "diverged", {"valid_loss": math.inf})
    write_result(diverged, tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text())["values"] == {"valid_loss": None}


def test_compact_results_round_floats_keep_whole_numbers_and_thin_curves(tmp_path):
    write_experiment_results(ExperimentResults("rates", "cpu", {"python": "3.12"}, (RESULT,)), tmp_path / "rates.json")
    read = read_experiment_results(tmp_path / "rates.json")
    (member,) = read.members
    assert (read.experiment, read.scale, read.environment) == ("rates", "cpu", {"python": "3.12"})
    assert member.values == {"valid_loss": 1.23457, "flops": 3_506_703_564_800}
    assert member.rows == [{"n": 1_635_537_600, "share": 0.123457}]
    curve = member.curves["valid_loss"]
    assert len(curve["step"]) <= 50
    assert curve["step"][-1] == 120  # the end of a curve is its point
    assert curve["step"] == [3 * n for n in range(1, 41)]
    assert curve["value"][0] == 0.333333


def test_short_curves_are_kept():
    short = {name: values[:50] for name, values in CURVE.items()}
    kept = compact({"curves": {"loss": short, "none": {"step": [], "seconds": [], "value": []}}})["curves"]
    assert kept["loss"]["step"] == short["step"]
    assert kept["none"]["step"] == []


def test_damaged_results_of_an_experiment(tmp_path):
    path = tmp_path / "rates.json"
    path.write_text('{"format": 1, "experiment"')
    with pytest.raises(ResultError, match="is not JSON"):
        read_experiment_results(path)
    path.write_text('{"format": 1, "experiment": "rates"}')
    with pytest.raises(ResultError, match="has no results of an experiment"):
        read_experiment_results(path)
    path.write_text('{"format": 9}')
    with pytest.raises(ResultError, match="is not a file of results of format 1"):
        read_experiment_results(path)
