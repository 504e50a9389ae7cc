"""Checks that the peers compute what ours computes, before anything is timed."""

import functools

from benchmarks.common.workers import WorkerError
from benchmarks.model.settings import PEERS, Row, Settings

_LIMITS = {"logits": 1e-4, "loss": 1e-5, "gradients": 1e-3}


@functools.cache
def agree(settings: Settings, device: str, shape: str) -> list[Row]:
    """Return the relative differences of the peers' logits, loss and gradients from ours.

    Raises:
        WorkerError: a difference is too large, or the greedy ids differ: then timing is pointless.
    """
    cases = [{"library": library, "mode": "eager", "shape": shape} for library in PEERS]
    rows = []
    for library, outcome in zip(PEERS, settings.measure(device, "agree", cases), strict=True):
        if outcome.failed is not None:
            raise WorkerError(outcome.failed)
        facts = outcome.prepared
        for what, limit in _LIMITS.items():
            if not facts[what] <= limit:
                raise WorkerError(
                    f"{library}, {shape}: the {what} differ from ours by {facts[what]:.1e} (relative; limit {limit})"
                )
        if not facts["ids"]:
            raise WorkerError(f"{library}, {shape}: the ids of greedy decoding differ from ours")
        rows.append({"device": device, "shape": shape, "library": library, **facts})
    return rows
