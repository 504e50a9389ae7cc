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


def test_a_new_level_is_no_spike_for_ever():
    detector = SpikeDetector(threshold=6.0, window=20)
    spikes = [detector.saw(2.0 if i < 30 else 3.0) for i in range(200)]
    assert spikes.index(True) == 30
    assert sum(spikes) == 10


def test_the_count_goes_on_from_what_was_saved():
    guard = NonFiniteGuard(limit=3)
    for step, finite in enumerate([False, True, False, False], start=1):
        guard.saw(step, finite=finite)
    later = NonFiniteGuard(limit=3)
    later.go_on(guard.state())
    assert later == guard
    with pytest.raises(DivergedError, match="the 3 steps 3 to 5"):
        later.saw(5, finite=False)
    NonFiniteGuard(limit=3).go_on({})  # of an older checkpoint


@pytest.mark.parametrize(
    "state", [{"skipped_steps": None}, {"skipped_steps": -1}, {"skipped_in_a_row": 3}, {"skipped_in_a_row": ["1"]}]
)
def test_a_saved_count_that_is_none_is_refused(state):
    with pytest.raises(ValueError, match="tells of skipped steps in another way"):
        NonFiniteGuard(limit=3).go_on(state)
