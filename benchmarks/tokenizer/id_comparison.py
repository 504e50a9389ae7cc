"""Where two arrays of token ids differ."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def first_difference(ids: "np.ndarray", others: "np.ndarray") -> int | None:
    """Return the first position at which two arrays differ (one may end there), or None if they are equal."""
    shorter = min(len(ids), len(others))
    differing = np.flatnonzero(ids[:shorter] != others[:shorter])
    if len(differing):
        return int(differing[0])
    return None if len(ids) == len(others) else shorter


def describe_difference(
    ids: "np.ndarray", others: "np.ndarray", vocab: Mapping[int, bytes], around: int = 12
) -> dict[str, Any] | None:
    """Return where two arrays of ids first differ, and the text around it; None if they are equal.

    Args:
        ids: ours.
        others: the peer's.
        vocab: the bytes of each id.
        around: how many ids before and after the difference are shown.
    """
    position = first_difference(ids, others)
    if position is None:
        return None
    start, end = max(0, position - around), position + around
    return {
        "position": position,
        "ours": [int(token) for token in ids[position:end]],
        "theirs": [int(token) for token in others[position:end]],
        "text": b"".join(vocab[int(token)] for token in ids[start:end]).decode(errors="replace"),
        "text_from_there": b"".join(vocab[int(token)] for token in ids[position:end]).decode(errors="replace"),
    }
