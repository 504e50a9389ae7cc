"""The learning-rate sweep: the best rate, and the edge beyond which training diverges."""

import math
from collections.abc import Sequence
from itertools import pairwise

from experimentation.findings.finding import Dots, Finding, Measurements, Plot, Table, Verdict, not_run
from experimentation.findings.losses import MemberLosses, difference, listed, losses_of, setting

_ABOVE_GUESSING = 0.1
"""Nats per token by which a validation loss must exceed that of guessing before a run is called unstable."""

Swept = Sequence[tuple[float, MemberLosses]]
"""Rates in rising order, with their members."""


def learning_rate(measurements: Measurements) -> Finding:
    """Find the best rate and the edge of stability.

    Reported: losses fall with the rate up to an edge; beyond it training diverges.
    """
    swept = _by_rate(losses_of(measurements.results))
    if len(swept) < 2:
        return not_run("it needs at least two rates")
    stable = [(rate, member) for rate, member in swept if not member.diverged]
    if not stable:
        return Finding(f"Training diverges at every rate, from {swept[0][0]:g} on.", "not reproduced", _edge(swept))
    best_rate, best = min(stable, key=lambda each: each[1].mean)
    first_diverged = next((rate for rate, member in swept if member.diverged and rate > best_rate), None)
    below = [member for rate, member in stable if rate < best_rate]
    falling = _falling([*below, best], measurements)
    above = [member for rate, member in stable if rate > best_rate]
    worse = any(difference(member, best, measurements).visible for member in above)
    early = [rate for rate, member in swept if member.diverged and rate < best_rate]
    verdict: Verdict = "not reproduced"
    if falling and not early:
        verdict = "reproduced" if first_diverged is not None else "partly reproduced" if worse else "not reproduced"
    sentence = " ".join(
        [
            f"The best of {len(swept)} rates is {best_rate:g}, with a loss of {best.shown()}.",
            _below(below, falling=falling),
            _beyond(best_rate, first_diverged, above[-1] if worse else None),
            *_unstable(swept),
            *([f"Training also diverges below it, at {early[0]:g}."] if early else []),
        ]
    )
    return Finding(sentence, verdict, _edge(swept), _plot(swept))


def _by_rate(members: Sequence[MemberLosses]) -> Swept:
    rates = ((setting(member, "schedule.max_lr"), member) for member in members)
    return sorted(((rate, member) for rate, member in rates if rate is not None), key=lambda each: each[0])


def _falling(members: Sequence[MemberLosses], measurements: Measurements) -> bool:
    """Return whether each loss is lower than that of the next lower rate, or not visibly different."""
    gaps = [difference(after, before, measurements) for before, after in pairwise(members)]
    return bool(gaps) and all(gap.value < 0 or not gap.visible for gap in gaps)


def _below(below: Sequence[MemberLosses], *, falling: bool) -> str:
    if not below:
        return "No lower rate was tried."
    return f"Below it, the loss {'falls as the rate rises' if falling else 'does not fall steadily as the rate rises'}."


def _beyond(best_rate: float, first_diverged: float | None, worse: MemberLosses | None) -> str:
    """Return what happens above the best rate."""
    higher = "" if worse is None else f"Above it, the loss rises, to {worse.shown()}. "
    if first_diverged is None:
        return f"{higher or 'No higher rate is worse: the sweep does not reach the edge. '}No rate diverges."
    ratio = first_diverged / best_rate
    return f"{higher}Training diverges from {first_diverged:g} on, {ratio:.3g} times the best rate."


def _unstable(swept: Swept) -> list[str]:
    """Return a sentence about the rates at which the loss rises above that of guessing and falls again."""
    risen = [(rate, highest) for rate, member in swept if (highest := _highest_above_guessing(member)) is not None]
    if not risen:
        return []
    at = listed([f"{rate:g}" for rate, _ in risen])
    to = listed([f"{loss:.3f}" for _, loss in risen])
    return [
        f"At {at} training is unstable: the loss rises above that of guessing among the vocabulary, to {to}, and "
        "falls again when the schedule lowers the rate."
    ]


def _highest_above_guessing(member: MemberLosses) -> float | None:
    """Return the highest validation loss of a member that did not diverge; None if it is not above guessing."""
    guessing = member.value("guessing_loss")
    losses = [loss for result in member.results for loss in result.curves.get("valid_loss", {}).get("value", ())]
    if guessing is None or not losses or member.diverged:
        return None
    return highest if (highest := max(losses)) > guessing + _ABOVE_GUESSING else None


def _edge(swept: Swept) -> Table:
    """Return the edge-of-stability table."""
    best = min((member.mean for _, member in swept), default=math.inf)
    best_rate = next((rate for rate, member in swept if member.mean == best), math.nan) if best < math.inf else math.nan
    rows = []
    for rate, member in swept:
        relative = "" if math.isnan(best_rate) else f"{rate / best_rate:.3g}"
        if member.diverged:
            state = "diverged"
        elif rate == best_rate:
            state = "best"
        elif (highest := _highest_above_guessing(member)) is not None:
            state = f"unstable, up to {highest:.3f}"
        else:
            state = "stable"
        gap = "" if member.mean == math.inf else f"{member.mean - best:+.3f}"
        rows.append((f"{rate:g}", relative, member.shown(), gap, state))
    head = ("rate", "multiple of the best rate", "validation loss", "above the best", "state")
    return Table(head, tuple(rows), "Edge of stability")


def _plot(swept: Swept) -> Plot:
    stable = tuple((rate, member.mean) for rate, member in swept if not member.diverged)
    crosses = tuple(rate for rate, member in swept if member.diverged)
    return Plot("peak learning rate", "validation loss (nats per token)", (Dots("", stable),), crosses, scale="log")
