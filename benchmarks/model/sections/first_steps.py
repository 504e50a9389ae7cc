"""How long a process takes until its first training step is done, with an empty compile cache and with a warm one."""

import tempfile
import time
from dataclasses import replace
from typing import Any

from benchmarks.model.settings import TRAINED, Row, Settings

_SHAPES = ("base", "leaderboard")


def startup(settings: Settings) -> Row:
    """Measure the first step of each library, compiled if compiled ones are measured at all."""
    rows: list[Row] = []
    for device in settings.devices:
        for shape in settings.shapes_on(device):
            for library in TRAINED[device] if shape in _SHAPES else ():
                row = {"device": device, "shape": shape, "library": library, "mode": settings.modes[-1]}
                with tempfile.TemporaryDirectory() as cache:
                    rows.append(row | first_steps(settings, row, cache))
    return {"rows": rows}


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
    row["seconds"] = row["empty"]["seconds"]
    return row


def _first_step(settings: Settings, case: Row, cache: str) -> dict[str, Any]:
    request = {**case, "cache": cache, "started": time.monotonic()}
    (outcome,) = replace(settings, rounds=1).measure(case["device"], "first_step", [request])
    return outcome.prepared if outcome.failed is None else {"failed": outcome.failed}
