"""Figures are compared with what is promised, and nothing that is missing looks kept."""

import pytest

from benchmarks.gpu import report
from benchmarks.gpu.bars import BARS, Bar, judge
from benchmarks.gpu.parts import PARTS

RATIO = Bar("a step", "step", "ours/plain", "ratio", 0.92, "at most")
MFU = Bar("MFU", "step", "ours", "mfu", 0.52, "at least", "{:.1%}")


def results(*rows, ended="done", tiny=False):
    part = {"rows": list(rows), "seconds": 12.3, "ended": ended}
    return {"tiny": tiny, "parts": {"step": part}}


def ratio(value):
    return {"case": "ours/plain", "ratio": value}


@pytest.mark.parametrize(
    ("bar", "found", "figure", "verdict"),
    [
        (RATIO, results(ratio(0.92)), "0.92", "met"),
        (RATIO, results(ratio(0.93)), "0.93", "not met"),
        (MFU, results({"case": "ours", "mfu": 0.52}), "52.0%", "met"),
        (MFU, results({"case": "ours", "mfu": 0.5}), "50.0%", "not met"),
        (RATIO, results(ratio(float("nan"))), "nan", "not met"),
        (RATIO, results(ratio(0.5), tiny=True), "0.50", "not measured: tiny models"),
        (RATIO, results(ended="stopped after 60 s"), "–", "not measured: stopped after 60 s"),
        (RATIO, results(ended="not measured: no time was left"), "–", "not measured: no time was left"),
        (RATIO, results({"case": "plain", "failed": "out of memory"}), "–", "not measured: out of memory"),
        (RATIO, results({"case": "ours/plain", "skipped": "no GPU"}), "–", "not measured: no GPU"),
        (MFU, results({"case": "ours", "ms": 1.0}), "–", "not measured: there is no datasheet of this device"),
        (RATIO, {"tiny": False, "parts": {}}, "–", "not measured: --part left it out"),
    ],
)
def test_verdicts(bar, found, figure, verdict):
    assert judge(bar, found) == (figure, f"{bar.side} {bar.form.format(bar.limit)}", verdict)


@pytest.fixture
def whole(section_head):
    return {**section_head, **results(ratio(0.9), {"case": "ours", "ms": 1234.5, "mfu": 0.531}), "card": "NVIDIA X"}


def test_the_summary_has_a_line_for_each_promise(whole):
    head, *lines = report.summary(whole | {"torch": "2.11"})
    assert head == "NVIDIA X, torch 2.11"
    assert len(lines) == len(BARS)
    assert lines[0].split("  ")[-1] == "met"


def test_the_page_names_the_card_and_shows_every_row(whole):
    page = report.page(whole | {"torch": "2.11"})
    assert "Card: **NVIDIA X**" in page
    assert f"## {PARTS['step'].title}" in page
    assert "| ours | – | 1,234 | 53.1% |" in page
    assert "mean nothing" not in page
    assert "mean nothing" in report.page(whole | {"torch": "2.11", "tiny": True})
