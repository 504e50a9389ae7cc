import math
import random

import pytest

from trainer.divergence import DivergedError, SkippedSteps, SpikeDetector


def test_skipped_steps_are_counted_until_there_are_too_many_in_a_row():
    skipped = SkippedSteps(limit=3)
    for step, updated in enumerate([True, False, False, True, False, True, False, False], start=1):
        skipped.observe(step, updated=updated)
    assert skipped.count == 5
    with pytest.raises(DivergedError, match=r"the 3 steps 7 to 9.*lower schedule.max_lr"):
        skipped.observe(9, updated=False)
    assert skipped.in_a_row == [7, 8, 9]
    assert skipped.count == 6


def test_a_limit_of_one():
    with pytest.raises(DivergedError, match="at step 4,"):
        SkippedSteps(limit=1).observe(4, updated=False)


def test_a_spike_stands_out_and_is_forgotten():
    rng = random.Random(0)
    detector = SpikeDetector(threshold=6.0, window=20)
    curve = [3 * math.exp(-i / 100) + rng.gauss(0, 0.02) for i in range(200)]
    assert not any(detector.observe(loss) for loss in curve)
    assert detector.observe(curve[-1] + 1.0)
    assert detector.observe(curve[-1] + 1.0)  # again: the first has not raised what is usual
    assert not detector.observe(curve[-1])


def test_nothing_is_a_spike_before_the_window_is_full():
    detector = SpikeDetector(threshold=3.0, window=5)
    assert [detector.observe(loss) for loss in (1.0, 1.0, 1.0, 50.0)] == [False] * 4


def test_small_changes_of_a_smooth_curve_are_not_spikes():
    detector = SpikeDetector(threshold=6.0, window=5)
    assert not any(detector.observe(2.0) for _ in range(10))
    assert not detector.observe(2.005)
    assert detector.observe(2.1)


def test_a_new_level_is_a_spike_only_at_first():
    detector = SpikeDetector(threshold=6.0, window=20)
    spikes = [detector.observe(2.0 if i < 30 else 3.0) for i in range(200)]
    assert spikes.index(True) == 30
    assert sum(spikes) == 10


def test_the_count_continues_from_a_saved_state():
    skipped = SkippedSteps(limit=3)
    for step, updated in enumerate([False, True, False, False], start=1):
        skipped.observe(step, updated=updated)
    later = SkippedSteps(limit=3)
    later.restore(skipped.state())
    assert later == skipped
    with pytest.raises(DivergedError, match="the 3 steps 3 to 5"):
        later.observe(5, updated=False)
    SkippedSteps(limit=3).restore({})  # of an older checkpoint


@pytest.mark.parametrize(
    "state", [{"skipped_steps": None}, {"skipped_steps": -1}, {"skipped_in_a_row": 3}, {"skipped_in_a_row": ["1"]}]
)
def test_an_invalid_saved_count_is_refused(state):
    with pytest.raises(ValueError, match="its counts of skipped steps are"):
        SkippedSteps(limit=3).restore(state)
