"""Tables of an experiment: its members with their final losses, or the rows that a measurement gave."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experimentation.findings import Finding, Measurements, losses_of
from experimentation.findings.losses import MemberLosses
from experimentation.report.document import Cell, Code, Folded, Grid, Listing, Paragraph
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


def measured_tables(measurements: Measurements, members: Sequence[str]) -> list[Grid | Paragraph | Listing]:
    """Return the rows and the single values of measurements other than training runs."""
    several = len({result.seed for result in measurements.results}) > 1
    grids: list[Grid | Paragraph | Listing] = []
    for result in measurements.results:
        title = f"{result.name}, seed {result.seed}" if several else result.name
        if result.values:
            grids.append(_values(result, measurements, title))
        if result.rows:
            grids += _rows(result.rows, title)
    ran = {result.name for result in measurements.results}
    missing = [name for name in members if name not in ran]
    return [*grids, *([Grid(("member", ""), tuple((name, "not run") for name in missing))] if missing else [])]


def _values(result: MemberResult, measurements: Measurements, title: str) -> Grid:
    """Return the values of a result, and beside each what was reported elsewhere of this member."""
    figures = {name: own.get(result.name) for name, own in measurements.reported.items()}
    head = ["value", "measured"]
    head += ["reported elsewhere"] if any(figure is not None for figure in figures.values()) else []
    rows = []
    for name, value in result.values.items():
        row: list[Cell] = [_words(name), shown(value)]
        row += [shown(figures.get(name))] if len(head) > 2 else []
        rows.append(tuple(row))
    return Grid(tuple(head), tuple(rows), title)


def _rows(rows: Sequence[Mapping[str, Any]], title: str) -> list[Grid | Paragraph | Listing]:
    """Return rows as a table with all columns that occur, or one below the other if they contain texts of lines."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    long = [name for name in columns if any("\n" in str(row.get(name, "")) for row in rows)]
    if not long:
        cells = tuple(tuple(shown(row.get(name)) for name in columns) for row in rows)
        return [Grid(tuple(_words(name) for name in columns), cells, title)]
    blocks: list[Grid | Paragraph | Listing] = []
    for row in rows:
        for name in columns:
            text = str(row.get(name, ""))
            if name in long:
                blocks.append(Listing(_words(name), text))
            elif text:
                blocks.append(Paragraph(text, "question" if name == columns[0] else "plain"))
    return blocks


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


def shown(value: Any) -> Cell:
    """Return a value as a cell.

    >>> [shown(value) for value in (None, True, 1_234_567, 0.123456, 6.8, 1e-23, 123456.7, "a")]
    ['', 'yes', '1,234,567', '0.1235', '6.8', '1e-23', '123,457', 'a']
    >>> shown(" the")  # a token, whose space matters
    Code(text=' the')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "not finite"
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    text = str(value)
    return text if text == text.strip() else Code(text)


def _words(name: str) -> str:
    """Return the name of a value as words."""
    return name.replace("_", " ")
