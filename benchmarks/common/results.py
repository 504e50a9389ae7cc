"""Result files: sections that are measured separately and kept together in one JSON file of docs/benchmarks."""

import datetime
import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from benchmarks.common.machine import describe_machine
from benchmarks.common.workers import ROOT

SCHEMA = 1
DOCS = ROOT / "docs" / "benchmarks"
Results = dict[str, Any]
"""`{"schema": 1, "sections": {name: section}}`."""


def section_head(command: str, versions: dict[str, str | None], repetitions: int) -> dict[str, Any]:
    """Return what every section starts with: how, when and on which machine it was measured."""
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": describe_machine(),
        "versions": versions,
        "repetitions": repetitions,
    }


def measure(names: Iterable[str], measure_section: Callable[[str], dict[str, Any]], path: Path | None) -> Results:
    """Measure sections and return them; the file is written after each, so that an interruption loses only one.

    Args:
        names: the sections.
        measure_section: measures the section of a name.
        path: the file to write, if any.
    """
    results: Results = {"schema": SCHEMA, "sections": {}}
    for name in names:
        results["sections"][name] = measure_section(name)
        if path is not None:
            write(results, path)
    return results


def read(path: Path, known: Collection[str]) -> Results:
    """Read a result file.

    Args:
        path: a file written by `write`.
        known: the names of the benchmark's sections.

    Raises:
        ValueError: it is not a result file, or one of another benchmark.
    """
    try:
        results: Results = json.loads(path.read_text("utf-8"))
        valid = results["schema"] == SCHEMA and all(name in known for name in results["sections"])
    except (ValueError, TypeError, KeyError, AttributeError):
        valid = False
    if not valid:
        raise ValueError(f"{path} is not a file of results of this benchmark: pass a file written with --json")
    return results


def write(results: Results, path: Path) -> None:
    """Write a result file."""
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def merge(results: Results, path: Path, known: Collection[str]) -> Results:
    """Add sections to a result file, replacing those of the same names, and return all of its sections."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = read(path, known)["sections"] if path.exists() else {}
    merged: Results = {"schema": SCHEMA, "sections": {**sections, **results["sections"]}}
    write(merged, path)
    return merged


def write_docs(
    results: Results,
    benchmark: str,
    known: Collection[str],
    render: Callable[[Results], str],
    draw: Callable[[Results, Path], str | None] = lambda _results, _folder: None,
) -> None:
    """Add sections to `docs/benchmarks/BENCHMARK.json`, and write the page and the picture of all its sections.

    Args:
        results: the sections that were measured.
        benchmark: the name of the page and of its picture, without the ending.
        known: the names of the benchmark's sections.
        render: returns the page.
        draw: draws the picture into a folder and returns its caption, or None if there is nothing to draw.
    """
    merged = merge(results, DOCS / f"{benchmark}.json", known)
    page = render(merged)
    caption = draw(merged, DOCS)
    (DOCS / f"{benchmark}.md").write_text(_with_picture(page, caption, f"{benchmark}.svg"), "utf-8")


def _with_picture(page: str, caption: str | None, file: str) -> str:
    """Insert a picture below the title of a page."""
    if caption is None:
        return page
    title, _, rest = page.partition("\n\n")
    return f"{title}\n\n![{caption}]({file})\n\n{rest}"
