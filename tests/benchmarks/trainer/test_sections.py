"""The sections of the trainer's benchmark on a tiny model, and the quantities that they compute."""

import pytest

from benchmarks.common.workers import WorkerError
from benchmarks.trainer import checkpoint_methods, report, sections, settings as settings_module

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # as intended: there is one process


def test_both_loops_compute_the_same_and_all_parts_are_timed(tmp_path, in_process, settings):
    found = sections.overhead(settings(steps=5))
    assert found["differs_by"] == 0
    assert len(found["steps"]) == 5
    for step in found["steps"]:
        assert all(seconds > 0 for seconds in step.values())
        parts = sum(step[name] for name in ("gradients", "update", *sections.PARTS))
        assert parts < step["whole"] < parts + 0.05
    assert 0 < found["around_share"] < 1
    assert list(tmp_path.iterdir()) == []


def test_loops_that_compute_different_weights_are_refused(settings, monkeypatch):
    monkeypatch.setattr(settings_module, "run_worker", lambda _request, _module: {"steps": [], "differs_by": 0.5})
    with pytest.raises(WorkerError, match=r"weights differ by 5\.0e-01"):
        sections.overhead(settings())


def test_all_loaders(in_process, settings):
    rows = sections.loader(settings())["rows"]
    assert [row["library"] for row in rows] == ["ours"] * 3 + ["numpy", "nanoGPT"] + ["DataLoader"] * 2
    for row in rows:
        assert row["tokens_per_second"] == pytest.approx(32 / row["seconds"])
        assert row["first_seconds"] > 0
        assert len(row["turns"]) == 2
    assert rows[0]["speed_over_reference"] == 1


def test_all_methods_of_saving(tmp_path, in_process, settings):
    found = sections.checkpoints(settings())
    assert [row for row in found["rows"] if "failed" in row] == []
    assert {row["library"] for row in found["rows"]} == {
        "ours",
        "torch.save",
        "safetensors",
        "torch.distributed.checkpoint",
    }
    for row in found["rows"]:
        assert len(row["turns"]) == 2  # without the first one, which does not count
        assert row["bytes"] > 3 * 4 * found["model"]["parameters"]  # weights and two moments
        assert 0 < row["stall_seconds"] <= row["seconds"]
    assert list(tmp_path.iterdir()) == []


def test_a_method_that_loads_something_else_is_reported_as_failed(in_process, settings, monkeypatch, measured):
    monkeypatch.setattr(checkpoint_methods.TorchSave, "load", lambda self: None)
    rows = sections.checkpoints(settings())["rows"]
    failed = [row for row in rows if "failed" in row]
    assert [row["library"] for row in failed] == ["torch.save"]
    assert failed[0]["failed"] == "RuntimeError: the loaded values differ from the saved ones"
    assert "failed: RuntimeError: the loaded values differ" in report.page(measured("checkpoints", rows=rows))


def step(plain, whole, around):
    parts = dict.fromkeys(sections.PARTS, around / 8)
    return {"plain": plain, "whole": whole, "gradients": whole - around - 0.1, "update": 0.1, **parts}


def test_costs_are_medians_and_the_rest_is_what_is_not_timed_separately():
    costs = sections.costs_of_steps([step(2.0, 2.0, 0.02), step(2.0, 2.1, 0.02), step(4.0, 5.0, 0.9)])
    assert costs["ratio"] == pytest.approx(1.05)
    assert costs["around_seconds"] == pytest.approx(0.02)
    assert costs["around_share"] == pytest.approx(0.02 / 2.1)
    assert costs["most_around_seconds"] == pytest.approx(0.9)
    assert costs["parts"]["rest"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("around", "verdict"), [(0.03, "within the limit of 2 %"), (0.06, "**above** the limit of 2 %")]
)
def test_the_page_judges_the_loop(measured, around, verdict):
    costs = sections.costs_of_steps([step(2.0, 2.0, around)] * 2)
    assert verdict in report.page(measured("overhead", **costs))
