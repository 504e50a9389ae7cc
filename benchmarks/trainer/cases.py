"""Cases that are measured in the same process, once in every round."""

from collections.abc import Callable, Mapping
from typing import Any

from torch.distributed.checkpoint.api import CheckpointException

from benchmarks.common.rounds import in_rounds

Key = tuple[str, str]
"""Library and mode."""
Facts = dict[str, Any]
Case = tuple[Facts, Callable[[], Facts]]
"""What was found out while preparing, and the function that measures one round."""


def measure_cases(cases: Mapping[Key, Callable[[], Case]], rounds: int) -> list[Facts]:
    """Prepare all cases, then measure each once in every round; if one fails, the others are measured nevertheless.

    Args:
        cases: functions that prepare a case.
        rounds: measurements of each case.

    Returns:
        For each case a row with its facts and, as "turns", its measurements; or with "failed", the reason.
    """
    rows: dict[Key, Facts] = {key: {"library": key[0], "mode": key[1], "turns": []} for key in cases}
    prepared: dict[Key, Callable[[], Facts]] = {}

    def prepare(key: Key) -> None:
        facts, prepared[key] = cases[key]()
        rows[key] |= facts

    def measure(key: Key) -> None:
        rows[key]["turns"].append(prepared[key]())

    def attempt(call: Callable[[Key], None], key: Key) -> None:
        if "failed" in rows[key]:
            return
        try:
            call(key)
        except (Exception, CheckpointException) as error:  # CheckpointException derives from BaseException
            reason = " ".join(str(error).split()) or "no message"
            rows[key] = {"library": key[0], "mode": key[1], "failed": f"{type(error).__name__}: {reason}"}

    for key in cases:
        attempt(prepare, key)
    for _, key in in_rounds(list(cases), rounds):
        attempt(measure, key)
    return list(rows.values())
