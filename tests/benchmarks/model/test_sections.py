"""The sections of the model's benchmark, and the quantities that they compute."""

import pytest

from benchmarks.common.resident_workers import Outcome, measure_in_rounds
from benchmarks.model import command, report, settings as settings_module
from benchmarks.model.sections import MEASURE, decoding, first_steps, training
from benchmarks.model.settings import WORKER
from benchmarks.model.shapes import SHAPES, shrink


def test_every_section_from_measuring_to_the_page(in_process, settings, section_head):
    assert MEASURE.keys() == command.SECTIONS.keys()
    sections = {}
    for name, measure in MEASURE.items():
        rows = measure(settings())
        assert all("failed" not in row for row in rows["rows"])
        assert all(row["seconds"] > 0 for row in rows["rows"])
        facts = {"gpu": None, "threads": 2, "quick": True, "shapes": [SHAPES["base"].facts("base")]}
        sections[name] = {**section_head, **facts, "rows": rows}
    trained = sections["train"]["rows"]["rows"]
    assert {row["library"] for row in trained} == {"ours", "plain", "transformers"}
    assert max(row["first_step_differs_by"] for row in trained) < 1e-4
    assert {row["shape"] for row in trained} == {"base", "base-32k", "gpt2-small"}
    decoded = sections["generate"]["rows"]["rows"]
    assert {row["ids"] for row in decoded} == {"equal"}
    assert {"uncached", "eager"} < {row["mode"] for row in decoded if row["library"] == "ours"}
    parts = ("loss", "optimizer", "attention")
    rows = {name: sections[name]["rows"]["rows"] for name in parts}
    (polar,) = (row["differs_by"] for row in rows["optimizer"] if row["library"] == "ours, polar express")
    rows["optimizer"] = [row for row in rows["optimizer"] if row["library"] != "ours, polar express"]
    differences = {name: max(row["differs_by"] for row in rows[name]) for name in parts}
    assert differences["loss"] < 1e-4
    assert differences["optimizer"] < 0.05  # torch's Muon iterates in bfloat16
    assert 0.05 < polar < 0.5  # other polynomials, which leave other singular values
    assert differences["attention"] < 1e-4
    page = report.page({"schema": 1, "sections": sections})
    assert page.count("\n## ") == len(sections) + 1
    assert "### Muon, CPU, float32" in page
    assert "### `gpt2-small`, window of 8, CPU, float32" in page


def test_several_sequences_are_decoded_at_once(in_process, settings):
    rows = decoding.generate_shape(settings(), "cpu", "base", 3)
    assert {row["ids"] for row in rows} == {"equal"}
    assert {row["mode"] for row in rows} == {"eager", "record"}
    assert all(row["tokens_per_second"] == pytest.approx(3 / row["seconds"]) for row in rows)


def test_a_first_step_is_measured_from_the_start_of_a_process(settings, tmp_path):
    case = {"device": "cpu", "shape": "base", "library": "plain", "mode": "eager"}
    row = first_steps.first_steps(settings(), case, str(tmp_path))
    for cache in ("empty", "warm"):
        assert row[cache]["seconds"] > row[cache]["build"] + row[cache]["step"] > 0


def test_a_first_step_that_fails_says_why(settings, monkeypatch):
    failed = [Outcome(failed="plain, compiled: out of memory")]
    monkeypatch.setattr(settings_module, "measure_in_rounds", lambda *_given, **_options: failed)
    common = {"shape": "base", "library": "plain", "mode": "compiled"}
    rows = [{"device": "cuda", **common}, {"device": "cpu", **common}, {"device": "cuda", **common, "failed": "x"}]
    first_steps.add_first_steps(settings(), rows)
    assert rows[0]["first_steps"] == {"failed": "plain, compiled: out of memory"}
    assert not any("first_steps" in row for row in rows[1:])


def test_the_worker_in_a_process_of_its_own():
    request = {"task": "loss", "library": "ours, chunked", "mode": "eager", "shape": "base-32k", "steps": 2}
    (outcome,) = measure_in_rounds([request | {"device": "cpu", "quick": True}], 2, module=WORKER)
    assert outcome.failed is None
    assert outcome.prepared.keys() == {"loss", "gradient of hidden", "gradient of weight"}
    assert len(outcome.rounds) == 2
    assert min(answer["seconds"] for answer in outcome.rounds) > 0
    assert outcome.total["memory"] > 0


def outcome_of(seconds, failed=None):
    answers = [{"seconds": one, "flops_per_second": 1e9, "loss": 1.0} for one in seconds]
    return Outcome({"loss": 2.0, "norm": 1.0}, answers, {"memory": 5_000_000}, failed)


def test_another_model_is_compared_by_speed_alone(settings, monkeypatch):
    measured = [outcome_of([1.0]), *(outcome_of([seconds]) for seconds in (1.0, 1.5, 2.0, 0.5))]
    monkeypatch.setattr(settings_module, "measure_in_rounds", lambda *_given, **_options: measured)
    monkeypatch.setattr(training, "device_name", lambda _device: "NVIDIA H100 80GB HBM3")
    *same, other = training.train_shape(settings(), "cuda", "leaderboard", "compiled")
    assert [row["library"] for row in same] == ["ours", "plain", "transformers"]
    assert all("first_step_differs_by" in row and "parameters" not in row for row in same)
    assert other["library"] == "nanochat-style"
    assert other["parameters"] > 0
    assert "first_step_differs_by" not in other
    flops = shrink(SHAPES["leaderboard"]).flops_per_token
    assert other["datasheet_mfu"] == pytest.approx(flops * other["tokens_per_second"] / 989.4e12)


def test_utilization_and_ratio_are_those_of_the_same_round(settings, monkeypatch):
    matmul = outcome_of([1.0, 1.0])
    matmul.rounds[1]["flops_per_second"] = 0.5e9  # the machine slows down for a while
    measured = [matmul, outcome_of([1.0, 2.0]), outcome_of([2.0, 4.0]), outcome_of([], "transformers, eager: x")]
    monkeypatch.setattr(settings_module, "measure_in_rounds", lambda *_given, **_options: measured)
    ours, plain, failed = training.train_shape(settings(), "cpu", "base", "eager")
    shape = shrink(SHAPES["base"])
    assert ours["mfu"] == pytest.approx(48 * shape.flops_per_token / 1e9)
    assert plain["mfu"] == pytest.approx(ours["mfu"] / 2)
    assert plain["speed_over_reference"] == 0.5
    assert plain["tokens_per_second"] == pytest.approx(48 / 3)
    assert failed["failed"] == "transformers, eager: x"


def test_ids_are_compared_up_to_the_end_of_the_shorter():
    assert decoding.compare([1, 2, 3], [1, 2]) == "equal"
    assert decoding.compare([1, 2, 3], [1, 9, 3]) == "different from id 1 on"
