"""Learning-rate schedules: pure functions from the step number to the learning rate.

They hold no state, so a resumed run asks for the rate of its step and gets it. The rate of step ``it`` is the one
to use *for* that step, and ``it`` counts from 0: with warm-up, step 0 has the rate 0.

                  warm-up     stable       decay      after
    cosine       0 ↗ max                max ⤵ min     min
    linear       0 ↗ max                max ↘ min     min
    constant     0 ↗ max    max … max
    wsd          0 ↗ max    max … max   max ↘ min     min
    piecewise    a list of segments, each with its own end, rate and shape
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from optim._checks import require_non_negative

Shape = Literal["linear", "cosine", "constant"]
"""How a rate gets from one value to the next: see ``Segment.shape``."""


def cosine_schedule(it: int, max_lr: float, min_lr: float, warmup_iters: int, cosine_cycle_iters: int) -> float:
    """Linear warm-up, then half a period of a cosine down to ``min_lr``.

    With Tw = ``warmup_iters`` and Tc = ``cosine_cycle_iters``::

        it/Tw · max                                                   if it < Tw
        min + ½·(1 + cos(π·(it − Tw)/(Tc − Tw)))·(max − min)          if Tw ≤ it ≤ Tc
        min                                                           if it > Tc

    If Tc = Tw, step Tw has the rate max and the next one min. If Tw = 0, step 0 has the rate max.
    Source: Loshchilov & Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", arXiv:1608.03983,
    equation 5 (without restarts).

    Args:
        it: Step number, from 0.
        max_lr: Rate at the end of the warm-up.
        min_lr: Rate at the end of the cosine and ever after, 0 ≤ ``min_lr`` ≤ ``max_lr``.
        warmup_iters: Tw, the step that reaches ``max_lr``.
        cosine_cycle_iters: Tc, the step that reaches ``min_lr``, counted from step 0; at least ``warmup_iters``.

    Returns:
        The learning rate.

    Raises:
        ValueError: An argument is negative or NaN, ``min_lr`` > ``max_lr`` or Tw > Tc.
    """
    _check(it, max_lr, min_lr, {"warmup_iters": warmup_iters, "cosine_cycle_iters": cosine_cycle_iters})
    if it < warmup_iters:
        return it / warmup_iters * max_lr
    return _between(it, warmup_iters, cosine_cycle_iters, max_lr, min_lr, "cosine")


def linear_schedule(it: int, max_lr: float, min_lr: float, warmup_iters: int, cosine_cycle_iters: int) -> float:
    """Linear warm-up, then a straight line down to ``min_lr``.

    The arguments are those of ``cosine_schedule``, under the same names, so that one can stand in for the other.
    With Tw = ``warmup_iters`` and Tc = ``cosine_cycle_iters``::

        it/Tw · max                                                   if it < Tw
        max − (it − Tw)/(Tc − Tw)·(max − min)                         if Tw ≤ it ≤ Tc
        min                                                           if it > Tc

    Args:
        it: Step number, from 0.
        max_lr: Rate at the end of the warm-up.
        min_lr: Rate at the end of the line and ever after, 0 ≤ ``min_lr`` ≤ ``max_lr``.
        warmup_iters: Tw, the step that reaches ``max_lr``.
        cosine_cycle_iters: Tc, the step that reaches ``min_lr``, counted from step 0; at least ``warmup_iters``.

    Returns:
        The learning rate.

    Raises:
        ValueError: An argument is negative or NaN, ``min_lr`` > ``max_lr`` or Tw > Tc.
    """
    _check(it, max_lr, min_lr, {"warmup_iters": warmup_iters, "cosine_cycle_iters": cosine_cycle_iters})
    if it < warmup_iters:
        return it / warmup_iters * max_lr
    return _between(it, warmup_iters, cosine_cycle_iters, max_lr, min_lr, "linear")


def constant_schedule(it: int, max_lr: float, warmup_iters: int) -> float:
    """Linear warm-up ``it/warmup_iters · max_lr``, then ``max_lr`` for ever.

    Args:
        it: Step number, from 0.
        max_lr: Rate at the end of the warm-up and ever after, at least 0.
        warmup_iters: The step that reaches ``max_lr``; 0 for no warm-up.

    Returns:
        The learning rate.

    Raises:
        ValueError: An argument is negative or NaN.
    """
    _check(it, max_lr, 0.0, {"warmup_iters": warmup_iters})
    return it / warmup_iters * max_lr if it < warmup_iters else max_lr


def wsd_schedule(
    it: int,
    max_lr: float,
    min_lr: float,
    warmup_iters: int,
    decay_start: int,
    decay_end: int,
    shape: Literal["linear", "cosine"] = "linear",
) -> float:
    """Warm-up, stable, decay: linear warm-up, a long stretch at ``max_lr``, a short fall to ``min_lr``.

    The stretch does not depend on where the run will end: a run can be prolonged, or decayed from any checkpoint.
    With Tw, Ts, Te = ``warmup_iters``, ``decay_start``, ``decay_end``::

        it/Tw · max                                                   if it < Tw
        max                                                           if Tw ≤ it ≤ Ts
        min + f((it − Ts)/(Te − Ts))·(max − min)                      if Ts < it ≤ Te
        min                                                           if it > Te

    with f(x) = 1 − x (linear) or ½·(1 + cos(π·x)) (cosine).
    Source: Hu et al. 2024, "MiniCPM: Unveiling the Potential of Small Language Models with Scalable Training
    Strategies", arXiv:2404.06395, section 4, which leaves f open and uses an exponential one.

    Args:
        it: Step number, from 0.
        max_lr: Rate of the stable stretch.
        min_lr: Rate at the end of the decay and ever after, 0 ≤ ``min_lr`` ≤ ``max_lr``.
        warmup_iters: Tw, the step that reaches ``max_lr``.
        decay_start: Ts, the last step at ``max_lr``, at least Tw.
        decay_end: Te, the step that reaches ``min_lr``, at least Ts.
        shape: f, the shape of the decay.

    Returns:
        The learning rate.

    Raises:
        ValueError: An argument is negative or NaN, ``min_lr`` > ``max_lr``, not Tw ≤ Ts ≤ Te, or the shape is unknown.
    """
    _check(it, max_lr, min_lr, {"warmup_iters": warmup_iters, "decay_start": decay_start, "decay_end": decay_end})
    if shape not in ("linear", "cosine"):
        raise ValueError(f"shape is {shape!r}, but the decay can be 'linear' or 'cosine': choose one of these")
    if it < warmup_iters:
        return it / warmup_iters * max_lr
    return _between(it, decay_start, decay_end, max_lr, min_lr, shape)


@dataclass(frozen=True)
class Segment:
    """One stretch of a piecewise schedule: from where the one before ends, to ``until_step``.

    Raises:
        ValueError: ``until_step`` is not at least 1, ``to_lr`` is negative or not finite, or the shape is unknown.
    """

    until_step: int
    """The step that ends the segment and already belongs to the next one."""

    to_lr: float
    """The rate that the segment reaches at ``until_step``, at least 0."""

    shape: Shape = "linear"
    """``linear`` and ``cosine`` lead from the rate before to ``to_lr``; ``constant`` is ``to_lr`` all along, with a
    jump at its first step if the rate before was another."""

    def __post_init__(self) -> None:
        if not self.until_step >= 1:
            raise ValueError(f"until_step is {self.until_step!r}, but it must be at least 1: leave empty segments out")
        require_non_negative("to_lr", self.to_lr, "give the rate at the segment's end")
        if self.shape not in get_args(Shape):
            raise ValueError(f"shape is {self.shape!r}, but the known ones are {get_args(Shape)}: choose one of these")


def piecewise_schedule(it: int, segments: Sequence[Segment], start_lr: float = 0.0) -> float:
    """Follow one segment after the other; after the last one, stay at its ``to_lr``.

    Warm-up over 100 steps, stable to step 900, decay to a tenth at step 1000:

    >>> plan = [Segment(100, 1e-3), Segment(900, 1e-3, "constant"), Segment(1000, 1e-4, "cosine")]
    >>> [piecewise_schedule(it, plan) for it in (0, 50, 100, 899, 1000, 5000)]
    [0.0, 0.0005, 0.001, 0.001, 0.0001, 0.0001]

    Args:
        it: Step number, from 0.
        segments: At least one, by rising ``until_step``.
        start_lr: Rate at step 0, where the first segment starts; at least 0.

    Returns:
        The learning rate.

    Raises:
        ValueError: ``it`` or ``start_lr`` is negative or NaN, or the segments are missing or out of order.
    """
    _check_step(it)
    require_non_negative("start_lr", start_lr, "give the rate at step 0")
    ends = [segment.until_step for segment in segments]
    if not ends:
        raise ValueError("segments is empty, but a schedule needs at least one: add a Segment(until_step, to_lr)")
    if any(later <= earlier for earlier, later in pairwise(ends)):
        raise ValueError(f"the segments end at the steps {ends}, but each must end after the one before: sort them")

    from_step, from_lr = 0, start_lr
    for segment in segments:
        if it < segment.until_step:
            return _between(it, from_step, segment.until_step, from_lr, segment.to_lr, segment.shape)
        from_step, from_lr = segment.until_step, segment.to_lr
    return from_lr


def _between(it: int, start: int, end: int, start_lr: float, end_lr: float, shape: Shape) -> float:
    """Lead from ``start_lr``, up to step ``start``, to ``end_lr``, from step ``end`` on."""
    if shape == "constant" or it > end:
        return end_lr
    if it <= start:  # before the division, which would be 0/0 if end = start
        return start_lr
    progress = (it - start) / (end - start)
    left = 1 - progress if shape == "linear" else (1 + math.cos(math.pi * progress)) / 2
    return left * start_lr + (1 - left) * end_lr  # both ends are met exactly: 0·a + 1·b is b


def _check(it: int, max_lr: float, min_lr: float, milestones: dict[str, int]) -> None:
    """Refuse a bad step number, bad rates, or milestones (steps by their argument's name) that are not in order."""
    _check_step(it)
    require_non_negative("max_lr", max_lr, "give the highest rate of the schedule")
    require_non_negative("min_lr", min_lr, "give the lowest rate of the schedule, or 0")
    if min_lr > max_lr:
        raise ValueError(f"min_lr is {min_lr!r}, but it must be at most max_lr = {max_lr!r}: swap or change them")

    bound, bound_name = 0, ""
    for name, step in milestones.items():
        if not step >= bound:
            raise ValueError(f"{name} is {step!r}, but it must be at least {bound_name}{bound!r}: correct the order")
        bound, bound_name = step, f"{name} = "


def _check_step(it: int) -> None:
    """Refuse a step number below 0."""
    if not it >= 0:  # this way round it refuses NaN as well
        raise ValueError(f"it is {it!r}, but it must be at least 0: count the steps from 0")
