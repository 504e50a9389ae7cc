"""An update of all parameters by AdamW, and of the matrices of the blocks by Muon: ours in turns with torch's."""

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.gpu.alternation import alternate
from benchmarks.gpu.request import Request, Rows

_RULES = {"adamw": ("ours, compiled", "torch, fused"), "muon": ("ours, compiled", "torch")}


def measure(request: Request) -> Rows:
    """Measure updates of the leaderboard model's parameters."""
    for rule, names in _RULES.items():
        uncompiled = "ours, loop" if rule == "adamw" else "ours"
        usable = (uncompiled, names[1]) if request.device == "cpu" else names
        steps = 10 if rule == "adamw" else 3
        common = {"rule": rule, "shape": "leaderboard", "steps": steps}
        outcomes = alternate({name: request.case("optimizer", name, **common) for name in usable}, request.rounds(5))
        for name, outcome in outcomes.items():
            if outcome.failed is not None:
                yield {"case": f"{rule}: {name}", "failed": outcome.failed}
                continue
            memory = outcome.total["memory"] / 2**30
            yield {"case": f"{rule}: {name}", "ms": 1e3 * median_of(outcome.rounds, "seconds"), "GiB": memory}
        ours, theirs = outcomes.values()
        if ours.failed is None and theirs.failed is None:
            yield {"case": f"{rule}: ours/torch", "ratio": median_ratio(ours.rounds, theirs.rounds, "seconds")}
