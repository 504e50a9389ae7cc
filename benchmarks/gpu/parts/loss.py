"""The LM head and the cross-entropy: ours in chunks in turns with all logits at once."""

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.gpu.alternation import alternate
from benchmarks.gpu.request import Request, Rows

_NAMES = ("ours, chunked", "torch, all logits")


def measure(request: Request) -> Rows:
    """Measure a batch of the leaderboard model, compiled, forward and backward."""
    cases = {name: request.case("loss", name, shape="leaderboard", steps=5) for name in _NAMES}
    outcomes = alternate(cases, request.rounds(5))
    for name, outcome in outcomes.items():
        if outcome.failed is not None:
            yield {"case": name, "failed": outcome.failed}
            continue
        memory = outcome.total["memory"] / 2**30
        yield {"case": name, "ms": 1e3 * median_of(outcome.rounds, "seconds"), "GiB": memory, **outcome.prepared}
    ours, theirs = outcomes.values()
    if ours.failed is None and theirs.failed is None:
        yield {"case": "chunked/all logits", "ratio": median_ratio(ours.rounds, theirs.rounds, "seconds")}
