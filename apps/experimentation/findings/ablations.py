"""Findings about changes of the model, each compared with the base run."""

import math

from experimentation.findings.finding import Finding, Measurements, Verdict, not_run
from experimentation.findings.losses import Difference, MemberLosses, base_member, difference, losses_of

_SAME = 0.015
"""Two losses that differ by less than this share are about the same, as 1.37 and 1.38 are."""


def post_norm(measurements: Measurements) -> Finding:
    """Compare post-norm with pre-norm; reported: pre-norm reaches the lower loss."""
    return _worse_than_base(measurements)


def nope(measurements: Measurements) -> Finding:
    """Compare NoPE with RoPE; reported: RoPE reaches the lower loss."""
    return _worse_than_base(measurements)


def silu(measurements: Measurements) -> Finding:
    """Compare SiLU with SwiGLU at equal parameters; reported: about the same loss."""
    base, other = _pair(measurements)
    if base is None or other is None:
        return not_run("it needs the base run and its variant")
    gap = difference(other, base, measurements)
    trained = not base.diverged and not other.diverged
    same = trained and (abs(gap.value) < _SAME * base.mean or not gap.visible)
    verdict: Verdict = "reproduced" if same else "not reproduced"
    return Finding(_comparison(other, base, gap), verdict)


def no_norm(measurements: Measurements) -> Finding:
    """Compare a model without RMSNorm, at the same and at a lower rate, with the base run.

    Reported: it diverges at the rate that is best with RMSNorm; at a tenth it trains, to a higher loss.
    """
    members = losses_of(measurements.results)
    base = base_member(members)
    without = [member for member in members if member.settings.get("model.norm") == "none"]
    same = next((member for member in without if "schedule.max_lr" not in member.settings), None)
    if base is None or same is None:
        return not_run("it needs the base run and the one without RMSNorm at the same rate")
    gap = difference(same, base, measurements)
    sentences = [_comparison(same, base, gap)]
    worse = gap.value > 0 and gap.visible
    slower = [member for member in without if member is not same]
    gaps = [difference(member, base, measurements) for member in slower]
    sentences += [_comparison(member, base, each) for member, each in zip(slower, gaps, strict=True)]
    trains = bool(slower) and all(0 < each.value < math.inf and each.visible for each in gaps)
    verdict: Verdict = "not reproduced"
    if worse:
        verdict = "reproduced" if same.diverged and trains else "partly reproduced"
        if not same.diverged:
            sentences.append("The reported divergence at that rate did not occur, only the higher loss.")
    return Finding(" ".join(sentences), verdict)


def _worse_than_base(measurements: Measurements) -> Finding:
    """Compare the variant with the base run; reported: the base run reaches the lower loss."""
    base, other = _pair(measurements)
    if base is None or other is None:
        return not_run("it needs the base run and its variant")
    gap = difference(other, base, measurements)
    verdict: Verdict = "not reproduced"
    if gap.value > 0 and gap.visible:
        verdict = "reproduced" if gap.error is not None or math.isinf(gap.value) else "partly reproduced"
    return Finding(_comparison(other, base, gap), verdict)


def _pair(measurements: Measurements) -> tuple[MemberLosses | None, MemberLosses | None]:
    members = losses_of(measurements.results)
    base = base_member(members)
    return base, next((member for member in members if member is not base), None)


def _comparison(other: MemberLosses, base: MemberLosses, gap: Difference) -> str:
    """Return the comparison of a variant with the base run as a sentence."""
    if other.diverged or base.diverged:
        return f"{other.name}: {other.shown()}; {base.name}: {base.shown()}."
    if not gap.visible:
        end = f"no difference can be seen, {gap.shown()}"
    else:
        end = f"{'worse' if gap.value > 0 else 'better'} by {gap.shown()}"
    return f"{other.name} reaches {other.shown()}, {base.name} {base.shown()}: {end}."
