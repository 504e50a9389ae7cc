"""Learning-rate schedules: pure functions from the step number to the learning rate.

They have no state, so a resumed run needs only the number of its step. The rate of step ``it`` is the one
to use *for* that step, and ``it`` counts from 0: with warm-up, step 0 has the rate 0. The module does not load torch.

                  warm-up     stable       decay      after
    cosine       0 ↗ max                max ⤵ min     min
    linear       0 ↗ max                max ↘ min     min
    constant     0 ↗ max    max … max
    wsd          0 ↗ max    max … max   max ↘ min     min
    piecewise    a list of segments, each with its own last step, rate and shape
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NoReturn, get_args

from optim._checks import require_non_negative
from optim.choices import Shape


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
        min_lr: Rate at the end of the cosine and after it, 0 ≤ ``min_lr`` ≤ ``max_lr``.
        warmup_iters: Tw, the step that reaches ``max_lr``.
        cosine_cycle_iters: Tc, the step that reaches ``min_lr``, counted from step 0; at least ``warmup_iters``.

    Returns:
        The learning rate.

    Raises:
        ValueError: An argument is negative or NaN, ``min_lr`` > ``max_lr`` or Tw > Tc.
    """
    if not (it >= 0 and 0 <= min_lr <= max_lr < math.inf and 0 <= warmup_iters <= cosine_cycle_iters):
        _refuse(it, max_lr, min_lr, {"warmup_iters": warmup_iters, "cosine_cycle_iters": cosine_cycle_iters})
    if it < warmup_iters:
        return it / warmup_iters * max_lr
    return _interpolate(it, warmup_iters, cosine_cycle_iters, max_lr, min_lr, "cosine")


def linear_schedule(it: int, max_lr: float, min_lr: float, warmup_iters: int, cosine_cycle_iters: int) -> float:
    """Linear warm-up, then a straight line down to ``min_lr``.

    The arguments have the names of those of ``cosine_schedule``, so that one can replace the other.
    With Tw = ``warmup_iters`` and Tc = ``cosine_cycle_iters``::

        it/Tw · max                                                   if it < Tw
        max − (it − Tw)/(Tc − Tw)·(max − min)                         if Tw ≤ it ≤ Tc
        min                                                           if it > Tc

    Args:
        it: Step number, from 0.
        max_lr: Rate at the end of the warm-up.
        min_lr: Rate at the end of the line and after it, 0 ≤ ``min_lr`` ≤ ``max_lr``.
        warmup_iters: Tw, the step that reaches ``max_lr``.
        cosine_cycle_iters: Tc, the step that reaches ``min_lr``, counted from step 0; at least ``warmup_iters``.

    Returns:
        The learning rate.

    Raises:
        ValueError: An argument is negative or NaN, ``min_lr`` > ``max_lr`` or Tw > Tc.
    """
    if not (it >= 0 and 0 <= min_lr <= max_lr < math.inf and 0 <= warmup_iters <= cosine_cycle_iters):
        _refuse(it, max_lr, min_lr, {"warmup_iters": warmup_iters, "cosine_cycle_iters": cosine_cycle_iters})
    if it < warmup_iters:
        return it / warmup_iters * max_lr
    return _interpolate(it, warmup_iters, cosine_cycle_iters, max_lr, min_lr, "linear")


def constant_schedule(it: int, max_lr: float, warmup_iters: int) -> float:
    """Linear warm-up ``it/warmup_iters · max_lr``, then ``max_lr``.

    Args:
        it: Step number, from 0.
        max_lr: Rate from the end of the warm-up on, at least 0.
        warmup_iters: The step that reaches ``max_lr``; 0 for no warm-up.

    Returns:
        The learning rate.

    Raises:
        ValueError: An argument is negative or NaN.
    """
    if not (it >= 0 and 0 <= max_lr < math.inf and warmup_iters >= 0):
        _refuse(it, max_lr, 0.0, {"warmup_iters": warmup_iters})
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
    """Warm-up, stable, decay: linear warm-up, a long stable phase at ``max_lr``, a short decay to ``min_lr``.

    The stable phase does not depend on the length of the run: a run can be extended, or decayed from any checkpoint.
    With Tw, Ts, Te = ``warmup_iters``, ``decay_start``, ``decay_end``::

        it/Tw · max                                                   if it < Tw
        max                                                           if Tw ≤ it ≤ Ts
        min + f((it − Ts)/(Te − Ts))·(max − min)                      if Ts < it ≤ Te
        min                                                           if it > Te

    with f(x) = 1 − x (linear) or ½·(1 + cos(π·x)) (cosine).
    Source: Hu et al. 2024, "MiniCPM: Unveiling the Potential of Small Language Models with Scalable Training
    Strategies", arXiv:2404.06395, section 4, which allows any f and uses an exponential one.

    Args:
        it: Step number, from 0.
        max_lr: Rate of the stable phase.
        min_lr: Rate at the end of the decay and after it, 0 ≤ ``min_lr`` ≤ ``max_lr``.
        warmup_iters: Tw, the step that reaches ``max_lr``.
        decay_start: Ts, the last step at ``max_lr``, at least Tw.
        decay_end: Te, the step that reaches ``min_lr``, at least Ts.
        shape: f, the shape of the decay.

    Returns:
        The learning rate.

    Raises:
        ValueError: An argument is negative or NaN, ``min_lr`` > ``max_lr``, not Tw ≤ Ts ≤ Te, or the shape is unknown.
    """
    if not (it >= 0 and 0 <= min_lr <= max_lr < math.inf and 0 <= warmup_iters <= decay_start <= decay_end):
        _refuse(it, max_lr, min_lr, {"warmup_iters": warmup_iters, "decay_start": decay_start, "decay_end": decay_end})
    if shape not in ("linear", "cosine"):
        raise ValueError(f"shape is {shape!r}, but the decay can be 'linear' or 'cosine': choose one of these")
    if it < warmup_iters:
        return it / warmup_iters * max_lr
    return _interpolate(it, decay_start, decay_end, max_lr, min_lr, shape)


@dataclass(frozen=True)
class Segment:
    """One segment of a piecewise schedule: from the end of the segment before to ``until_step``.

    Raises:
        ValueError: ``until_step`` is not at least 1, ``to_lr`` is negative or not finite, or the shape is unknown.
    """

    until_step: int
    """The end of the segment: the first step of the next one."""

    to_lr: float
    """The rate that the segment reaches at ``until_step``, at least 0."""

    shape: Shape = "linear"
    """``linear`` and ``cosine`` go from the previous rate to ``to_lr``; ``constant`` is ``to_lr`` throughout, with a
    jump at its first step if the previous rate was different."""

    def __post_init__(self) -> None:
        if not self.until_step >= 1:
            raise ValueError(f"until_step is {self.until_step!r}, but it must be at least 1: remove empty segments")
        require_non_negative("to_lr", self.to_lr, "give the rate at the segment's end")
        if self.shape not in get_args(Shape):
            raise ValueError(f"shape is {self.shape!r}, but the known ones are {get_args(Shape)}: choose one of these")


def piecewise_schedule(it: int, segments: Sequence[Segment], start_lr: float = 0.0) -> float:
    """Follow the segments one after the other; after the last one, the rate stays at its ``to_lr``.

    Warm-up over 100 steps, stable to step 900, decay to a tenth at step 1000:

    >>> plan = [Segment(100, 1e-3), Segment(900, 1e-3, "constant"), Segment(1000, 1e-4, "cosine")]
    >>> [piecewise_schedule(it, plan) for it in (0, 50, 100, 899, 1000, 5000)]
    [0.0, 0.0005, 0.001, 0.001, 0.0001, 0.0001]

    Args:
        it: Step number, from 0.
        segments: At least one, in increasing order of ``until_step``.
        start_lr: Rate at step 0, where the first segment starts; at least 0.

    Returns:
        The learning rate.

    Raises:
        ValueError: ``it`` or ``start_lr`` is negative or NaN, or the segments are missing or out of order.
    """
    if not it >= 0:
        _refuse_step(it)
    require_non_negative("start_lr", start_lr, "give the rate at step 0")
    ends = [segment.until_step for segment in segments]
    if not ends:
        raise ValueError("segments is empty, but a schedule needs at least one: add a Segment(until_step, to_lr)")
    if any(later <= earlier for earlier, later in pairwise(ends)):
        raise ValueError(f"the segments end at the steps {ends}, but each must end after the one before: sort them")

    from_step, from_lr = 0, start_lr
    for segment in segments:
        if it < segment.until_step:
            return _interpolate(it, from_step, segment.until_step, from_lr, segment.to_lr, segment.shape)
        from_step, from_lr = segment.until_step, segment.to_lr
    return from_lr


def _interpolate(it: int, start: int, end: int, start_lr: float, end_lr: float, shape: Shape) -> float:
    """Interpolate between ``start_lr``, the rate up to step ``start``, and ``end_lr``, the rate from step ``end``."""
    if shape == "constant" or it > end:
        return end_lr
    if it <= start:  # before the division, which would be 0/0 if end = start
        return start_lr
    progress = (it - start) / (end - start)
    remaining = 1 - progress if shape == "linear" else (1 + math.cos(math.pi * progress)) / 2
    return remaining * start_lr + (1 - remaining) * end_lr  # exact at both ends: 0·a + 1·b is b


def _refuse(it: int, max_lr: float, min_lr: float, milestones: dict[str, int]) -> NoReturn:
    """Raise a ValueError that says which argument is wrong; the schedules call this only if one of them is.

    ``milestones`` are the steps that must be in increasing order, by the names of their arguments.
    """
    if not it >= 0:
        _refuse_step(it)
    require_non_negative("max_lr", max_lr, "give the highest rate of the schedule")
    require_non_negative("min_lr", min_lr, "give the lowest rate of the schedule, or 0")
    if min_lr > max_lr:
        raise ValueError(f"min_lr is {min_lr!r}, but it must be at most max_lr = {max_lr!r}: swap or change them")

    bound, bound_name = 0, ""
    for name, step in milestones.items():
        if not step >= bound:
            raise ValueError(f"{name} is {step!r}, but it must be at least {bound_name}{bound!r}: correct the order")
        bound, bound_name = step, f"{name} = "
    raise AssertionError("all arguments are valid")


def _refuse_step(it: int) -> NoReturn:
    raise ValueError(f"it is {it!r}, but it must be at least 0: count the steps from 0")
