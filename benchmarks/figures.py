"""What is made of raw measurements: medians, ratios of interleaved runs, and where two lists of ids part."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

Answers = Sequence[Mapping[str, Any]]


def median_of(answers: Answers, key: str) -> float:
    """Return the median of one figure over the repetitions."""
    return median(answer[key] for answer in answers)


def median_ratio(peer: Answers, ours: Answers, key: str) -> float:
    """Return the median over the repetitions of the peer's seconds per second of ours: above 1 where ours is faster.

    Each ratio is of two runs of the same repetition, so a machine that slows down for a while slows both.

    Raises:
        ValueError: the two do not have equally many repetitions.
    """
    return median(theirs[key] / mine[key] for theirs, mine in zip(peer, ours, strict=True))


def size_from_which_faster(ours: Mapping[int, float], peer: Mapping[int, float]) -> int | None:
    """Return the smallest size at which, and at all larger ones measured, ours takes less time; None if there is none.

    Args:
        ours: seconds by size in bytes.
        peer: the same; sizes that are not in both are left out.
    """
    found = None
    for size in sorted(ours.keys() & peer.keys(), reverse=True):
        if ours[size] >= peer[size]:
            break
        found = size
    return found


def share_in_common(tokens: Sequence[str], others: Sequence[str]) -> float:
    """Return which part of `tokens` is also in `others`."""
    return len(set(tokens) & set(others)) / len(set(tokens))


def first_difference(ids: "np.ndarray", others: "np.ndarray") -> int | None:
    """Return the first position at which two arrays of ids differ (one may end there), None where they are equal."""
    shorter = min(len(ids), len(others))
    differing = np.flatnonzero(ids[:shorter] != others[:shorter])
    if len(differing):
        return int(differing[0])
    return None if len(ids) == len(others) else shorter


def describe_difference(
    ids: "np.ndarray", others: "np.ndarray", vocab: Mapping[int, bytes], around: int = 12
) -> dict[str, Any] | None:
    """Tell where two arrays of ids part and what text stands there; None where they are equal.

    Args:
        ids: ours.
        others: the peer's.
        vocab: the bytes of each id.
        around: how many ids before and after make the text that is shown.
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
