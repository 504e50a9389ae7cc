"""Cases that are compared, measured in turns in one process: whatever slows the device down affects all of them."""

import gc
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.common.resident_workers import Outcome
from benchmarks.common.rounds import in_rounds
from benchmarks.model.memory import Memory
from benchmarks.model.worker import prepare

Measure = Callable[[], dict[str, Any]]


def alternate(cases: Mapping[str, Mapping[str, Any]], rounds: int) -> dict[str, Outcome]:
    """Prepare all cases, then measure each of them in every round.

    Args:
        cases: requests to tasks of `benchmarks.model`, by any names.
        rounds: measurements of each.

    Returns:
        Their outcomes, in which the peak of memory is that of the case alone. One that fails does not stop the others.
    """
    outcomes = {name: Outcome() for name in cases}
    measures: dict[str, Measure] = {}
    for name, case in cases.items():
        memory = Memory(case["device"], case["mode"])
        try:
            outcomes[name].prepared, measure = prepare(case, memory)
            memory.reset_peak()
            measure()  # before the others are prepared, whose memory would be counted
            outcomes[name].total = {"memory": memory.peak()}
            measures[name] = measure
        except Exception as error:
            outcomes[name].failed = one_line(error)
            gc.collect()
    for _, name in in_rounds(list(measures), rounds):
        if outcomes[name].failed is None:
            try:
                outcomes[name].rounds.append(measures[name]())
            except Exception as error:
                outcomes[name].failed = one_line(error)
    return outcomes


def one_line(error: Exception) -> str:
    """Return the kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
