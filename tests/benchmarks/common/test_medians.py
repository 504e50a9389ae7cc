"""Medians, and ratios of measurements of the same round."""

import pytest

from benchmarks.common.medians import median_of, median_ratio


def test_the_ratio_is_that_of_measurements_of_the_same_round():
    ours = [{"s": 1.0}, {"s": 10.0}, {"s": 1.0}]
    peer = [{"s": 2.0}, {"s": 20.0}, {"s": 9.0}]
    assert median_ratio(peer, ours, "s") == 2.0  # the ratio of the medians would be 9
    assert median_of(peer, "s") == 9.0
    with pytest.raises(ValueError, match="zip"):
        median_ratio(peer, ours[:2], "s")
