"""The page of the tokenizer's results, and its chart."""

import pytest

from benchmarks.tokenizer import chart, report


@pytest.mark.parametrize(
    ("ours", "peer", "expected"),
    [
        ({1: 1.0, 2: 1.0, 4: 1.0}, {1: 2.0, 2: 2.0, 4: 2.0}, 1),
        ({1: 3.0, 2: 1.0, 4: 1.0}, {1: 2.0, 2: 2.0, 4: 2.0}, 2),
        ({1: 1.0, 2: 3.0, 4: 1.0}, {1: 2.0, 2: 2.0, 4: 2.0}, 4),  # faster at 1, but not from there on
        ({1: 1.0, 2: 1.0, 4: 2.0}, {1: 2.0, 2: 2.0, 4: 2.0}, None),
        ({1: 3.0, 2: 1.0, 4: 9.0}, {1: 2.0, 2: 2.0}, 2),  # the peer was not measured at 4
    ],
)
def test_size_from_which_ours_is_faster(ours, peer, expected):
    assert report.size_from_which_faster(ours, peer) == expected


def encode_row(library, speed, ratio, **more):
    calls = ("first", "cold", "warm")
    return {
        "corpus": "text.txt",
        "bytes": 2_000_000,
        "threads": 1,
        "library": library,
        "ids": "equal",
        "megabytes_per_second": dict.fromkeys(calls, speed),
        "ours_over_peer": dict.fromkeys(calls, ratio),
        "load_seconds": 0.5,
        "peak_bytes": 100_000_000,
        "runs": [],
    } | more


@pytest.fixture
def results(section_head):
    """Return the results of the encoding section with some rows."""

    def make(rows):
        corpora = [{"name": "text.txt", "bytes": 2_000_000, "separators": 3, "bytes_by_class": {"Latin": 2_000_000}}]
        return {"schema": 1, "sections": {"encode": {**section_head, "corpora": corpora, "rows": rows}}}

    return make


def test_the_page_hides_neither_differences_nor_failures_nor_what_is_missing(results):
    difference = {"position": 7, "ours": [1], "theirs": [2], "text": "ab", "text_from_there": "b"}
    failed = {"corpus": "text.txt", "bytes": 2_000_000, "threads": 1, "library": "p3", "failed": "p3: out of luck"}
    rows = [
        encode_row("ours", 200.0, 1.0),
        encode_row("p1", 100.0, 2.0),
        encode_row("p2", 400.0, 0.5, ids="different", difference=difference),
        failed,
    ]
    page = report.page(results(rows))
    assert "| **ours** | 2.0 | 200.0 | 200.0 | 200.0 | 0.50 | 100 | equal |" in page
    assert "| p1 | 2.0 | 100.0 (2.00×) |" in page
    assert "| p2 | 2.0 | 400.0 (0.50×) | 400.0 (0.50×) | 400.0 (0.50×) | 0.50 | 100 | **different** |" in page
    assert "The ids of p2 first differ from ours in `text.txt` at id 7" in page
    assert "failed: p3: out of luck" in page
    assert "rustbpe not installed" in page
    assert "2024-01-01 00:00 UTC" in page


def test_crossings():
    rows = [
        {"library": name, "bytes": size, "seconds": seconds}
        for name, times in {"ours": [2.0, 2.0], "slow": [1.0, 3.0], "quick": [1.0, 1.0]}.items()
        for size, seconds in zip([10_000, 1_000_000], times, strict=True)
    ]
    assert report.crossings(rows) == [
        "compared with slow: ours is faster from 1 MB upwards (measured up to 1 MB)",
        "compared with quick: ours is not faster at any size up to 1 MB, the largest measured",
    ]


def test_the_chart_is_drawn_where_encoding_was_measured(results, tmp_path):
    pytest.importorskip("matplotlib")
    failed = {"corpus": "text.txt", "bytes": 2_000_000, "threads": 1, "library": "p2", "failed": "p2: out of luck"}
    measured = results([encode_row("ours", 200.0, 1.0), encode_row("p1", 100.0, 2.0), failed])
    assert chart.draw({"schema": 1, "sections": {}}, tmp_path) is None
    assert chart.draw(measured, tmp_path) == "Encoding speed of all libraries"
    assert (tmp_path / "tokenizer.png").read_bytes().startswith(b"\x89PNG")
    assert "ours" in (tmp_path / "tokenizer.svg").read_text("utf-8")
