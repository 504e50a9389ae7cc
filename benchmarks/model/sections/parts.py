"""Parts of a training step: loss, optimizer, attention."""

from collections.abc import Sequence
from typing import Any

from benchmarks.common.resident_workers import Outcome
from benchmarks.model.implementations.optimizers import OPTIMIZERS
from benchmarks.model.settings import Row, Settings, distance, measured

_LOSSES = ("ours, chunked", "ours, all logits", "torch, all logits", "torch, chunked")
_LOSS_SHAPE, _OPTIMIZER_SHAPE = "base-32k", "base"
_ATTENTION_CASES: Sequence[tuple[str, int | None]] = (("base", None), ("gpt2-small", None), ("gpt2-small", 256))


def loss(settings: Settings) -> Row:
    """Measure the loss of hidden states, forward and backward; torch's with all logits at once is the reference."""
    rows: list[Row] = []
    for device in settings.devices:
        for mode in settings.modes:
            # torch.compile does not change torch's chunked loss.
            names = [name for name in _LOSSES if mode == "eager" or name != "torch, chunked"]
            cases = [{"library": name, "mode": mode, "shape": _LOSS_SHAPE} for name in names]
            outcomes = settings.measure(device, "loss", cases)
            rows += _rows({"device": device, "mode": mode}, names, outcomes, names.index("torch, all logits"))
    return {"shape": _LOSS_SHAPE, "rows": rows}


def optimizer(settings: Settings) -> Row:
    """Measure updates of all parameters by AdamW, and of the hidden matrices by Muon; torch's is the reference."""
    rows: list[Row] = []
    for device in settings.devices:
        for rule, makers in OPTIMIZERS.items():
            names = [name for name in makers if "compiled" in settings.modes or not name.endswith("compiled")]
            cases = [{"library": name, "mode": "eager", "shape": _OPTIMIZER_SHAPE, "rule": rule} for name in names]
            outcomes = settings.measure(device, "optimizer", cases, steps=10 if rule == "adamw" else 1)
            reference = next(place for place, name in enumerate(names) if name.startswith("torch"))
            rows += _rows({"device": device, "rule": rule}, names, outcomes, reference)
    return {"shape": _OPTIMIZER_SHAPE, "rows": rows}


def attention(settings: Settings) -> Row:
    """Measure an attention layer, forward and backward, with each back end; `einx` is the reference."""
    rows: list[Row] = []
    for device in settings.devices:
        for shape, window in _ATTENTION_CASES:
            for mode in settings.modes:
                # On a CPU, where gradients are needed, `fused` is used instead of `flex`.
                names = ["einx", "fused"] if device == "cpu" else ["einx", "fused", "flex"]
                used = 8 if settings.quick and window else window
                cases = [{"library": name, "mode": mode, "shape": shape, "window": used} for name in names]
                outcomes = settings.measure(device, "attention", cases)
                common = {"device": device, "shape": shape, "window": used, "mode": mode}
                rows += _rows(common, names, outcomes, 0)
    return {"rows": rows}


def _rows(common: Row, names: Sequence[str], outcomes: Sequence[Outcome], reference: int) -> list[Row]:
    """Return a row for each outcome, with its speed relative to the reference and the difference of its results."""
    rows = []
    for name, outcome in zip(names, outcomes, strict=True):
        row = {**common, "library": name, **measured(outcome, outcomes[reference])}
        if outcome.failed is None and outcomes[reference].failed is None:
            row["differs_by"] = _difference(outcomes[reference].prepared, outcome.prepared)
        rows.append(row)
    return rows


def _difference(expected: dict[str, Any], found: dict[str, Any]) -> float:
    """Return the relative difference: the largest of the numbers, or that of the norms of the parameters' changes."""
    if "changes" not in expected:
        return distance(expected, found)
    pairs = list(zip(expected["changes"], found["changes"], strict=True))
    return float((sum((b - a) ** 2 for a, b in pairs) / sum(a**2 for a, _ in pairs)) ** 0.5)
