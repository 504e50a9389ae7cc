"""Turns within one process: in each round all have theirs, every other round backwards."""

from collections.abc import Callable, Mapping
from typing import Any

from torch.distributed.checkpoint.api import CheckpointException

Key = tuple[str, str]
"""Library and mode."""
Turn = Callable[[], dict[str, Any]]


def take_turns(prepared: Mapping[Key, Callable[[], tuple[dict[str, Any], Turn]]], rounds: int) -> list[dict[str, Any]]:
    """Prepare all, give each its turns, and return a row for each.

    Args:
        prepared: by name, what returns facts to be told of one, and its turn.
        rounds: turns of each.

    Returns:
        The facts of each with "turns", the answers of its turns; or "failed", why it did not come to its end.
    """
    rows: dict[Key, dict[str, Any]] = {key: {"library": key[0], "mode": key[1], "turns": []} for key in prepared}
    turns: dict[Key, Turn] = {}

    def guarded(key: Key, call: Callable[[Key], None]) -> None:
        if "failed" in rows[key]:
            return
        try:
            call(key)
        except (Exception, CheckpointException) as error:  # torch derives the latter from BaseException
            said = " ".join(str(error).split()) or "nothing said"
            rows[key] = {"library": key[0], "mode": key[1], "failed": f"{type(error).__name__}: {said}"}

    def prepare(key: Key) -> None:
        facts, turns[key] = prepared[key]()
        rows[key] |= facts

    def take_turn(key: Key) -> None:
        rows[key]["turns"].append(turns[key]())

    for key in prepared:
        guarded(key, prepare)
    for number in range(rounds):
        keys = list(prepared)
        for key in keys if number % 2 == 0 else keys[::-1]:
            guarded(key, take_turn)
    return list(rows.values())
