"""Findings about single runs: the base run, its seeds, the two corpora, and the optimizers."""

import math
from statistics import fmean, stdev

from experimentation.findings.finding import Finding, Measurements, Table, Verdict, not_run
from experimentation.findings.losses import MemberLosses, base_member, difference, losses_of

_TOLERANCE = 0.02
"""Nats per token by which a final loss may differ from the reported one, which is rounded and of another machine."""


def base(measurements: Measurements) -> Finding:
    """State the loss of the base run; at full size it is compared with the reported one."""
    members = losses_of(measurements.results)
    if not members:
        return not_run("it has no result")
    member = members[0]
    if member.diverged:
        return Finding(f"The base run {member.shown()}.", "not reproduced")
    shown = [f"a validation loss of {member.shown()} nats per token", f"a perplexity of {math.exp(member.mean):.3g}"]
    if (bits := member.value("bits_per_byte")) is not None:
        shown.append(f"{bits:.3f} bits per byte")
    tokens, parameters = member.value("tokens"), member.value("parameters")
    size = "" if parameters is None else f" of {parameters:,.0f} parameters"
    length = "" if tokens is None else f" after {tokens:,.0f} tokens"
    sentence = f"A model{size} reaches{length} {', '.join(shown[:-1])} and {shown[-1]}."
    reported = _number(measurements.reported.get("valid_loss", {}).get(member.name))
    if not measurements.full_size or reported is None:
        return Finding(sentence, "not comparable")
    allowed = max(_TOLERANCE, 2 * (measurements.seed_deviation or 0.0))
    verdict: Verdict = "reproduced" if member.mean <= reported + allowed else "not reproduced"
    return Finding(f"{sentence} Reported: {reported:.3f}, {member.mean - reported:+.3f} nats from it.", verdict)


def seeds(measurements: Measurements) -> Finding:
    """State the spread of the final loss over seeds; nothing was reported elsewhere."""
    members = losses_of(measurements.results)
    if not members:
        return not_run("it has no result")
    losses = members[0].losses
    if len(losses) < 2:
        return not_run("it needs at least two seeds that do not diverge")
    deviation, reach = stdev(losses), max(losses) - min(losses)
    sentence = (
        f"Over {len(losses)} seeds the final loss is {fmean(losses):.3f} with a standard deviation of {deviation:.3f} "
        f"nats, from {min(losses):.3f} to {max(losses):.3f} (range {reach:.3f}). Between single runs a difference "
        f"below {2 * math.sqrt(2) * deviation:.3f} nats shows nothing."
    )
    return Finding(sentence, "not comparable")


def corpora(measurements: Measurements) -> Finding:
    """Compare web text with stories, per token and per byte.

    Reported: the loss per token on web text is much higher.
    """
    members = losses_of(measurements.results)
    web = next((member for member in members if member.settings.get("corpus") == "other"), None)
    stories = next((member for member in members if member is not web), None)
    if web is None or stories is None or not (web.losses and stories.losses):
        return not_run("it needs a run on each corpus that does not diverge")
    higher = web.mean - stories.mean
    sentences = [
        f"The loss per token is {web.mean:.3f} nats on web text and {stories.mean:.3f} on stories, "
        f"{abs(higher):.3f} {'more' if higher > 0 else 'less'}."
    ]
    harder = higher > 0
    bits = web.value("bits_per_byte"), stories.value("bits_per_byte")
    table = Table()
    if bits[0] and bits[1]:
        lengths = [_bytes_per_token(web.mean, bits[0]), _bytes_per_token(stories.mean, bits[1])]
        sentences.append(
            "A token of one tokenizer is not a token of the other "
            f"({lengths[0]:.2f} bytes of web text against {lengths[1]:.2f} bytes of stories), so bytes are compared: "
            f"{bits[0]:.3f} against {bits[1]:.3f} bits per byte, {bits[0] / bits[1]:.2f} times as many. "
            f"A byte of web text is {'harder' if bits[0] > bits[1] else 'easier'} to predict."
        )
        harder = harder and bits[0] > bits[1]
        rows = [
            (member.name, f"{member.mean:.3f}", f"{each:.3f}", f"{length:.2f}")
            for member, each, length in zip((stories, web), bits[::-1], lengths[::-1], strict=True)
        ]
        head = ("text", "nats per token", "bits per byte", "bytes per token")
        table = Table(head, tuple(rows), "Loss per token and per byte")
    return Finding(" ".join(sentences), "reproduced" if harder else "not reproduced", table)


def optimizers(measurements: Measurements) -> Finding:
    """Compare Muon at its best rate with AdamW at equal tokens; reported by its author: Muon reaches the lower loss."""
    members = losses_of(measurements.results)
    adamw = base_member(members)
    muons = [member for member in members if member.settings.get("optimizer.name") == "muon"]
    if adamw is None or not muons:
        return not_run("it needs a run with AdamW and one with Muon")
    muon = min(muons, key=lambda member: member.mean)
    gap = difference(muon, adamw, measurements)
    sentences = [f"{adamw.name}: {adamw.shown()}; the best of {len(muons)} with Muon ({muon.name}): {muon.shown()}."]
    if not muon.diverged and not adamw.diverged:
        more = "lower" if gap.value < 0 else "higher"
        end = f"Muon's loss is {more} by {gap.shown()}." if gap.visible else f"No difference: {gap.shown()}."
        sentences.append(end)
    tokens = [muon.value("tokens"), adamw.value("tokens")]
    if None in tokens or tokens[0] != tokens[1]:
        return Finding(" ".join([*sentences, "The numbers of tokens differ or are not known."]), "not comparable")
    sentences.append(f"Both are trained on {tokens[0]:,.0f} tokens.{_time(muon, adamw)}")
    verdict: Verdict = "reproduced" if gap.value < 0 and gap.visible else "not reproduced"
    return Finding(" ".join(sentences), verdict)


def _time(muon: MemberLosses, adamw: MemberLosses) -> str:
    speeds = muon.value("tokens_per_second"), adamw.value("tokens_per_second")
    if not speeds[0] or not speeds[1]:
        return ""
    return f" Muon processes {speeds[0] / speeds[1]:.2f} times as many tokens per second."


def _bytes_per_token(nats: float, bits_per_byte: float) -> float:
    return nats / math.log(2) / bits_per_byte


def _number(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None
