"""metrics.jsonl: all metrics of a run, one JSON object per line, from which plots are drawn.

Each line has `step` and the metrics of that step: of training `tokens`, `seconds` (spent in the loop, including earlier
sessions), `train_loss`, `learning_rate`, `grad_norm`, `tokens_per_second`, `mfu`, `memory_bytes`, …; of an evaluation
`valid_loss`, `valid_perplexity`, `bits_per_byte`. A value that is not known or not finite is null.
"""

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainer.reporting.append_file import AppendFile
from trainer.reporting.reporter import Metrics, Reporter


class MetricsError(ValueError):
    """A metrics.jsonl is damaged before its last line."""


Entry = dict[str, Any]


class MetricsFile(Reporter):
    """Appends a line per call, completely or not at all."""

    def __init__(self, path: Path) -> None:
        _repair_end(path)
        self._file = AppendFile(path)

    def metrics(self, step: int, values: Metrics) -> None:
        """Append a line.

        Raises:
            OSError: it cannot be written; the file is unchanged.
        """
        # JSON has no infinity, which a perplexity can be.
        known = {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}
        self._file.append(json.dumps({"step": step, **known}, allow_nan=False) + "\n")

    def sync(self) -> None:
        """Write the file to the disk."""
        self._file.sync()

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 the file is complete either way
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> list[Entry]:
    """Return the entries of a `metrics.jsonl`, without an incomplete last line; an empty list if there is no file.

    Raises:
        MetricsError: a line before the last is not an entry.
    """
    return [entry for _, entry in _entries(path)]


def rewind_metrics(path: Path, step: int, *, evaluated: bool = True) -> list[Entry]:
    """Remove the entries after a step, which a resumed run will report again, and return the remaining ones.

    The file is truncated, which works on a full disk and is not interrupted halfway if the process is killed.

    Args:
        path: the file.
        step: the last step that is done.
        evaluated: whether the evaluation of that step is done; if not, its entry is removed too.

    Raises:
        MetricsError: a line before the last is not an entry.
    """
    kept = []
    for start, entry in _entries(path):
        if entry["step"] > step or (entry["step"] == step and "valid_loss" in entry and not evaluated):
            os.truncate(path, start)
            break
        kept.append(entry)
    return kept


def _entries(path: Path) -> Iterator[tuple[int, Entry]]:
    """Yield each entry with the position of its first byte."""
    if not path.exists():
        return
    start, damaged = 0, None
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if damaged is not None:
                raise MetricsError(f"{path}: line {damaged} is not a JSON object with a step: correct or delete it")
            entry = _parse(line)
            if entry is None:
                damaged = number  # ignored if it is the last
            else:
                yield start, entry
            start += len(line)


def _parse(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:  # neither JSON nor UTF-8
        return None
    return entry if isinstance(entry, dict) and type(entry.get("step")) is int else None


def _repair_end(path: Path) -> None:
    """Remove a last line that is not an entry, or append a missing line end, so that the next entry is a line."""
    if not path.exists():
        return
    content = path.read_bytes()
    start = content.rstrip(b"\n").rfind(b"\n") + 1
    if _parse(content[start:]) is None:
        os.truncate(path, start)
    elif not content.endswith(b"\n"):
        file = AppendFile(path)
        file.append("\n")
        file.close()
