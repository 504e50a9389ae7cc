"""The page of the trainer's results."""

from benchmarks.trainer import report


def test_the_page_hides_no_failure_and_says_what_ours_is_compared_with(measured):
    ours = {"library": "ours", "mode": "random", "seconds": 1e-4, "tokens_per_second": 4e7, "first_seconds": 0.1}
    failed = {"library": "DataLoader", "mode": "epochs", "failed": "OSError: no | memory"}
    rows = [ours | {"speed_over_reference": 1.0}, ours | {"library": "numpy", "speed_over_reference": 0.8}, failed]
    facts = {"tokens": 50, "batches": 10, "batch_tokens": 4_096, "rows": rows}
    page = report.page(measured("loader", **facts))
    assert "| **ours** | random | 40,000,000 | 100 | 1.00× | 0.100 |" in page
    assert "| numpy | random | 40,000,000 | 100 | 1.25× | 0.100 |" in page
    assert "failed: OSError: no / memory" in page
    assert "22,696,448 parameters; 4 layers" in page
    assert "these results mean nothing" not in page
    assert "these results mean nothing" in report.page(measured("loader", **facts, quick=True))
