"""Tables of measurements other than training runs: their single values and their rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from experimentation.findings import Measurements
from experimentation.report.cells import shown, words
from experimentation.report.document import Cell, Folded, Grid, Listing, Paragraph
from experimentation.results import MemberResult

_MOST_ROWS = 20
"""A table of more rows is folded."""
Row = Mapping[str, Any]
Measured = Grid | Paragraph | Listing | Folded


def measured_tables(measurements: Measurements, members: Sequence[str]) -> list[Measured]:
    """Return the values and the rows of measurements, with the figures reported elsewhere beside them.

    Args:
        measurements: the results and the reported figures.
        members: the names of all members; those without a result are named as not run.
    """
    results = measurements.results
    blocks: list[Measured] = []
    if any(result.values for result in results):
        blocks.append(_values(measurements))
    for title, rows in _grouped(results):
        blocks += _rows(rows, title)
    ran = {result.name for result in results}
    if missing := [name for name in members if name not in ran]:
        blocks.append(Grid(("member", ""), tuple((name, "not run") for name in missing)))
    return blocks


def _values(measurements: Measurements) -> Grid:
    """Return the values, a column for each result; a value of which a figure was reported has a line with it below."""
    results = [result for result in measurements.results if result.values]
    several = len({result.seed for result in results}) > 1
    titles = [f"{result.name}, seed {result.seed}" if several else result.name for result in results]
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys(name for result in results for name in result.values):
        rows.append((words(name), *(shown(result.values.get(name)) for result in results)))
        reported = measurements.reported.get(name, {})
        if any(result.name in reported for result in results):
            rows.append(("reported elsewhere", *(shown(reported.get(result.name)) for result in results)))
    return Grid(("value", *titles), tuple(rows))


def _grouped(results: Sequence[MemberResult]) -> list[tuple[str, list[Row]]]:
    """Return the rows of results with the names of their members, those with the same columns together."""
    groups: dict[tuple[str, ...], tuple[list[str], list[Row]]] = {}
    for result in results:
        if result.rows:
            names, rows = groups.setdefault(_columns(result.rows), ([], []))
            names.append(result.name)
            rows.extend(result.rows)
    alone = len(groups) == 1
    return [("" if alone else ", ".join(dict.fromkeys(names)), rows) for names, rows in groups.values()]


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return all columns that occur, in the order of their first appearance."""
    return tuple(dict.fromkeys(name for row in rows for name in row))


def _rows(rows: Sequence[Row], title: str) -> list[Measured]:
    """Return rows as a table, folded if it is long, or one below the other if they contain texts of several lines."""
    columns = _columns(rows)
    long = [name for name in columns if any("\n" in str(row.get(name, "")).strip() for row in rows)]
    if not long:
        cells = tuple(tuple(shown(row.get(name)) for name in columns) for row in rows)
        grid = Grid(tuple(words(name) for name in columns), cells, title)
        return [grid if len(rows) <= _MOST_ROWS else Folded(f"{len(rows)} rows", (grid,))]
    blocks: list[Measured] = []
    for row in rows:
        for name in columns:
            text = str(row.get(name, ""))
            if name in long:
                blocks.append(Listing("", text))
            elif text:
                blocks.append(Paragraph(text, "question" if name == columns[0] else "plain"))
    return blocks
