"""Results as JSON: sections that are measured apart and stand together in one file of docs/benchmarks."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runs import machine

SCHEMA = 1
DOCS = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"
Results = dict[str, Any]


def head(command: str, versions: dict[str, str | None], repetitions: int) -> dict[str, Any]:
    """Return what is told of every section: how, when and on what it was measured."""
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions,
        "repetitions": repetitions,
    }


def read(path: Path, known: Callable[[str], bool]) -> Results:
    """Read a file of results.

    Args:
        path: what `write` has written.
        known: tells whether a section of this name is one of this benchmark's.

    Raises:
        ValueError: it is something else.
    """
    try:
        results: Results = json.loads(path.read_text("utf-8"))
        right = results["schema"] == SCHEMA and all(map(known, results["sections"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        right = False
    if not right:
        raise ValueError(f"{path} holds no results: give a file that --json has written")
    return results


def write(results: Results, path: Path) -> None:
    """Write a file of results."""
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def merge(results: Results, path: Path, known: Callable[[str], bool]) -> Results:
    """Put sections into a file of results, where others may stand, and return all of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = read(path, known)["sections"] if path.exists() else {}
    merged: Results = {"schema": SCHEMA, "sections": {**sections, **results["sections"]}}
    write(merged, path)
    return merged
