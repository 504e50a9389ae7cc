"""The page of the ladder."""

from benchmarks.leaderboard.refused import REFUSED
from benchmarks.leaderboard.report import page

HEAD = {
    "command": "python -m benchmarks.leaderboard ladder",
    "date": "2026-01-01 00:00 UTC",
    "machine": {"processor": "P", "cores": 2, "memory_bytes": 2**30, "system": "Linux", "python": "3.11"},
    "versions": {"torch": "2"},
    "repetitions": 2,
    "steps": 300,
    "device": "cpu",
    "text_bytes": {"train": 1_000_000, "valid": 1000},
}


def trial(name, losses, **verdict):
    return {
        "name": name,
        "source": "S",
        "options": {},
        "relative_step_time": 1.5,
        "steps": 1234,
        "losses": losses,
    } | verdict


def test_the_ladder_shows_losses_spread_and_verdicts():
    trials = [
        trial("reference", [5.0, 5.2]),
        trial("better", [4.0, 4.4], gain=0.9, kept=True),
        trial("worse", [6.0, 6.0], gain=-1.8, kept=False),
    ]
    text = page({"sections": {"ladder": {**HEAD, "trials": trials, "kept": {"model.qk_norm": "true"}}}})
    assert "| reference | × 1.50 | 1,234 | 5.100 ± 0.141 | 5.000, 5.200 |  |  | S |" in text
    assert "| better | × 1.50 | 1,234 | 4.200 ± 0.283 | 4.000, 4.400 | +0.900 | **kept** | S |" in text
    assert "| worse | × 1.50 | 1,234 | 6.000 ± 0.000 | 6.000, 6.000 | -1.800 | dropped | S |" in text
    assert "Kept: `--model.qk_norm true`" in text


def test_a_comparison_shows_the_gain_of_each_seed():
    trials = [trial("reference", [5.0, 5.2]), trial("recipe.yaml", [4.0, 4.4])]
    text = page({"sections": {"compare": {**HEAD, "trials": trials}}})
    assert "| recipe.yaml | × 1.50 | 1,234 | 4.200 ± 0.283 | 4.000, 4.400 | 0.900 | 0.800 |" in text


def test_what_is_not_tried_has_a_reason():
    text = page({"sections": {}})
    for change in REFUSED:
        assert f"- **{change.name}**: {change.reason}." in text
