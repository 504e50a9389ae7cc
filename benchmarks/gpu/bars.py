"""What is promised on a GPU: figures of the parts and their limits.

Three limits are not part of the promise but how it is read here: 0.02 nats between bfloat16 and float32, 2 % idle time
for "no gap between steps", and 1.05 times the fastest back end for the one that `auto` chooses.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

NOT_MEASURED = "not measured"


class Bar(NamedTuple):
    """A promise: one quantity of one case, and the limit that it must keep."""

    promise: str
    part: str
    case: str
    quantity: str
    limit: float
    side: Literal["at most", "at least"]
    form: str = "{:.2f}"
    """How figure and limit are shown."""


_PERCENT, _SECONDS, _SMALL, _COUNT, _TIMES = "{:.1%}", "{:.1f} s", "{:.1e}", "{:.0f}", "{:.1f}×"
_ONE, _MANY, _PRECISION = "one sequence", "many sequences", "bfloat16 against float32"
BARS = (
    Bar("leaderboard step, share of plain PyTorch's time", "step", "ours/plain", "ratio", 0.92, "at most", "{:.3f}"),
    Bar("leaderboard step, MFU of the datasheet", "step", "ours", "mfu", 0.52, "at least", _PERCENT),
    Bar("the same with 10 heads of 128", "heads", "ours", "mfu", 0.55, "at least", _PERCENT),
    Bar("moonshot: the same with 10 heads of 128", "heads", "ours", "mfu", 0.60, "at least", _PERCENT),
    Bar("first step, empty compile cache", "first_step", "empty cache", "seconds", 15, "at most", _SECONDS),
    Bar("first step, warm compile cache", "first_step", "warm cache", "seconds", 5, "at most", _SECONDS),
    Bar("base model, whole run, projected", "whole_run", "run", "projected_seconds", 150, "at most", _SECONDS),
    Bar("decoding, base model, one sequence", "generation", f"base, {_ONE}", "speed", 5, "at least", _TIMES),
    Bar("decoding, GPT-2 small, one sequence", "generation", f"gpt2-small, {_ONE}", "speed", 5, "at least", _TIMES),
    Bar("decoding, base model, 64 sequences", "generation", f"base, {_MANY}", "speed", 3, "at least", _TIMES),
    Bar("decoding, GPT-2 small, 64 sequences", "generation", f"gpt2-small, {_MANY}", "speed", 3, "at least", _TIMES),
    Bar("runs that do not end with equal bytes", "exactness", "runs", "wrong", 0, "at most", _COUNT),
    Bar("compiled gradients against uncompiled", "exactness", "compiled, float32", "differs", 1e-4, "at most", _SMALL),
    Bar("AdamW, share of torch's fused one", "optimizers", "adamw: ours/torch", "ratio", 1.0, "at most", "{:.3f}"),
    Bar("Muon, share of torch's", "optimizers", "muon: ours/torch", "ratio", 1.05, "at most", "{:.3f}"),
    Bar("chunked loss, share of all logits at once", "loss", "chunked/all logits", "ratio", 1.0, "at most", "{:.3f}"),
    Bar("bfloat16 losses, nats from float32", "bfloat16", _PRECISION, "largest_gap_nats", 0.02, "at most", "{:.3f}"),
    Bar("GPU idle in the loop", "trace", "device", "idle", 0.02, "at most", _PERCENT),
    Bar("attention auto, share of the fastest back end", "attention", "auto", "largest_ratio", 1.05, "at most"),
)


class Verdict(NamedTuple):
    """Whether a promise is kept."""

    figure: str
    limit: str
    verdict: str
    """`met`, `not met`, or `not measured`, with the reason."""


def judge(bar: Bar, results: Mapping[str, Any]) -> Verdict:
    """Compare the figure of a bar with its limit.

    Args:
        bar: the promise.
        results: of the script: its "parts" by name, and whether they were "tiny".
    """
    limit = f"{bar.side} {bar.form.format(bar.limit)}"
    part = results["parts"].get(bar.part)
    if part is None:
        return Verdict("–", limit, f"{NOT_MEASURED}: --part left it out")
    row: Mapping[str, Any] = next((row for row in part["rows"] if row["case"] == bar.case), {})
    figure = row.get(bar.quantity)
    if figure is None:
        return Verdict("–", limit, f"{NOT_MEASURED}: {_reason(bar.quantity, row, part)}")
    shown = bar.form.format(figure)
    if results["tiny"]:
        return Verdict(shown, limit, f"{NOT_MEASURED}: tiny models")
    kept = figure <= bar.limit if bar.side == "at most" else figure >= bar.limit
    return Verdict(shown, limit, "met" if kept else "not met")


def _reason(quantity: str, row: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """Return why a figure is missing."""
    for key, value in row.items():
        if key in ("failed", "skipped") or key.endswith("_failed"):
            return str(value)
    failed = next((str(other["failed"]) for other in part["rows"] if "failed" in other), None)
    if failed is not None:
        return failed
    ended = str(part["ended"]).removeprefix(f"{NOT_MEASURED}: ")
    if ended != "done":
        return ended
    return "there is no datasheet of this device" if quantity == "mfu" else "the part did not measure it"
