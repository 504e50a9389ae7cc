"""How long a process takes until its first training step is done, with an empty compile cache and with a warm one."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.model.settings import Row, Settings

_SHAPES = ("base", "leaderboard")


def add_first_steps(settings: Settings, rows: Sequence[Row]) -> None:
    """Measure the first step of each row of `train` that is compiled for a GPU, and add it to the row.

    On a CPU, where compiling takes a minute, and only runs of many minutes are compiled, it is not measured.
    """
    for row in rows:
        if row["device"] == "cuda" and row["mode"] == "compiled" and row["shape"] in _SHAPES and "failed" not in row:
            case = {key: row[key] for key in ("device", "shape", "library", "mode")}
            with tempfile.TemporaryDirectory() as cache:
                row["first_steps"] = first_steps(settings, case, cache)


def first_steps(settings: Settings, case: Row, cache: str) -> Row:
    """Return the seconds from the start of a fresh process to the end of its first step.

    Args:
        settings: what is measured.
        case: device, shape, library and mode.
        cache: folder of the compile cache; if it is empty, the first of the two processes fills it.

    Returns:
        For `empty` and `warm` cache: the seconds, and those of them spent on building the model and on the step itself;
        or why a process `failed`.
    """
    row: Row = {}
    for name in ("empty", "warm"):
        measured = _first_step(settings, case, cache)
        if "failed" in measured:
            return measured
        row[name] = measured
    return row


def _first_step(settings: Settings, case: Row, cache: str) -> dict[str, Any]:
    request = {**case, "cache": cache, "started": time.monotonic()}
    (outcome,) = replace(settings, rounds=1).measure(case["device"], "first_step", [request])
    return outcome.prepared if outcome.failed is None else {"failed": outcome.failed}
