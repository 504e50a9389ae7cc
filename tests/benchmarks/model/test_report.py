"""The page of the model's results, and its chart."""

import pytest

from benchmarks.model import chart, report
from benchmarks.model.shapes import SHAPES


def train_row(library, seconds, **more):
    return {
        "device": "cpu",
        "shape": "base",
        "mode": "eager",
        "library": library,
        "tokens": 4_096,
        "seconds": seconds,
        "tokens_per_second": 4_096 / seconds,
        "mfu": 0.5,
        "matmul_flops_per_second": 1e11,
        "peak_bytes": 1_200_000_000,
        "speed_over_reference": 4.0 / seconds,
        "first_step_differs_by": 2e-7,
    } | more


@pytest.fixture
def results(section_head):
    """Return the results of the training section; `more` replaces what it says about itself."""

    def make(**more):
        failed = {key: train_row("p3", 1.0)[key] for key in ("device", "shape", "mode", "library", "tokens")}
        rows = [train_row("ours", 4.0), train_row("p2", 5.0), failed | {"failed": "p3: out of memory"}]
        facts = {"gpu": None, "threads": 2, "quick": False, "shapes": [SHAPES["base"].facts("base")]}
        section = {**section_head, **facts, **more, "rows": {"agreement": [], "rows": rows}}
        return {"schema": 1, "sections": {"train": section}}

    return make


def test_the_page_hides_neither_failures_nor_what_is_missing(results):
    page = report.page(results())
    assert "| **ours** | eager | 4,000.0 | 1,024 | 50.0 % | – | 1,200 | 2e-07 |" in page
    assert "| p2 | eager | 5,000.0 | 819 | 50.0 % | 1.250× | 1,200 | 2e-07 |" in page
    assert "| p3 | eager | – | – | – | – | – | failed: p3: out of memory |" in page
    assert "GPU: none" in page
    assert "rounds: 3" in page
    assert "`base`: 22,696,448 parameters; 4 layers" in page
    assert "these results mean nothing" not in page
    assert "these results mean nothing" in report.page(results(quick=True))


def test_the_page_has_first_steps_and_the_mfu_of_the_datasheet_where_they_were_measured(results):
    measured = results()
    assert "MFU, datasheet |" not in report.page(measured)
    first, second, _failed = measured["sections"]["train"]["rows"]["rows"]
    seconds = {"seconds": 14.2, "build": 3.1, "step": 7.0}
    first |= {"datasheet_mfu": 0.52, "first_steps": {"empty": seconds, "warm": seconds}}
    second |= {"first_steps": {"failed": "p2: out of memory"}, "library": "nanochat-style", "parameters": 1_000}
    page = report.page(measured)
    assert "| **ours** | eager | 4,000.0 | 1,024 | 50.0 % | 52.0 % | – | 1,200 | 2e-07 |" in page
    assert "| **ours** | eager | 14.2 | 3.1 | 7.0 | 14.2 | 3.1 | 7.0 |" in page
    assert "| nanochat-style | eager | – | – | – | – | – | failed: p2: out of memory |" in page
    assert "nanochat-style is another model, of equal arithmetic per token and 1,000 parameters" in page


def test_the_chart_is_drawn_where_whole_models_were_measured(results, tmp_path):
    pytest.importorskip("matplotlib")
    assert chart.draw({"schema": 1, "sections": {}}, tmp_path) is None
    assert chart.draw(results(), tmp_path) == "Tokens per second of all models"
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")
    assert "p2, eager" in (tmp_path / "model.svg").read_text("utf-8")
