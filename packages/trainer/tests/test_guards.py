import math
import random

import pytest

from trainer.guards import DivergedError, NonFiniteGuard, SpikeDetector


def test_steps_without_numbers_are_counted_until_there_are_too_many_in_a_row():
    guard = NonFiniteGuard(limit=3)
    for step, finite in enumerate([True, False, False, True, False, True, False, False], start=1):
        guard.saw(step, finite=finite)
    assert guard.skipped == 5
    with pytest.raises(DivergedError, match=r"the 3 steps 7 to 9.*lower schedule.max_lr"):
        guard.saw(9, finite=False)
    assert guard.in_a_row == [7, 8, 9]
    assert guard.skipped == 6


def test_the_first_may_be_the_last():
    with pytest.raises(DivergedError, match="at step 4,"):
        NonFiniteGuard(limit=1).saw(4, finite=False)


def test_a_spike_stands_out_and_is_forgotten():
    rng = random.Random(0)
    detector = SpikeDetector(threshold=6.0, window=20)
    curve = [3 * math.exp(-i / 100) + rng.gauss(0, 0.02) for i in range(200)]
    assert not any(detector.saw(loss) for loss in curve)
    assert detector.saw(curve[-1] + 1.0)
    assert detector.saw(curve[-1] + 1.0)  # again: the first has not raised what is usual
    assert not detector.saw(curve[-1])


def test_nothing_is_a_spike_before_the_window_is_full():
    detector = SpikeDetector(threshold=3.0, window=5)
    assert [detector.saw(loss) for loss in (1.0, 1.0, 1.0, 50.0)] == [False] * 4


def test_a_curve_without_noise_may_wiggle():
    detector = SpikeDetector(threshold=6.0, window=5)
    assert not any(detector.saw(2.0) for _ in range(10))
    assert not detector.saw(2.005)
    assert detector.saw(2.1)
