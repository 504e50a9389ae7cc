"""What it costs to run the members that are not finished: FLOPs, and hours where a speed is known.

Only training counts. Evaluation, the time to start a process, and members that do not train come on top.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from experimentation.member import finished_result
from experimentation.planning import TRAINING, PlannedMember
from experimentation.running import missing_members, weight
from experimentation.scales import Scale
from nn.accounting import training_seconds

_H100_FLOPS = 989.4e12
"""Per second, dense, in bfloat16: the datasheet of the H100 SXM."""
_HOUR = 3600


@dataclass(frozen=True)
class Speed:
    """How fast members have been trained."""

    flops_per_second: float
    """Of one member, while as many ran at once as then did."""
    members: int
    """From how many finished ones it is known."""


@dataclass(frozen=True)
class Cost:
    """What the members that are not finished cost."""

    members: int
    training: int
    """How many of them train."""
    flops: float
    """Of the whole training of these, also of those that have done a part of it."""


def cost_of(members: Sequence[PlannedMember], directory: Path, scale: Scale) -> Cost:
    """Return what it costs to finish members, and those that they use.

    Args:
        members: the members; a finished one costs nothing.
        directory: where the results are.
        scale: the scale.
    """
    missing = missing_members(members, directory)
    training = [each for each in missing if each.kind == TRAINING]
    return Cost(len(missing), len(training), sum(weight(each, scale) for each in training))


def measured_speed(members: Iterable[PlannedMember], directory: Path) -> Speed | None:
    """Return the speed of the members that have been trained, or None if there are none.

    Diverged ones are not considered: some have stopped after few steps.
    """
    flops, seconds, found = 0.0, 0.0, 0
    for each in {each.fingerprint: each for each in members if each.kind == TRAINING}.values():
        result = finished_result(each, directory)
        if result is not None and result.status == "finished" and result.seconds > 0:
            flops += float(result.values["flops"])
            seconds += result.seconds
            found += 1
    return Speed(flops / seconds, found) if seconds else None


def cost_lines(cost: Cost, scale: Scale, speed: Speed | None, parallel: int, mfu: float) -> list[str]:
    """Return the lines that describe a cost.

    Args:
        cost: the cost.
        scale: the scale; hours on an H100 are those of the scale gpu.
        speed: the speed of finished members.
        parallel: how many members run at once.
        mfu: model FLOPs utilization that is assumed for the H100; 0.3 to 0.5 is common.

    Raises:
        ValueError: `mfu` is not above 0 and at most 1.
    """
    on_h100 = training_seconds(cost.flops, _H100_FLOPS, mfu)
    lines = [f"cost: {cost.members} members are not finished, {cost.training} of them train, {cost.flops:.3e} FLOPs"]
    if not cost.training:
        return lines
    if scale.name == "gpu":
        lines.append(
            f"on an H100: {_hours(on_h100)}, if training reaches {mfu:.0%} of its {_H100_FLOPS / 1e12:g} TFLOP/s in "
            "bfloat16 (an assumption: --mfu sets another)"
        )
    if speed is None:
        lines.append("here: unknown until a member has been trained, which gives the speed")
    else:
        at_once = min(parallel, cost.training)
        lines.append(
            f"here: {_hours(cost.flops / speed.flops_per_second / at_once)}, {at_once} at once, at "
            f"{speed.flops_per_second:.3e} FLOP/s each, the speed of {speed.members} finished members"
        )
    return [*lines, "evaluations, starting processes, and members that do not train are not counted"]


def require_consent(*, given: bool) -> None:
    """Ask in the terminal whether to run what costs so much, unless consent was given on the command line.

    Raises:
        ValueError: the answer is no, or there is no terminal.
    """
    if given:
        return
    if not sys.stdin.isatty():
        raise ValueError("at scale gpu this needs consent to the cost above: add --yes to run it")
    if input("run it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ValueError("nothing was run: answer y, or add --yes")


def _hours(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    return f"about {seconds / _HOUR:.1f} hours" if seconds >= 2 * _HOUR else f"about {seconds / 60:.1f} minutes"
