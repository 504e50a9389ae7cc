"""metrics.jsonl, the truth about a run: one JSON object a line, from which every curve is drawn.

Each line has `step`, and what was measured there: while training `tokens`, `seconds` (in the loop, earlier sessions
included), `train_loss`, `learning_rate`, `grad_norm`, `tokens_per_second`, `mfu`, `memory_bytes`, …; at an evaluation
`valid_loss`, `valid_perplexity`, `bits_per_byte`. What is not known, or is no finite number, is null.
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
    """A metrics.jsonl that is damaged elsewhere than at its end."""


Entry = dict[str, Any]


class MetricsFile(Reporter):
    """Appends a line for each call, whole or not at all."""

    def __init__(self, path: Path) -> None:
        _mend_end(path)
        self._file = AppendFile(path)

    def metrics(self, step: int, values: Metrics) -> None:
        """Append a line.

        Raises:
            OSError: it cannot be written; the file is then as it was before.
        """
        # JSON knows no infinity: a perplexity beyond all floats becomes null.
        known = {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}
        self._file.append(json.dumps({"step": step, **known}, allow_nan=False) + "\n")

    def sync(self) -> None:
        """Make sure that the lines so far survive a power cut."""
        self._file.sync()

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 the file is complete either way
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> list[Entry]:
    """Return the entries of a `metrics.jsonl`, without a last line that was cut short; none if there is no file.

    Raises:
        MetricsError: a line before the last is no entry.
    """
    return [entry for _, entry in _entries(path)]


def rewind_metrics(path: Path, step: int, *, evaluated: bool = True) -> list[Entry]:
    """Cut off the entries after a step, which a resumed run will tell again, and return those that stay.

    The file is only made shorter, so that this works on a full disk, and a kill leaves it as it was or as it should be.

    Args:
        path: the file.
        step: the last step that is done.
        evaluated: whether its evaluation is; else that is cut off too.

    Raises:
        MetricsError: a line before the last is no entry.
    """
    kept = []
    for start, entry in _entries(path):
        if entry["step"] > step or (entry["step"] == step and "valid_loss" in entry and not evaluated):
            os.truncate(path, start)
            break
        kept.append(entry)
    return kept


def _entries(path: Path) -> Iterator[tuple[int, Entry]]:
    """Yield each entry with the place of its first byte."""
    if not path.exists():
        return
    start, damaged = 0, None
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if damaged is not None:
                raise MetricsError(f"{path}: line {damaged} is no JSON object with a step: delete it, or mend it")
            entry = _parse(line)
            if entry is None:
                damaged = number  # forgiven if it is the last
            else:
                yield start, entry
            start += len(line)


def _parse(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:  # no JSON, or no UTF-8
        return None
    return entry if isinstance(entry, dict) and type(entry.get("step")) is int else None


def _mend_end(path: Path) -> None:
    """Cut off a last line that is no entry, lest it be buried; and give an entry its line end, if that is missing."""
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
