"""The schedules: points computed by hand, and properties that hold at every step."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from optim import (
    Segment,
    constant_schedule,
    cosine_schedule,
    linear_schedule,
    piecewise_schedule,
    wsd_schedule,
)

SHAPES = ["linear", "cosine", "constant"]


def decaying(name, it, max_lr, min_lr, warmup, start, end):
    """Any of the schedules that decay once; those without a stable phase decay from the end of the warm-up."""
    if name == "cosine":
        return cosine_schedule(it, max_lr, min_lr, warmup, end)
    if name == "linear":
        return linear_schedule(it, max_lr, min_lr, warmup, end)
    return wsd_schedule(it, max_lr, min_lr, warmup, start, end, shape=name.removeprefix("wsd-"))


NAMES = ["cosine", "linear", "wsd-linear", "wsd-cosine"]
rate = st.just(0.0) | st.floats(1e-9, 10)  # smaller numbers have no relative tolerance
rates = st.tuples(rate, rate).map(lambda pair: (max(pair), min(pair)))
milestones = st.lists(st.integers(0, 60), min_size=3, max_size=3).map(sorted)

# --- points ---------------------------------------------------------------------------------------------------------

# 0.1 + 0.45·(1 + cos(k·π/14)) for k = 0 … 14, from the cosine's power series in 40-digit decimal arithmetic.
COSINE_7_TO_21 = [
    1.0,
    0.988717560482,
    0.955435990556,
    0.901824167111,
    0.830570410836,
    0.745247682603,
    0.650134420280,
    0.55,
    0.449865579720,
    0.354752317397,
    0.269429589164,
    0.198175832889,
    0.144564009444,
    0.111282439518,
    0.1,
]


def test_cosine_points():
    expected = [it / 7 for it in range(7)] + COSINE_7_TO_21 + [0.1] * 4
    assert [cosine_schedule(it, 1.0, 0.1, 7, 21) for it in range(26)] == pytest.approx(expected, abs=1e-12)


def test_linear_points():
    rates_seen = [linear_schedule(it, 1.0, 0.2, 2, 6) for it in range(9)]
    assert rates_seen == pytest.approx([0.0, 0.5, 1.0, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2], abs=1e-15)


def test_constant_points():
    assert [constant_schedule(it, 0.8, 4) for it in range(7)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.8])
    assert constant_schedule(0, 0.8, 0) == 0.8


def test_wsd_points():
    linear = [wsd_schedule(it, 1.0, 0.2, 2, 4, 8) for it in range(11)]
    assert linear == pytest.approx([0, 0.5, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2])
    # cos(π/3) = ½ and cos(2π/3) = −½: three quarters and one quarter of the way remain.
    cosine = [wsd_schedule(it, 1.0, 0.2, 0, 1, 4, shape="cosine") for it in range(6)]
    assert cosine == pytest.approx([1, 1, 0.8, 0.4, 0.2, 0.2])


def test_piecewise_points():
    plan = [Segment(2, 1.0), Segment(4, 1.0, "constant"), Segment(7, 0.2, "cosine"), Segment(9, 0.0, "linear")]
    seen = [piecewise_schedule(it, plan) for it in range(12)]
    assert seen == pytest.approx([0, 0.5, 1, 1, 1, 0.8, 0.4, 0.2, 0.1, 0, 0, 0])


def test_piecewise_start_and_upward_cosine():
    plan = [Segment(3, 1.0, "cosine")]
    assert [piecewise_schedule(it, plan, start_lr=0.6) for it in range(5)] == pytest.approx([0.6, 0.7, 0.9, 1, 1])


def test_constant_segments_jump_at_their_first_step():
    plan = [Segment(2, 0.5, "constant"), Segment(4, 0.1, "constant"), Segment(6, 0.3, "linear")]
    seen = [piecewise_schedule(it, plan) for it in range(8)]
    assert seen == pytest.approx([0.5, 0.5, 0.1, 0.1, 0.1, 0.2, 0.3, 0.3])


def test_decay_of_length_zero_peaks_for_one_step():
    for schedule in (cosine_schedule, linear_schedule):
        assert [schedule(it, 1.0, 0.1, 2, 2) for it in range(5)] == [0.0, 0.5, 1.0, 0.1, 0.1]
        assert [schedule(it, 1.0, 0.1, 0, 0) for it in range(3)] == [1.0, 0.1, 0.1]
        assert schedule(0, 1.0, 0.1, 0, 4) == 1.0


# --- properties ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@given(rates=rates, steps=milestones)
@settings(deadline=None)
def test_rises_then_stays_then_falls_within_its_bounds(name, rates, steps):
    (max_lr, min_lr), (warmup, start, end) = rates, steps
    if not name.startswith("wsd"):
        start = warmup
    path = [decaying(name, it, max_lr, min_lr, warmup, start, end) for it in range(end + 5)]
    slack = 1e-12 * max_lr
    assert path[0] == (0 if warmup else max_lr)
    assert all(a <= b + slack for a, b in pairwise(path[: warmup + 1]))
    assert path[warmup : start + 1] == [max_lr] * (start + 1 - warmup)
    assert all(a >= b - slack for a, b in pairwise(path[start:]))
    assert all(min_lr - slack <= lr <= max_lr + slack for lr in path[warmup:])
    assert path[end + 1 :] == [min_lr] * 4
    if end > start:
        assert path[end] == min_lr


@pytest.mark.parametrize("name", NAMES)
@given(rates=rates, steps=milestones)
@settings(deadline=None)
def test_has_no_jumps(name, rates, steps):
    (max_lr, min_lr), (warmup, start, end) = rates, steps
    if not name.startswith("wsd"):
        start = warmup
    if end == start:
        end += 1
    path = [decaying(name, it, max_lr, min_lr, warmup, start, end) for it in range(end + 3)]
    rise = max_lr / max(warmup, 1)
    fall = math.pi / 2 * (max_lr - min_lr) / (end - start)  # a cosine is steepest in the middle, π/2 times a line
    for it, (a, b) in enumerate(pairwise(path)):
        assert abs(b - a) <= (rise if it < warmup else fall) + 1e-12 * max_lr


@given(rates=rates, steps=milestones, it=st.integers(0, 100))
@settings(deadline=None)
def test_schedules_are_special_cases_of_each_other(rates, steps, it):
    (max_lr, min_lr), (warmup, start, end) = rates, steps
    warmup, start, end = warmup + 1, start + 2, end + 3  # so that no segment is empty
    plan = [Segment(warmup, max_lr), Segment(start, max_lr, "constant"), Segment(end, min_lr, "cosine")]
    wsd = wsd_schedule(it, max_lr, min_lr, warmup, start, end, shape="cosine")
    assert piecewise_schedule(it, plan) == pytest.approx(wsd, rel=1e-12, abs=1e-12)
    assert cosine_schedule(it, max_lr, min_lr, warmup, end) == wsd_schedule(
        it, max_lr, min_lr, warmup, warmup, end, shape="cosine"
    )
    assert linear_schedule(it, max_lr, max_lr, warmup, end) == pytest.approx(constant_schedule(it, max_lr, warmup))


@given(rates=rates, steps=milestones, it=st.integers(0, 100))
@settings(deadline=None)
def test_cosine_is_its_formula(rates, steps, it):
    (max_lr, min_lr), (warmup, _, end) = rates, steps
    end += 1
    if it < warmup:
        expected = it / warmup * max_lr
    elif it <= end:
        # ½·(1 + cos x) = cos²(x/2)
        expected = min_lr + math.cos(math.pi / 2 * (it - warmup) / (end - warmup)) ** 2 * (max_lr - min_lr)
    else:
        expected = min_lr
    assert cosine_schedule(it, max_lr, min_lr, warmup, end) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@st.composite
def plans(draw):
    """Lists of segments in increasing order of their steps."""
    ends = sorted(draw(st.sets(st.integers(1, 50), min_size=1, max_size=5)))
    return [Segment(end, draw(rate), draw(st.sampled_from(SHAPES))) for end in ends]


@given(plan=plans(), start_lr=rate)
@settings(deadline=None)
def test_piecewise_reaches_its_ends_and_stays_between_them(plan, start_lr):
    last = plan[-1]
    assert {piecewise_schedule(it, plan, start_lr) for it in range(last.until_step, last.until_step + 5)} == {
        last.to_lr
    }
    step, lr = 0, start_lr
    for segment in plan:
        path = [piecewise_schedule(it, plan, start_lr) for it in range(step, segment.until_step)]
        if segment.shape == "constant":
            assert set(path) == {segment.to_lr}
        else:
            assert path[0] == lr
            low, high = sorted((lr, segment.to_lr))
            assert all(low - 1e-12 <= seen <= high + 1e-12 for seen in path)
            assert path == pytest.approx(sorted(path, reverse=lr > segment.to_lr), abs=1e-12)
        step, lr = segment.until_step, segment.to_lr


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [cosine_schedule, linear_schedule])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1.0, 0.1, 7, 21), "it is -1, but it must be at least 0"),
        ((math.nan, 1.0, 0.1, 7, 21), "it is nan, but"),
        ((0, math.nan, 0.1, 7, 21), "max_lr is nan, but it must be finite and at least 0"),
        ((0, math.inf, 0.1, 7, 21), "max_lr is inf, but"),
        ((0, 1.0, math.nan, 7, 21), "min_lr is nan, but"),
        ((0, 1.0, -0.1, 7, 21), r"min_lr is -0\.1, but it must be finite and at least 0"),
        ((0, 1.0, 1.5, 7, 21), r"min_lr is 1\.5, but it must be at most max_lr = 1\.0"),
        ((0, 1.0, 0.1, -7, 21), "warmup_iters is -7, but it must be at least 0"),
        ((0, 1.0, 0.1, math.nan, 21), "warmup_iters is nan, but"),
        ((0, 1.0, 0.1, 22, 21), "cosine_cycle_iters is 21, but it must be at least warmup_iters = 22"),
        ((0, 1.0, 0.1, 7, math.nan), "cosine_cycle_iters is nan, but"),
    ],
)
def test_cosine_and_linear_refuse_bad_arguments(schedule, arguments, message):
    with pytest.raises(ValueError, match=message):
        schedule(*arguments)


numbers = st.integers(-2, 9) | st.floats() | st.just(0)


@given(it=numbers, max_lr=numbers, min_lr=numbers, steps=st.tuples(numbers, numbers, numbers))
@settings(deadline=None)
def test_arguments_are_accepted_or_refused_with_a_message(it, max_lr, min_lr, steps):
    rates_are_valid = 0 <= min_lr <= max_lr < math.inf
    for schedule, arguments, valid in [
        (cosine_schedule, (max_lr, min_lr, *steps[:2]), rates_are_valid and 0 <= steps[0] <= steps[1]),
        (linear_schedule, (max_lr, min_lr, *steps[:2]), rates_are_valid and 0 <= steps[0] <= steps[1]),
        (constant_schedule, (max_lr, steps[0]), 0 <= max_lr < math.inf and steps[0] >= 0),
        (wsd_schedule, (max_lr, min_lr, *steps), rates_are_valid and 0 <= steps[0] <= steps[1] <= steps[2]),
    ]:
        if valid and it >= 0:
            schedule(it, *arguments)
        else:
            with pytest.raises(ValueError, match="but it must be"):
                schedule(it, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-2, 1.0, 7), "it is -2, but"),
        ((0, -1.0, 7), r"max_lr is -1\.0, but"),
        ((0, 1.0, -7), "warmup_iters is -7, but"),
    ],
)
def test_constant_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        constant_schedule(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1.0, 0.1, 2, 5, 9), "it is -1, but"),
        ((0, 1.0, 2.0, 2, 5, 9), r"min_lr is 2\.0, but it must be at most max_lr"),
        ((0, 1.0, 0.1, 6, 5, 9), "decay_start is 5, but it must be at least warmup_iters = 6"),
        ((0, 1.0, 0.1, 2, 5, 4), "decay_end is 4, but it must be at least decay_start = 5"),
        ((0, 1.0, 0.1, 2, 5, 9, "constant"), "shape is 'constant', but the decay can be 'linear' or 'cosine'"),
    ],
)
def test_wsd_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        wsd_schedule(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1.0), "until_step is 0, but it must be at least 1"),
        ((-5, 1.0), "until_step is -5, but"),
        ((5, -1.0), r"to_lr is -1\.0, but it must be finite and at least 0"),
        ((5, math.nan), "to_lr is nan, but"),
        ((5, 1.0, "square"), "shape is 'square', but the known ones are .*'linear', 'cosine', 'constant'"),
    ],
)
def test_segments_refuse_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Segment(*arguments)


def test_segments_are_frozen():
    with pytest.raises(AttributeError, match="cannot assign to field 'to_lr'"):
        Segment(5, 1.0).to_lr = 2.0


@pytest.mark.parametrize(
    ("it", "ends", "start_lr", "message"),
    [
        (-1, [5], 0.0, "it is -1, but"),
        (0, [], 0.0, "segments is empty, but a schedule needs at least one"),
        (0, [5, 3], 0.0, r"end at the steps \[5, 3\], but each must end after the one before"),
        (0, [5, 5], 0.0, r"end at the steps \[5, 5\], but"),
        (0, [5], -1.0, r"start_lr is -1\.0, but"),
        (0, [5], math.nan, "start_lr is nan, but"),
    ],
)
def test_piecewise_refuses_bad_arguments(it, ends, start_lr, message):
    with pytest.raises(ValueError, match=message):
        piecewise_schedule(it, [Segment(end, 1.0) for end in ends], start_lr=start_lr)
