"""Tables of training runs: the members with their final losses, and what a finding is computed from; texts."""

from collections.abc import Sequence

from experimentation.findings import Finding, Measurements, losses_of
from experimentation.findings.losses import MemberLosses
from experimentation.report.cells import shown
from experimentation.report.document import Cell, Code, Folded, Grid, Listing
from experimentation.results import MemberResult
from run_page.results import duration

_OBSERVING = frozenset(
    f"training.{name}"
    for name in ("eval_interval", "eval_batches", "final_eval_batches", "log_interval", "checkpoint_interval")
)
"""Settings that decide what is measured and saved, not what is trained."""
_LONG_TEXTS = 1
"""More texts than this are folded."""


def members_table(measurements: Measurements, members: Sequence[str]) -> Grid:
    """Return the final losses of training runs, with the figures reported elsewhere beside them.

    Args:
        measurements: the results and the reported figures.
        members: the names of all members, in order; those without a result are marked, and members of other
            scales of which a figure was reported.
    """
    known = {member.name: member for member in losses_of(measurements.results)}
    reported = measurements.reported.get("valid_loss", {})
    names = list(dict.fromkeys([*members, *known, *reported]))
    head = ["member", "validation loss (nats per token)"]
    head += ["reported elsewhere"] if reported else []
    bits = any(member.value("bits_per_byte") is not None for member in known.values())
    head += ["bits per byte"] if bits else []
    head += ["tokens", "time in training", "settings"]
    rows = []
    for name in names:
        member = known.get(name)
        missing = "not run" if name in members else "not at this scale"
        row: list[Cell] = [name, missing if member is None else member.shown()]
        row += [_reported(reported.get(name))] if reported else []
        row += [shown(None if member is None else member.value("bits_per_byte"))] if bits else []
        rows.append((*row, *_cost(member)))
    return Grid(tuple(head), tuple(rows))


def _cost(member: MemberLosses | None) -> tuple[Cell, ...]:
    """Return tokens, time and settings of a member."""
    if member is None:
        return "", "", ""
    seconds = [result.seconds for result in member.results]
    settings = " ".join(f"{key}={value}" for key, value in member.settings.items() if key not in _OBSERVING)
    tokens = member.value("tokens")
    return "" if tokens is None else f"{tokens:,.0f}", duration(sum(seconds) / len(seconds)), Code(settings)


def _reported(figure: float | str | None) -> str:
    return "" if figure is None else str(figure)


def evidence_table(finding: Finding) -> Grid | None:
    """Return what a finding is computed from, if it is not in the other tables."""
    evidence = finding.evidence
    return Grid(evidence.head, evidence.rows, evidence.title) if evidence.rows else None


def texts(results: Sequence[MemberResult]) -> list[Listing | Folded]:
    """Return the texts of the results, folded if there are several."""
    listings = tuple(Listing(text["title"], text["text"]) for result in results for text in result.texts)
    if len(listings) <= _LONG_TEXTS:
        return list(listings)
    return [Folded(f"{len(listings)} texts", listings)]
