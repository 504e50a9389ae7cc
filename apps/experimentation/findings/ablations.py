"""Findings about changes of the model, each compared with the base run."""

import math

from experimentation.findings.finding import Finding, Measurements, Verdict, not_run
from experimentation.findings.losses import Difference, MemberLosses, base_member, difference, losses_of

_SAME = 0.015
"""Two losses that differ by less than this share are about the same, as 1.37 and 1.38 are."""


_RATE = "schedule.max_lr"


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
    """Compare a model without RMSNorm with the base run, at the same rate, at a lower one, and at higher ones.

    Reported: it diverges at the rate that is best with RMSNorm; at a tenth it trains, to a higher loss. Where it does
    not diverge at that rate, it may at a higher one at which the model with RMSNorm still trains.
    """
    members = losses_of(measurements.results)
    base = base_member(members)
    without = [member for member in members if member.settings.get("model.norm") == "none"]
    same = next((member for member in without if _RATE not in member.settings), None)
    if base is None or same is None:
        return not_run("it needs the base run and the one without RMSNorm at the same rate")
    normalized = {member.settings.get(_RATE): member for member in members if member not in without}
    pairs = [(same, base)]
    pairs += [(each, normalized.get(each.settings.get(_RATE), base)) for each in without if each is not same]
    gaps = [difference(*pair, measurements) for pair in pairs]
    sentences = [_comparison(*pair, gap) for pair, gap in zip(pairs, gaps, strict=True)]
    lower = [gap for pair, gap in zip(pairs[1:], gaps[1:], strict=True) if pair[1] is base]
    verdict: Verdict = "not reproduced"
    if same.diverged and _worse(gaps[0]):
        trains = bool(lower) and all(_worse(gap) and gap.value < math.inf for gap in lower)
        verdict = "reproduced" if trains else "partly reproduced"
    elif _worse(gaps[0]):
        verdict = "partly reproduced"
        sentences.append("The reported divergence at that rate did not occur, only the higher loss.")
    elif any(other.diverged and not reference.diverged for other, reference in pairs[1:] if reference is not base):
        verdict = "partly reproduced"
        sentences.append("It diverges only at a higher rate, one at which the model with RMSNorm still trains.")
    return Finding(" ".join(sentences), verdict)


def _worse(gap: Difference) -> bool:
    return gap.value > 0 and gap.visible


def _worse_than_base(measurements: Measurements) -> Finding:
    """Compare the variant, at its best rate if there are several, with the base run; reported: it is worse."""
    members = losses_of(measurements.results)
    base = base_member(members)
    variants = [member for member in members if member is not base]
    if base is None or not variants:
        return not_run("it needs the base run and its variant")
    gaps = [difference(variant, base, measurements) for variant in variants]
    sentences = [_comparison(variant, base, gap) for variant, gap in zip(variants, gaps, strict=True)]
    closest = min(gaps, key=lambda gap: gap.value)
    verdict: Verdict = "not reproduced"
    if _worse(closest):
        verdict = "reproduced" if closest.error is not None or math.isinf(closest.value) else "partly reproduced"
    return Finding(" ".join(sentences), verdict)


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
