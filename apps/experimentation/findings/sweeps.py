"""Findings about sweeps over one setting: batch size, weight decay, warm-up."""

import math
from collections.abc import Sequence
from typing import Literal

from experimentation.findings.finding import Dots, Finding, Measurements, Plot, Table, Verdict, not_run
from experimentation.findings.losses import MemberLosses, difference, losses_of, setting

_LOSS = "validation loss (nats per token)"
Swept = Sequence[tuple[float, MemberLosses]]
"""Values of the setting in rising order, with their members."""


def batch_size(measurements: Measurements) -> Finding:
    """Compare batch sizes at a fixed number of tokens.

    Reported: small batches are slow, the largest batch has a higher loss.
    """
    swept = _by_setting(measurements, "training.batch_size")
    best = _best(swept)
    if best is None or len(swept) < 2:
        return not_run("it needs at least two batch sizes of which one does not diverge")
    (best_size, best_member), (largest, last) = best, swept[-1]
    speeds = [(size, member.value("tokens_per_second")) for size, member in swept]
    known = [(size, speed) for size, speed in speeds if speed is not None]
    slow = len(known) > 1 and min(known, key=lambda each: each[1])[0] == swept[0][0]
    gap = difference(last, best_member, measurements)
    worse = largest != best_size and gap.visible
    verdict: Verdict = "reproduced" if slow and worse else "partly reproduced" if slow or worse else "not reproduced"
    sentences = [f"The best of {len(swept)} batch sizes is {best_size:g}, with a loss of {best_member.shown()}."]
    if len(known) > 1:
        fastest = max(known, key=lambda each: each[1])
        sentences.append(
            f"Batches of {known[0][0]:g} are processed at {known[0][1]:,.0f} tokens per second, "
            f"those of {fastest[0]:g}, the fastest, at {fastest[1]:,.0f}."
        )
    if last.diverged:
        sentences.append(f"The largest, {largest:g}, {last.shown()}.")
    elif largest != best_size:
        sentences.append(f"The largest, {largest:g}, is worse by {gap.shown()}{_unseen(gap.visible)}.")
    rows = tuple((f"{size:g}", member.shown(), _count(member.value("tokens_per_second"))) for size, member in swept)
    table = Table(("batch size", "validation loss", "tokens per second"), rows, "Loss and speed by batch size")
    return Finding(" ".join(sentences), verdict, table, _plot("batch size (sequences)", swept, "log"))


def weight_decay(measurements: Measurements) -> Finding:
    """Compare weight decays; nothing was reported elsewhere."""
    return _compared_with_zero(measurements, "optimizer.weight_decay", "weight decay", "no weight decay")


def warmup(measurements: Measurements) -> Finding:
    """Compare lengths of the warm-up; nothing was reported elsewhere."""
    return _compared_with_zero(measurements, "schedule.warmup_fraction", "share of the warm-up", "no warm-up")


def _compared_with_zero(measurements: Measurements, key: str, title: str, zero: str) -> Finding:
    """Compare the values of a setting with its value 0, or with the lowest one."""
    swept = _by_setting(measurements, key)
    best = _best(swept)
    if best is None or len(swept) < 2:
        return not_run(f"it needs at least two values of the {title} of which one does not diverge")
    (value, member), (lowest, first) = best, swept[0]
    without = zero if lowest == 0 else f"{lowest:g}"
    sentences = [f"The best {title} of {len(swept)} is {value:g}, with a loss of {member.shown()}."]
    if first.diverged:
        sentences.append(f"With {without}: {first.shown()}.")
    elif first is not member:
        gap = difference(first, member, measurements)
        sentences.append(f"With {without} the loss is higher by {gap.shown()}{_unseen(gap.visible)}.")
    worst_value, worst = max(swept, key=lambda each: each[1].mean)
    if worst is not first and worst is not member:
        gap = difference(worst, member, measurements)
        shown = worst.shown() if worst.diverged else f"the loss is higher by {gap.shown()}{_unseen(gap.visible)}"
        sentences.append(f"With {worst_value:g}, the worst, {shown}.")
    return Finding(" ".join(sentences), "not comparable", plot=_plot(title, swept, "even"))


def _by_setting(measurements: Measurements, key: str) -> Swept:
    members = ((setting(member, key), member) for member in losses_of(measurements.results))
    return sorted(((value, member) for value, member in members if value is not None), key=lambda each: each[0])


def _best(swept: Swept) -> tuple[float, MemberLosses] | None:
    stable = [each for each in swept if math.isfinite(each[1].mean)]
    return min(stable, key=lambda each: each[1].mean) if stable else None


def _unseen(visible: bool) -> str:
    return "" if visible else ": no difference can be seen"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _plot(x: str, swept: Swept, scale: Literal["log", "even"]) -> Plot:
    stable = tuple((value, member.mean) for value, member in swept if math.isfinite(member.mean))
    return Plot(x, _LOSS, (Dots("", stable),), tuple(value for value, member in swept if member.diverged), scale)
